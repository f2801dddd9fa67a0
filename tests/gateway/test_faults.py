"""What a provider's fault means to a client."""

from typing import get_args

import pytest

from tests.gateway.builders import route
from tintype_gateway.faults import error_of
from tintype_gateway.values import FaultKind, UpstreamFault


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("refused", 400, "moderation_blocked"),
        ("invalid", 400, "unsupported_parameter"),
        ("throttled", 503, "provider_throttled"),
        ("unauthorized", 503, "provider_unauthorized"),
        ("unavailable", 503, "provider_unavailable"),
        ("timeout", 503, "timeout"),
        ("outcome_unknown", 503, "outcome_unknown"),
    ],
)
def test_a_kind_of_fault_has_its_status_and_code(kind: FaultKind, status: int, code: str) -> None:
    error = error_of(UpstreamFault(kind, "why"), route())
    assert (error.status, error.code) == (status, code)


@pytest.mark.parametrize("kind", get_args(FaultKind))
@pytest.mark.parametrize("unprocessed", [True, False])
def test_only_what_did_nothing_and_may_do_better_is_sent_again(
    kind: FaultKind, unprocessed: bool
) -> None:
    error = error_of(UpstreamFault(kind, "why", unprocessed=unprocessed), route())
    assert error.retry is (unprocessed and kind in ("throttled", "unavailable"))


@pytest.mark.parametrize("seconds", [None, 0, 7])
def test_the_providers_hint_when_to_try_again_is_passed_on(seconds: int | None) -> None:
    error = error_of(UpstreamFault("throttled", "why", retry_after_seconds=seconds), route())
    assert error.headers().get("Retry-After") == (None if seconds is None else str(seconds))


def test_an_unavailable_provider_is_named_with_its_binding() -> None:
    error = error_of(UpstreamFault("timeout", "no answer"), route(name="west"))
    assert error.message == "openai (west): no answer"


def test_a_request_that_the_provider_refuses_names_the_provider() -> None:
    error = error_of(UpstreamFault("invalid", "size is too large", code="x"), route())
    assert error.message == "openai: size is too large"


def test_refused_content_is_told_in_the_providers_words() -> None:
    fault = UpstreamFault(
        "refused", "safety_violations=[violence]", code="content_policy_violation"
    )
    error = error_of(fault, route())
    assert (error.message, error.type) == (fault.message, "image_generation_user_error")
