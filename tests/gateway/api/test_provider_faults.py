"""When a provider fails, the client gets a complete error, and no charge."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.metrics import metric

Row = tuple[dict[str, Any], int, str, str, str]
"""A scripted fault; then the status, the code, `x-should-retry` and the outcome in the metrics."""

LATER = {"headers": {"retry-after": "60"}}
"""Later than the gateway waits, so that the client gets it."""

FAULTS: dict[str, Row] = {
    "our key is refused": (
        {"error": "openai/invalid_api_key"},
        503,
        "provider_unauthorized",
        "false",
        "unauthorized",
    ),
    "our organization is not verified": (
        {"error": "openai/organization_not_verified"},
        503,
        "provider_unauthorized",
        "false",
        "unauthorized",
    ),
    "our account cannot pay": (
        {"error": "openai/insufficient_quota"},
        503,
        "provider_unauthorized",
        "false",
        "unauthorized",
    ),
    "our account has reached its limit": (
        {"error": "openai/billing_hard_limit_reached"},
        503,
        "provider_unauthorized",
        "false",
        "unauthorized",
    ),
    "our rate is limited": (
        {"error": "openai/rate_limit_exceeded", **LATER},
        503,
        "provider_throttled",
        "true",
        "throttled",
    ),
    "it is overloaded": (
        {"error": "openai/server_is_overloaded", **LATER},
        503,
        "provider_unavailable",
        "true",
        "unavailable",
    ),
    "it has retired the model": (
        {"error": "openai/model_deprecated"},
        503,
        "provider_unavailable",
        "false",
        "misconfigured",
    ),
    "a proxy cannot reach it": (
        {"status": 522, "body": "<h1>Connection timed out</h1>", **LATER},
        503,
        "provider_unavailable",
        "true",
        "unavailable",
    ),
    "its endpoint is another one": (
        {"status": 404, "body": "<h1>Not Found</h1>"},
        503,
        "provider_unavailable",
        "false",
        "misconfigured",
    ),
    "it sends us elsewhere": (
        {"status": 307, "body": {}, "headers": {"location": "http://127.0.0.1:9/"}},
        503,
        "provider_unavailable",
        "false",
        "misconfigured",
    ),
    "it refuses the prompt": (
        {"error": "openai/moderation_blocked"},
        400,
        "moderation_blocked",
        "false",
        "refused",
    ),
    "it refuses the image": (
        {"error": "openai/moderation_blocked_output"},
        400,
        "moderation_blocked",
        "false",
        "refused",
    ),
    "an older model refuses the prompt": (
        {"error": "openai/content_policy_violation"},
        400,
        "moderation_blocked",
        "false",
        "refused",
    ),
    "it cannot process the request": (
        {"error": "openai/unprocessable"},
        400,
        "unsupported_parameter",
        "false",
        "invalid",
    ),
}

UNKNOWN: dict[str, dict[str, Any]] = {
    "it fails": {"error": "openai/server_error"},
    **{
        f"a proxy in between responds with {status}": {"status": status, "body": "<h1>Bad</h1>"}
        for status in (500, 502, 503, 504, 520, 524)
    },
    "it hangs up without a word": {"cut_after_bytes": 0},
    "it hangs up in the middle": {"cut_after_bytes": 1000},
    "it sends half a document": {"damage": "malformed_json"},
    "it sends half an image": {"damage": "truncated_base64"},
    "it sends no images": {"damage": "empty_data"},
    "it sends other types": {"damage": "wrong_types"},
    "it sends a page": {"status": 200, "body": "<h1>Welcome</h1>"},
    "it sends another document": {"body": {"object": "list"}},
    "it sends what is no image": {"body": {"data": [{"b64_json": "aGVsbG8gd29ybGQh"}]}},
    "it sends a null": {"body": {"data": [{"b64_json": None}]}},
    "it sends a negative count": {
        "body": {"data": [], "usage": {"input_tokens": -1, "output_tokens": 1}}
    },
}
"""Faults after which it is unknown whether the provider made and charges the image."""

FAULTS |= {
    case: (fault, 503, "outcome_unknown", "false", "outcome_unknown")
    for case, fault in UNKNOWN.items()
}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        yield gateway


def counted(outcome: str) -> float:
    return metric(
        "tintype_provider_requests_total", provider="openai", model="canvas", outcome=outcome
    )


def unsettled(reason: str) -> float:
    return metric("tintype_unsettled_upstream_calls_total", provider="openai", reason=reason)


@pytest.mark.parametrize("case", FAULTS)
async def test_a_fault_of_the_provider_is_a_clean_error_and_costs_nothing(
    gateway: Gateway, case: str
) -> None:
    fault, status, code, should_retry, outcome = FAULTS[case]
    await gateway.script(fault)
    before = counted(outcome)

    response = await gateway.generate()

    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert error.keys() == {"message", "type", "param", "code"}
    assert response.headers["x-should-retry"] == should_retry
    assert counted(outcome) == before + 1
    account = await gateway.account()
    assert (account.balance, account.held) == (CREDITS_MICRO, 0)
    assert len(await gateway.upstream_calls()) == 1


@pytest.mark.parametrize("case", UNKNOWN)
async def test_calls_that_the_provider_may_charge_for_are_counted(
    gateway: Gateway, case: str
) -> None:
    await gateway.script(UNKNOWN[case])
    before = unsettled("outcome_unknown")

    await gateway.generate()

    assert unsettled("outcome_unknown") == before + 1


@pytest.mark.parametrize("case", UNKNOWN)
async def test_an_unknown_outcome_is_not_requested_again_with_the_same_idempotency_key(
    gateway: Gateway, case: str
) -> None:
    await gateway.script(UNKNOWN[case])
    key = {"Idempotency-Key": "order-17"}

    first, repeat = [await gateway.generate(key) for _ in range(2)]

    assert (first.status_code, first.json()["error"]["code"]) == (503, "outcome_unknown")
    assert repeat.status_code == 409
    assert repeat.json()["error"]["code"] == "idempotency_outcome_unknown"
    assert len(await gateway.upstream_calls()) == 1
