"""Azure OpenAI: paths, credentials and errors. Bodies and responses are those of OpenAI."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.dialects.inputs import edit_job, fake_input
from tests.gateway.images.documents import documents
from tintype_catalog.catalog import Binding
from tintype_gateway.dialects.openai.azure import event_reader, read_error, translate
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest
from tintype_testing.builders import binding, job, upstream_response
from tintype_testing.upstream_requests import sent_bytes, sent_json

RESOURCE = "https://images.openai.azure.com"
KEY = {"api-key": "key-1"}

ONE, TWO, MASK = (fake_input(data) for data in (b"one", b"two", b"mask"))


def azure(**spec: Any) -> Binding:
    own = {"dialect": "azure-openai", "endpoint": RESOURCE, "upstreamModel": "my-images"}
    return binding(**own | spec)


def request(asked: Job | None = None, keys: dict[str, str] = KEY, **spec: Any) -> UpstreamRequest:
    return translate(asked or job(), Route(azure(**spec), "global"), 1, keys)


def error(status: int, code: Any, message: Any = "why", **more: Any) -> UpstreamFault:
    envelope = {"error": {"code": code, "message": message} | more, "created": 1}
    return read_error(upstream_response(envelope, status))


@pytest.mark.parametrize(
    ("version", "url"),
    [
        (None, f"{RESOURCE}/openai/v1/images/generations"),
        ("preview", f"{RESOURCE}/openai/v1/images/generations?api-version=preview"),
        (
            "2025-04-01-preview",
            f"{RESOURCE}/openai/deployments/my-images/images/generations"
            "?api-version=2025-04-01-preview",
        ),
    ],
)
def test_the_version_tells_the_path(version: str | None, url: str) -> None:
    assert request(apiVersion=version).url == url


def test_the_name_of_a_deployment_is_encoded_in_its_path() -> None:
    url = request(apiVersion="2025-04-01-preview", upstreamModel="a/b?c").url
    assert url.startswith(f"{RESOURCE}/openai/deployments/a%2Fb%3Fc/images/")


def test_the_deployment_is_the_model_of_the_body() -> None:
    sent = sent_json(request(job(quality="high", output_format="jpeg")))
    assert sent["model"] == "my-images"
    assert (sent["quality"], sent["output_format"]) == ("high", "jpeg")


def test_no_response_format_is_sent() -> None:
    assert "response_format" not in sent_json(request(upstreamModel="dall-e-3"))


def test_a_key_and_a_token_have_headers_of_their_own() -> None:
    by_key = request().headers
    by_token = request(keys={"access-token": "token-1"}).headers

    assert (by_key["api-key"], "Authorization" in by_key) == ("key-1", False)
    assert (by_token["Authorization"], "api-key" in by_token) == ("Bearer token-1", False)


def test_without_a_credential_nothing_is_sent() -> None:
    with pytest.raises(UpstreamFault, match="no api-key") as raised:
        request(keys={})
    assert raised.value.kind == "unauthorized"


def test_an_edit_is_a_form_with_a_list_of_images() -> None:
    one = request(edit_job(None, ONE, mask=MASK))
    two = request(edit_job(None, ONE, TWO), apiVersion="2025-04-01-preview")

    assert one.url == f"{RESOURCE}/openai/v1/images/edits"
    assert "/openai/deployments/my-images/images/edits?api-version=" in two.url
    assert sent_bytes(one).count(b'name="image[]"') == 1
    assert sent_bytes(one).count(b'name="mask"') == 1
    assert sent_bytes(two).count(b'name="image[]"') == 2


def test_a_stream_is_asked_for_as_of_openai() -> None:
    streamed = request(job(streamed=True, partial_images=2))
    sent = sent_json(streamed)
    assert (sent["stream"], sent["partial_images"]) == (True, 2)
    assert streamed.headers["Accept"] == "text/event-stream"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "contentFilter", "refused"),
        (400, "content_filter", "refused"),
        (400, "moderation_blocked", "refused"),
        (400, "content_policy_violation", "refused"),
        (400, "ResponsibleAIPolicyViolation", "refused"),
        (400, "BadRequest", "invalid"),
        (400, "invalid_value", "invalid"),
        (400, "OperationNotSupported", "misconfigured"),
        (401, "401", "unauthorized"),
        (401, "PermissionDenied", "unauthorized"),
        (403, "AccessDenied", "unauthorized"),
        (404, "DeploymentNotFound", "misconfigured"),
        (404, "404", "misconfigured"),
        (408, "Timeout", "timeout"),
        (429, "429", "throttled"),
        (429, "RateLimitReached", "throttled"),
        (429, "insufficient_quota", "unauthorized"),
        (500, "InternalServerError", "outcome_unknown"),
        (503, "ServiceUnavailable", "unavailable"),
        (503, None, "outcome_unknown"),
    ],
)
def test_status_and_code_tell_the_kind(status: int, code: str | None, kind: FaultKind) -> None:
    assert error(status, code).kind == kind


def test_the_refusal_of_the_images_api_keeps_its_words() -> None:
    fault = error(400, "contentFilter", "Your task failed as a result of our safety system.")
    assert (fault.kind, fault.code) == ("refused", "contentFilter")
    assert fault.message == "Your task failed as a result of our safety system."


@pytest.mark.parametrize(
    ("detail", "results"),
    [
        ("innererror", "content_filter_result"),
        ("innererror", "content_filter_results"),
        ("inner_error", "content_filter_results"),
    ],
)
def test_a_refusal_names_the_categories_that_azure_found(detail: str, results: str) -> None:
    found = {
        "hate": {"filtered": False, "severity": "safe"},
        "violence": {"filtered": True, "severity": "medium"},
        "jailbreak": {"filtered": True, "detected": True},
    }
    inner = {"code": "ResponsibleAIPolicyViolation", results: found}

    fault = error(400, None, "The prompt was filtered.", **{detail: inner})

    assert (fault.kind, fault.code) == ("refused", "content_filter")
    assert fault.message == "The prompt was filtered. (violence: medium, jailbreak)"


def test_a_refusal_without_words_has_its_categories() -> None:
    found = {"content_filter_results": {"sexual": {"filtered": True, "severity": "high"}}}
    assert error(400, "contentFilter", None, **found).message == "sexual: high"


def test_a_refusal_of_openai_keeps_its_categories() -> None:
    details = {"moderation_stage": "output", "categories": ["violence", "self-harm"]}
    words = "Rejected by the safety system. safety_violations=[violence]."

    fault = error(400, "moderation_blocked", words, moderation_details=details)

    assert fault.message == f"{words} (self-harm)"


def test_a_throttled_call_says_when_to_come_again() -> None:
    response = upstream_response({"error": {"code": "429", "message": "m"}}, 429, retry_after="12")
    assert read_error(response).retry_after_seconds == 12


def test_words_on_our_account_reach_the_log_only() -> None:
    fault = error(401, "401", "Access denied due to invalid subscription key key-1")
    assert "key-1" not in fault.message
    assert fault.cause is not None
    assert fault.code == "401"


def test_an_error_in_a_stream_is_a_refusal_in_any_form() -> None:
    reader = event_reader()
    inner = b'{"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {}}}'
    event = b'{"type": "error", "error": {"code": null, "message": "m", "innererror": %b}}' % inner

    with pytest.raises(UpstreamFault) as raised:
        reader.read(event)

    assert (raised.value.kind, raised.value.message) == ("refused", "m")


@given(st.integers(201, 599), documents())
def test_any_body_of_an_error_gives_a_fault(status: int, body: bytes) -> None:
    assert read_error(upstream_response(body, status)).kind in get_args(FaultKind)


@given(
    st.dictionaries(
        st.sampled_from(["code", "message", "innererror", "type"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["code", "content_filter_result", "categories", "filtered", "x"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        ),
    )
)
def test_any_error_object_gives_a_fault(document: dict[str, Any]) -> None:
    assert read_error(upstream_response({"error": document}, 400)).kind in get_args(FaultKind)
