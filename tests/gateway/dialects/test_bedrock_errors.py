"""What an error of AWS Bedrock means."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.dialects.bedrock.common import read_error
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_testing.builders import upstream_response

NAMESPACE = "http://internal.amazon.com/coral/com.amazon.bedrock/"
FILTERED = (
    "This request has been blocked by our content filters. "
    "Please adjust your text prompt to submit a new request."
)
SECRET = (
    "User: arn:aws:iam::123456789012:user/tintype is not authorized; "
    "Authorization=AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE"
)


def error(status: int, name: str = "", message: Any = "why", **headers: str) -> UpstreamFault:
    named = {"x_amzn_errortype": f"{name}:{NAMESPACE}"} if name else {}
    return read_error(upstream_response({"message": message}, status, **named, **headers))


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "ValidationException", "invalid"),
        (400, "ServiceQuotaExceededException", "throttled"),
        (400, "ConflictException", "invalid"),
        (403, "AccessDeniedException", "unauthorized"),
        (403, "UnrecognizedClientException", "unauthorized"),
        (403, "InvalidSignatureException", "unauthorized"),
        (400, "IncompleteSignatureException", "unauthorized"),
        (400, "MissingAuthenticationTokenException", "unauthorized"),
        (400, "ExpiredTokenException", "unauthorized"),
        (404, "ResourceNotFoundException", "misconfigured"),
        (408, "ModelTimeoutException", "timeout"),
        (424, "ModelErrorException", "failed"),
        (429, "ThrottlingException", "throttled"),
        (429, "ModelNotReadyException", "throttled"),
        (500, "InternalServerException", "outcome_unknown"),
        (503, "ServiceUnavailableException", "unavailable"),
        (503, "SomethingNewException", "unavailable"),
        (503, "", "outcome_unknown"),
    ],
)
def test_the_name_tells_the_kind(status: int, name: str, kind: FaultKind) -> None:
    fault = error(status, name)

    assert (fault.kind, fault.code) == (kind, name or None)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid"),
        (401, "unauthorized"),
        (403, "unauthorized"),
        (404, "misconfigured"),
        (408, "timeout"),
        (424, "failed"),
        (429, "throttled"),
        (500, "outcome_unknown"),
        (502, "outcome_unknown"),
        (504, "outcome_unknown"),
        (521, "unavailable"),
        (302, "misconfigured"),
    ],
)
@pytest.mark.parametrize("name", ["", "SomethingNewException"])
def test_an_error_without_a_known_name_is_classified_by_its_status(
    status: int, kind: FaultKind, name: str
) -> None:
    fault = error(status, name)

    assert (fault.kind, fault.code) == (kind, name or None)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x_amzn_errortype": "ThrottlingException"}, {}),
        ({"x_amzn_errortype": f"ThrottlingException:{NAMESPACE}"}, {"code": "Other"}),
        ({}, {"code": "ThrottlingException"}),
        ({}, {"Code": "com.amazon.coral#ThrottlingException"}),
        ({}, {"__type": "com.amazon.coral.availability#ThrottlingException"}),
    ],
)
def test_the_name_is_found_where_aws_puts_it(headers: dict[str, str], body: Any) -> None:
    fault = read_error(upstream_response(body, 400, **headers))

    assert (fault.kind, fault.code) == ("throttled", "ThrottlingException")


def test_a_prompt_that_was_blocked_by_content_filters_is_refused_in_their_words() -> None:
    fault = error(400, "ValidationException", FILTERED)

    assert (fault.kind, fault.message) == ("refused", FILTERED)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (FILTERED, "refused"),
        ("The provided model identifier is invalid.", "misconfigured"),
        ("Malformed input request", "invalid"),
    ],
)
def test_an_error_without_a_body_is_read_from_the_headers(message: str, kind: FaultKind) -> None:
    headers = {
        "x_amzn_errortype": f"ValidationException:{NAMESPACE}",
        "x_amzn_errormessage": message,
    }

    fault = read_error(upstream_response({}, 400, **headers))

    assert (fault.kind, fault.code, fault.cause) == (kind, "ValidationException", message)


@pytest.mark.parametrize(
    "message",
    [
        "The provided model identifier is invalid.",
        "Invocation of model ID x with on-demand throughput isn’t supported. Retry with a profile.",  # noqa: RUF001
    ],
)
def test_a_model_that_the_region_does_not_have_is_a_mistake_of_the_catalog(message: str) -> None:
    fault = error(400, "ValidationException", message)

    assert (fault.kind, fault.cause) == ("misconfigured", message)
    assert fault.message == "the provider has no such model or endpoint"


def test_errors_that_the_client_can_fix_have_the_providers_message() -> None:
    message = "Malformed input request: #/seed: -1 is not greater or equal to 0"

    assert error(400, "ValidationException", message).message == message


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (403, "AccessDeniedException"),
        (400, "IncompleteSignatureException"),
        (400, "ServiceQuotaExceededException"),
        (400, "SomethingNewException"),
        (400, ""),
        (404, "ResourceNotFoundException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
    ],
)
def test_messages_that_may_be_about_the_gateways_account_are_not_shown(
    status: int, name: str
) -> None:
    message = error(status, name, SECRET).message

    assert message
    assert "123456789012" not in message
    assert "AKIDEXAMPLE" not in message


@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b"[]", b'{"message": 7}'])
@pytest.mark.parametrize("status", [400, 403, 404, 408, 429, 500, 503])
def test_an_error_without_its_form_still_says_something(status: int, body: bytes) -> None:
    fault = read_error(upstream_response(body, status))

    assert (fault.kind, fault.code) == (error(status).kind, None)
    assert fault.message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"x_amz_retry_after": "1500"}, 2),
        ({"x_amz_retry_after": "1"}, 1),
        ({"x_amz_retry_after": "0"}, 0),
        ({"x_amz_retry_after": "soon"}, None),
        ({"x_amz_retry_after": "-1"}, None),
        ({"x_amz_retry_after": "soon", "retry_after": "9"}, 9),
        ({"retry_after": "7"}, 7),
    ],
)
def test_when_to_try_again_is_read_from_the_headers(
    headers: dict[str, str], seconds: int | None
) -> None:
    assert error(429, "ThrottlingException", **headers).retry_after_seconds == seconds


@given(
    st.integers(100, 599),
    st.binary() | st.sampled_from([b'{"message": ["x"], "code": 7}', b"[" * 5000]),
    st.dictionaries(st.sampled_from(["x-amzn-errortype", "x-amz-retry-after", "x"]), st.text()),
)
def test_any_error_response_is_a_fault_of_some_kind(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    fault = read_error(upstream_response(body, status, **headers))

    assert fault.kind in get_args(FaultKind)
    assert fault.message
