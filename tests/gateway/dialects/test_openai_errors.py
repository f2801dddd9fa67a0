"""What an error of the OpenAI Images API means."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.images.documents import documents
from tintype_gateway.dialects.openai.images import read_error
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_testing.builders import upstream_response

DATE = "Fri, 20 Nov 2026 10:00:00 GMT"

SECRET = "Incorrect API key provided: sk-proj-1234. Organization org-abc must be verified."


def error(status: int, code: Any = None, message: Any = "why", **headers: str) -> UpstreamFault:
    envelope = {"message": message, "type": "some_error", "param": None, "code": code}
    return read_error(upstream_response({"error": envelope}, status, **headers))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_value", "invalid"),
        (400, "unknown_parameter", "invalid"),
        (400, "missing_required_parameter", "invalid"),
        (400, None, "invalid"),
        (400, "invalid_image_file", "invalid"),
        (422, None, "invalid"),
        (400, "moderation_blocked", "refused"),
        (400, "content_policy_violation", "refused"),
        (400, "billing_hard_limit_reached", "unauthorized"),
        (429, "billing_hard_limit_reached", "unauthorized"),
        (401, "invalid_api_key", "unauthorized"),
        (401, None, "unauthorized"),
        (403, None, "unauthorized"),
        (429, "insufficient_quota", "unauthorized"),
        (429, "credit_balance_exhausted", "unauthorized"),
        (429, "organization_usage_limit_exceeded", "unauthorized"),
        (429, "organization_spend_limit_exceeded", "unauthorized"),
        (429, "project_spend_limit_exceeded", "unauthorized"),
        (429, "rate_limit_exceeded", "throttled"),
        (429, "slow_down", "throttled"),
        (429, None, "throttled"),
        (400, "content_filter", "refused"),
        (400, "contentFilter", "refused"),
        (404, "model_not_found", "misconfigured"),
        (404, None, "misconfigured"),
        (400, "model_not_found", "misconfigured"),
        (409, None, "failed"),
        (500, None, "outcome_unknown"),
        (500, "server_error", "outcome_unknown"),
        (502, None, "outcome_unknown"),
        (503, "server_is_overloaded", "unavailable"),
        (504, None, "outcome_unknown"),
        (520, None, "outcome_unknown"),
        (521, None, "unavailable"),
        (522, None, "unavailable"),
        (524, None, "outcome_unknown"),
        (202, None, "outcome_unknown"),
        (302, None, "misconfigured"),
    ],
)
def test_status_and_code_tell_the_kind(status: int, code: str | None, kind: FaultKind) -> None:
    fault = error(status, code)
    assert (fault.kind, fault.code) == (kind, code)


def test_an_organization_that_is_not_verified_is_not_authorized() -> None:
    fault = error(400, message="Your organization must be verified to use the model `gpt-image-2`.")
    assert fault.kind == "unauthorized"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Service Unavailable</html>",
        b"{}",
        {"error": "x"},
        {"error": {}},
        {"error": {"message": "no healthy upstream", "code": 503}},
        {"error": {"type": "service_unavailable_error"}},
        {"message": "Service Unavailable"},
    ],
)
def test_a_503_that_does_not_have_the_form_of_openais_errors_leaves_the_outcome_unknown(
    body: object,
) -> None:
    assert read_error(upstream_response(body, 503)).kind == "outcome_unknown"


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("param", ["size", "quality", "n", "safety_identifier"])
def test_the_field_at_fault_is_passed_on(status: int, param: str) -> None:
    envelope = {"message": "why", "type": "invalid_request_error", "param": param, "code": None}

    assert read_error(upstream_response({"error": envelope}, status)).param == param


@pytest.mark.parametrize("param", ["response_format", "stream", ["size"], "", None])
def test_a_field_that_the_client_did_not_send_by_this_name_is_not(param: object) -> None:
    envelope = {"message": "why", "type": "invalid_request_error", "param": param, "code": None}

    assert read_error(upstream_response({"error": envelope}, 400)).param is None


def test_an_error_about_the_model_id_is_a_mistake_of_the_catalog() -> None:
    envelope = {"message": "why", "type": "x", "param": "model", "code": "invalid_value"}

    assert read_error(upstream_response({"error": envelope}, 400)).kind == "misconfigured"


@pytest.mark.parametrize("code", ["moderation_blocked", None])
def test_errors_that_the_client_can_fix_have_the_providers_message(code: str | None) -> None:
    assert (
        error(400, code, "safety_violations=[violence]").message == "safety_violations=[violence]"
    )


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, None), (403, None), (429, "insufficient_quota"), (429, None), (500, None), (400, None)],
)
def test_messages_about_the_gateways_account_are_not_shown(status: int, code: str | None) -> None:
    message = error(status, code, SECRET).message
    assert message
    assert not {"sk-proj-1234", "org-abc"} & set(message.replace(".", " ").split())


@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad Request</html>", b"[]", b'{"error": 4}', b"{}", b"\xff\x00"]
)
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_an_error_without_an_envelope_still_says_something(status: int, body: bytes) -> None:
    fault = read_error(upstream_response(body, status))
    assert (fault.kind, fault.code) == (error(status).kind, None)
    assert fault.message.startswith("the provider")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7),
        ({"retry_after": "0"}, 0),
        ({"retry_after_ms": "1500"}, 2),
        ({"retry_after_ms": "1"}, 1),
        ({"retry_after_ms": "2000", "retry_after": "9"}, 2),
        ({"retry_after_ms": "soon", "retry_after": "9"}, 9),
        ({"retry_after": "Fri, 20 Nov 2026 10:00:09 GMT", "date": DATE}, 9),
        ({"retry_after": "-1"}, None),
    ],
)
def test_when_to_try_again_is_read_from_the_headers(
    headers: dict[str, str], seconds: int | None
) -> None:
    assert error(429, **headers).retry_after_seconds == seconds


@given(
    st.integers(100, 599),
    st.binary() | st.sampled_from([b'{"error": {"code": 7, "message": ["x"]}}', b"[" * 5000]),
    st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "x"]), st.text()),
)
def test_any_error_response_is_a_fault_of_some_kind(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    fault = read_error(upstream_response(body, status, **headers))
    assert fault.kind in get_args(FaultKind)
    assert fault.message


FIELDS = [
    {"loc": ["body", "size"], "msg": "Input should be WxH", "type": "value_error"},
    {"loc": ["body", "n"], "msg": "too many", "type": "value_error"},
]


@pytest.mark.parametrize(
    ("body", "told", "param"),
    [
        ({"detail": "size must be WxH"}, "size must be WxH", None),
        ({"detail": FIELDS}, "size: Input should be WxH; n: too many", "size"),
        ({"detail": [{"loc": ["query", "x"], "msg": "odd"}]}, "query.x: odd", "query.x"),
        ({"detail": {"message": "no such size"}}, "no such size", None),
        ({"error": "prompt required"}, "prompt required", None),
        ({"error": "server_error", "message": "bad JSON"}, "bad JSON", None),
        (b"size must be a multiple of 8\n", "size must be a multiple of 8", None),
    ],
)
@pytest.mark.parametrize("status", [400, 422])
def test_other_servers_are_quoted(status: int, body: Any, told: str, param: str | None) -> None:
    fault = read_error(upstream_response(body, status))

    assert (fault.kind, fault.message, fault.param) == ("invalid", told, param)


def test_a_key_in_a_plain_text_is_not_quoted() -> None:
    told = read_error(
        upstream_response(b"wrong key sk-proj-abcdefghijklmnopqrstuvwx0123456789", 400)
    ).message

    assert "abcdefghij" not in told


@pytest.mark.parametrize(
    "body",
    [{"detail": "Model is loading"}, {"error": {"message": "loading", "code": "model_loading"}}],
)
def test_a_server_that_loads_its_model_has_done_nothing(body: Any) -> None:
    fault = read_error(upstream_response(body, 503, retry_after="30"))

    assert (fault.kind, fault.retry_after_seconds) == ("unavailable", 30)


@pytest.mark.parametrize("body", [b"upstream connect error", b"<html>busy</html>", b""])
def test_a_503_of_a_proxy_leaves_the_outcome_unknown_whatever_it_says(body: bytes) -> None:
    assert read_error(upstream_response(body, 503, retry_after="1")).kind == "outcome_unknown"


@given(st.integers(400, 599), st.binary(max_size=64) | documents())
def test_any_error_body_is_a_fault_with_a_message(status: int, body: bytes) -> None:
    assert read_error(upstream_response(body, status)).message
