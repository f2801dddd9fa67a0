"""What an error of Google's models means; both dialects read it the same way but for one thing."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tintype_gateway.dialects.google import generate_content as google_generate_content
from tintype_gateway.dialects.google import predict as google_predict
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_testing.builders import upstream_response

DIALECTS = (google_generate_content, google_predict)
SECRET = "Quota of project 1234 exceeded for key AIzaSy-5678."
RPC = "type.googleapis.com/google.rpc."

INVALID_KEY = {"@type": f"{RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}


def retry_info(delay: Any) -> dict[str, Any]:
    return {"@type": f"{RPC}RetryInfo", "retryDelay": delay}


def error(code: int, status: Any = None, message: Any = "why", *details: Any) -> UpstreamFault:
    content = {"code": code, "message": message, "status": status, "details": [*details]}
    return google_generate_content.read_error(upstream_response({"error": content}, code))


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (400, "INVALID_ARGUMENT", "invalid"),
        (400, "OUT_OF_RANGE", "invalid"),
        (400, "FAILED_PRECONDITION", "unauthorized"),
        (401, "UNAUTHENTICATED", "unauthorized"),
        (403, "PERMISSION_DENIED", "unauthorized"),
        (404, "NOT_FOUND", "misconfigured"),
        (409, "ABORTED", "failed"),
        (429, "RESOURCE_EXHAUSTED", "throttled"),
        (499, "CANCELLED", "outcome_unknown"),
        (500, "INTERNAL", "outcome_unknown"),
        (502, None, "outcome_unknown"),
        (503, "UNAVAILABLE", "unavailable"),
        (503, None, "outcome_unknown"),
        (504, "DEADLINE_EXCEEDED", "outcome_unknown"),
        (520, None, "outcome_unknown"),
        (521, None, "unavailable"),
        (522, None, "unavailable"),
        (524, None, "outcome_unknown"),
        (302, None, "misconfigured"),
    ],
)
def test_the_status_tells_the_kind(code: int, status: str | None, kind: FaultKind) -> None:
    fault = error(code, status)

    assert (fault.kind, fault.code) == (kind, status)


@pytest.mark.parametrize(
    "fault",
    [
        error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
        error(400, "INVALID_ARGUMENT", "Bad Request", INVALID_KEY),
        error(400, "INVALID_ARGUMENT", "Bad Request", INVALID_KEY | {"reason": "API_KEY_EXPIRED"}),
    ],
)
def test_a_wrong_key_is_distinguished_from_other_bad_requests(fault: UpstreamFault) -> None:
    assert fault.kind == "unauthorized"


def test_an_account_that_does_not_pay_is_not_authorized() -> None:
    message = "Imagen API is only accessible to billed users at this time."
    content = {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}

    fault = google_predict.read_error(upstream_response(content, 400))

    assert (fault.kind, fault.cause) == ("unauthorized", message)
    assert "billed" not in fault.message


def test_errors_that_the_client_can_fix_have_the_providers_message() -> None:
    assert error(400, "INVALID_ARGUMENT", "Invalid ratio '7:5'.").message == "Invalid ratio '7:5'."


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (400, "FAILED_PRECONDITION"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (504, "DEADLINE_EXCEEDED"),
    ],
)
def test_messages_that_may_be_about_the_gateways_account_are_not_shown(
    code: int, status: str
) -> None:
    message = error(code, status, SECRET).message

    assert message
    assert "AIza" not in message
    assert "1234" not in message


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        ("37s", 37),
        ("36.4s", 37),
        ("0.000000001s", 1),
        ("0s", 0),
        ("37", None),
        ("-1s", None),
        ("soon", None),
        ("9" * 400 + "s", None),
        ({"seconds": 37}, None),
    ],
)
def test_when_to_try_again_is_read_from_the_details(delay: Any, seconds: int | None) -> None:
    quota = {"@type": f"{RPC}QuotaFailure", "violations": [{"quotaValue": "10"}]}

    fault = error(429, "RESOURCE_EXHAUSTED", "why", quota, retry_info(delay))

    assert fault.retry_after_seconds == seconds


@pytest.mark.parametrize(("delay", "seconds"), [("36.4s", 37), ("0s", 0), ("soon", 9)])
def test_the_details_go_before_the_header(delay: str, seconds: int) -> None:
    envelope = {"error": {"code": 429, "message": "why", "details": [retry_info(delay)]}}

    fault = google_predict.read_error(upstream_response(envelope, 429, retry_after="9"))

    assert fault.retry_after_seconds == seconds


def test_an_error_may_be_wrapped_in_a_list() -> None:
    content = {"code": 503, "message": "why", "status": "UNAVAILABLE"}

    assert (
        google_predict.read_error(upstream_response([{"error": content}], 503)).code
        == "UNAVAILABLE"
    )


@pytest.mark.parametrize(
    "message",
    [
        "Image generation failed with the following error: The prompt could not be submitted. "
        "Your current safety filter threshold prohibited one or more words in this prompt.",
        "Image generation failed with the following error: The response is blocked, as it may "
        "violate our policies.",
        "This prompt contains words that violate Google's Responsible AI practices.",
    ],
)
def test_imagen_refuses_a_prompt_by_the_words_of_an_error(message: str) -> None:
    content = {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}

    fault = google_predict.read_error(upstream_response({"error": content}, 400))

    assert (fault.kind, fault.message, fault.code) == ("refused", message, "INVALID_ARGUMENT")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "body", [b"", b"<html>Bad Request</html>", b"[]", b'{"error": "x"}', b"{}", b"[" * 5000]
)
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 504])
def test_an_error_without_an_envelope_still_says_something(
    dialect: Any, status: int, body: bytes
) -> None:
    fault = dialect.read_error(upstream_response(body, status))

    assert (fault.kind, fault.code) == (error(status).kind, None)
    assert fault.message.startswith("the provider")


envelopes = st.fixed_dictionaries(
    {
        "error": st.fixed_dictionaries(
            {},
            optional={
                "code": json_values,
                "status": json_values,
                "message": json_values,
                "details": json_values
                | st.lists(
                    st.dictionaries(st.sampled_from(["reason", "retryDelay", "@type"]), json_values)
                ),
            },
        )
    }
)


@given(st.integers(100, 599), st.binary() | envelopes | json_values)
def test_any_error_response_is_a_fault_of_some_kind(status: int, content: Any) -> None:
    for dialect in DIALECTS:
        fault = dialect.read_error(upstream_response(content, status))

        assert fault.kind in get_args(FaultKind)
        assert fault.message
