"""fal's queue: what is submitted, and what statuses, results and errors mean."""

import json
from typing import Any

import pytest

from tests.gateway.dialects.hosted import CREDENTIALS, hosted_route
from tintype_gateway.dialects import fal
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.tasks import Done, Task, TaskCancel, Waiting
from tintype_gateway.values.upstream import UpstreamRequest
from tintype_testing.builders import job, upstream_response
from tintype_testing.upstream_requests import sent_json

URL = "https://queue.fal.run/fal-ai/flux/requests/abc"

TASK = Task("abc", f"{URL}/status", TaskCancel("PUT", f"{URL}/cancel"))


def request(**given: Any) -> UpstreamRequest:
    """Return the call that submits a job to a binding with these fields of `input`."""
    to = hosted_route("fal", "fal-ai/flux/dev", count="num_images", **given)
    return fal.translate(job(seed=7), to, 2, CREDENTIALS)


def status(state: str, **fields: Any) -> Any:
    """Return the response to a poll."""
    document = {"status": state, "request_id": "abc", "response_url": URL} | fields
    return upstream_response(document, 200 if state == "COMPLETED" else 202)


def result(*urls: str, **fields: Any) -> Any:
    """Return a result with these images."""
    return upstream_response({"images": [{"url": url} for url in urls]} | fields)


def error(status: int, detail: object = "why", **fields: Any) -> UpstreamFault:
    """Return what an error means."""
    return fal.read_error(upstream_response({"detail": detail} | fields, status))


def problem(kind: str, *place: str, message: str = "why") -> dict[str, Any]:
    """Return an entry of a `detail` that lists problems."""
    return {"loc": ["body", *place], "msg": message, "type": kind, "input": "what was sent"}


def test_a_job_is_submitted_to_the_path_of_its_model() -> None:
    sent = request()

    assert sent.url == "https://queue.fal.run/fal-ai/flux/dev"
    assert sent_json(sent) == {
        "prompt": "A hedgehog",
        "seed": 7,
        "num_images": 2,
        "image_size": {"width": 1024, "height": 1024},
    }


def test_fal_repeats_nothing_keeps_nothing_and_uses_no_other_model() -> None:
    headers = request(timeoutSeconds=90).headers

    assert headers["Authorization"] == "Key secret-key"
    assert headers["X-Fal-No-Retry"] == "1"
    assert headers["X-Fal-Store-IO"] == "0"
    assert headers["X-Fal-Request-Timeout"] == "90"
    assert headers["x-app-fal-disable-fallback"] == "true"
    assert json.loads(headers["X-Fal-Object-Lifecycle-Preference"]) == {
        "expiration_duration_seconds": 3600
    }


def test_images_are_fetched_from_the_hosts_of_fal_only() -> None:
    assert request().image_hosts == ("fal.media", "*.fal.media")


def test_an_endpoint_replaces_the_host_of_fal() -> None:
    sent = request(endpoint="https://proxy.test/fal/")

    assert sent.url == "https://proxy.test/fal/fal-ai/flux/dev"


def test_a_submission_names_the_urls_of_its_task() -> None:
    submitted = {
        "request_id": "abc",
        "status_url": f"{URL}/status",
        "response_url": URL,
        "cancel_url": f"{URL}/cancel",
        "queue_position": 0,
    }

    assert fal.accepted(upstream_response(submitted)) == TASK


@pytest.mark.parametrize(
    "document", [[], {}, {"request_id": "abc"}, {"status_url": URL}, {"request_id": 1}]
)
def test_a_submission_without_a_task_may_have_been_accepted(document: object) -> None:
    with pytest.raises(UpstreamFault) as caught:
        fal.accepted(upstream_response(document))

    assert caught.value.kind == "outcome_unknown"


@pytest.mark.parametrize("state", ["IN_QUEUE", "IN_PROGRESS", "PAUSED", "", "completed"])
def test_every_state_but_completed_is_polled_on(state: str) -> None:
    assert fal.progress(status(state), TASK) == Waiting()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"status": []}'])
def test_a_status_that_says_nothing_is_polled_on(body: bytes) -> None:
    assert fal.progress(upstream_response(body), TASK) == Waiting()


def test_a_completed_request_has_its_result_where_it_says() -> None:
    assert fal.progress(status("COMPLETED"), TASK) == Done(URL)
    assert fal.progress(status("COMPLETED", response_url=None), TASK) == Done(URL)


