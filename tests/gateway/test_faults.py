"""What a provider's fault means to a client, to the ledger and to further calls."""

from typing import get_args

import pytest

from tintype_gateway.faults import RULES, Rule, begun, error_of, gravest, kind_of_status
from tintype_gateway.values.events import FailedCall
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_testing.builders import route

KINDS: tuple[FaultKind, ...] = get_args(FaultKind)


def test_every_kind_has_its_rule() -> None:
    assert set(RULES) == set(KINDS)


@pytest.mark.parametrize("rule", RULES.values())
def test_a_call_that_may_have_made_an_image_is_never_repeated(rule: Rule) -> None:
    if rule.may_have_cost:
        assert (rule.retry, rule.should_retry) == ("never", False)


@pytest.mark.parametrize("rule", RULES.values())
def test_sdks_may_repeat_only_calls_that_the_gateway_would_repeat(rule: Rule) -> None:
    if rule.should_retry:
        assert rule.retry in ("any route", "another route")


@pytest.mark.parametrize(
    ("kind", "status", "code", "should_retry"),
    [
        ("refused", 400, "moderation_blocked", "false"),
        ("invalid", 400, "unsupported_parameter", "false"),
        ("throttled", 503, "provider_throttled", "true"),
        ("unavailable", 503, "provider_unavailable", "true"),
        ("unauthorized", 503, "provider_unauthorized", "false"),
        ("misconfigured", 503, "provider_unavailable", "false"),
        ("failed", 503, "provider_unavailable", "false"),
        ("image_missing", 503, "image_missing", "false"),
        ("timeout", 503, "timeout", "false"),
        ("outcome_unknown", 503, "outcome_unknown", "false"),
        ("store", 503, "image_store_unavailable", "false"),
        ("upload", 503, "upload_storage_unavailable", "true"),
        ("denied", 400, "content_policy", "false"),
        ("unjudged", 503, "guardrail_unavailable", "false"),
    ],
)
def test_a_kind_of_fault_has_its_error(
    kind: FaultKind, status: int, code: str, should_retry: str
) -> None:
    error = error_of(UpstreamFault(kind, "why"), route())

    assert (error.status, error.code) == (status, code)
    assert error.headers()["x-should-retry"] == should_retry
    assert error.may_have_cost is RULES[kind].may_have_cost


@pytest.mark.parametrize(
    ("status", "own", "kind"),
    [
        *((status, True, "outcome_unknown") for status in (500, 501, 502, 504, 520, 523, 524, 599)),
        (503, True, "unavailable"),
        (503, False, "outcome_unknown"),
        (521, False, "unavailable"),
        (522, False, "unavailable"),
        (201, True, "outcome_unknown"),
        (404, True, "misconfigured"),
        (405, False, "misconfigured"),
        (308, False, "misconfigured"),
        (418, True, "failed"),
        (499, True, "outcome_unknown"),
    ],
)
def test_a_status_means_no_more_than_it_proves(status: int, own: bool, kind: FaultKind) -> None:
    assert kind_of_status(status, own_envelope=own) == kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_had_begun_was_processed(kind: FaultKind) -> None:
    fault = begun(UpstreamFault(kind, "why"))

    assert RULES[fault.kind].retry == "never"
    assert fault.kind in (kind, "outcome_unknown")


def test_an_image_that_the_provider_does_not_charge_may_be_asked_for_again() -> None:
    error = error_of(UpstreamFault("image_missing", "why", uncharged=True), route())
    assert (error.code, error.retry, error.may_have_cost) == ("image_missing", True, False)


def test_the_call_that_may_have_cost_decides_for_all() -> None:
    faults = [UpstreamFault(kind, "why") for kind in ("refused", "throttled", "store")]
    failed = [FailedCall(index, 1, route(), fault) for index, fault in enumerate(faults)]

    assert gravest(failed).fault.kind == "store"
    assert gravest(failed[:2]).fault.kind == "refused"


@pytest.mark.parametrize("seconds", [None, 0, 7])
def test_the_providers_hint_when_to_try_again_is_passed_on(seconds: int | None) -> None:
    error = error_of(UpstreamFault("throttled", "why", retry_after_seconds=seconds), route())
    assert error.headers().get("Retry-After") == (None if seconds is None else str(seconds))


def test_an_unavailable_provider_is_named_with_its_binding() -> None:
    error = error_of(UpstreamFault("timeout", "no response"), route(name="west"))
    assert error.message == "openai (west): no response"


def test_a_request_that_the_provider_refuses_names_the_provider() -> None:
    error = error_of(UpstreamFault("invalid", "size is too large", code="x"), route())
    assert error.message == "openai: size is too large"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("invalid_value", "invalid_value"),
        ("unknown_parameter", "unknown_parameter"),
        ("invalid_image_file", "unsupported_parameter"),
        ("INVALID_ARGUMENT", "unsupported_parameter"),
        (None, "unsupported_parameter"),
    ],
)
def test_a_code_is_kept_that_means_the_same_here(given: str | None, code: str) -> None:
    fault = UpstreamFault("invalid", "why", code=given, param="size")
    error = error_of(fault, route())
    assert (error.code, error.param) == (code, "size")


def test_refused_content_has_the_providers_message() -> None:
    fault = UpstreamFault(
        "refused", "safety_violations=[violence]", code="content_policy_violation"
    )
    error = error_of(fault, route())
    assert (error.message, error.type) == (fault.message, "image_generation_user_error")