def test_what_a_model_complains_of_is_in_the_result() -> None:
    completed = status("COMPLETED", error="Unprocessable Entity", error_type="invalid_request")

    assert fal.progress(completed, TASK) == Done(URL)


@pytest.mark.parametrize(
    "code", ["request_timeout", "startup_timeout", "runner_disconnected", "internal_error"]
)
def test_a_failure_of_fal_itself_is_not_charged(code: str) -> None:
    with pytest.raises(UpstreamFault) as caught:
        fal.progress(status("COMPLETED", error="it broke", error_type=code), TASK)

    fault = caught.value
    assert (fault.kind, fault.code, fault.cause) == ("failed", code, "it broke")
    assert (fault.uncharged, fault.charged) == (True, False)
    assert "it broke" not in fault.message


def test_a_result_names_its_images_and_its_seed() -> None:
    made = fal.interpret(result("https://v3.fal.media/a.png", "https://v3.fal.media/b.png", seed=7))

    assert [(image.url, image.seed) for image in made.images] == [
        ("https://v3.fal.media/a.png", 7),
        ("https://v3.fal.media/b.png", None),
    ]
    assert not made.rest_refused


def test_a_result_may_have_one_image_by_itself() -> None:
    made = fal.interpret(upstream_response({"image": {"url": "https://v3.fal.media/a.png"}}))

    assert [image.url for image in made.images] == ["https://v3.fal.media/a.png"]


def test_a_black_image_is_refused_although_fal_charges_for_it() -> None:
    made = fal.interpret(result("https://a", "https://b", has_nsfw_concepts=[True, False]))

    assert [image.url for image in made.images] == ["https://b"]
    assert (made.rest_refused, made.refusals_charged) == (True, True)
    assert made.refusal_reasons == ("the safety checker of the provider flagged the image",)


@pytest.mark.parametrize("flags", [None, [], [False, False], "yes", [True], [1, 1]])
def test_flags_that_say_nothing_of_each_image_refuse_none(flags: object) -> None:
    made = fal.interpret(result("https://a", "https://b", has_nsfw_concepts=flags))

    assert (len(made.images), made.rest_refused) == (2, False)


@pytest.mark.parametrize("document", [{}, {"images": [{}]}, {"images": "x"}, {"image": None}])
def test_a_result_without_images_may_have_been_charged(document: object) -> None:
    with pytest.raises(UpstreamFault) as caught:
        fal.interpret(upstream_response(document))

    assert caught.value.kind == "outcome_unknown"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, "invalid"),
        (401, "unauthorized"),
        (403, "unauthorized"),
        (404, "misconfigured"),
        (422, "invalid"),
        (429, "throttled"),
        (500, "outcome_unknown"),
        (503, "unavailable"),
        (504, "outcome_unknown"),
    ],
)
def test_a_status_tells_the_kind_of_an_error(code: int, kind: str) -> None:
    assert error(code).kind == kind


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_failure_with_a_type_is_no_image_and_no_charge(code: int) -> None:
    fault = error(code, error_type="runner_server_error")

    assert (fault.kind, fault.code, fault.uncharged) == ("failed", "runner_server_error", True)


def test_the_type_of_an_error_may_be_in_a_header() -> None:
    response = upstream_response(b"", 504, x_fal_error_type="request_timeout")

    assert fal.read_error(response).code == "request_timeout"


def test_refused_content_may_be_charged() -> None:
    fault = error(422, [problem("content_policy_violation", "prompt", message="flagged")])

    assert (fault.kind, fault.code, fault.param) == (
        "refused",
        "content_policy_violation",
        "prompt",
    )
    assert (fault.message, fault.charged) == ("flagged", True)


@pytest.mark.parametrize(
    ("field", "param"),
    [
        ("image_size", "size"),
        ("image_url", "image"),
        ("image_urls", "image"),
        ("mask_url", "mask"),
        ("num_images", "n"),
        ("guidance_scale", "guidance_scale"),
    ],
)
def test_a_problem_names_the_field_as_the_client_knows_it(field: str, param: str) -> None:
    fault = error(422, [problem("greater_than", field, "0", message="too small")])

    assert (fault.kind, fault.message, fault.param) == ("invalid", "too small", param)


def test_words_on_our_account_are_for_the_log_only() -> None:
    fault = error(403, "User is locked. Reason: Exhausted balance.")

    assert "balance" not in fault.message.lower()
    assert fault.cause == "User is locked. Reason: Exhausted balance."
