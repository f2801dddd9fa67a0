"""Replicate's predictions: what is created, and what their states, outputs and errors mean."""

from typing import Any

import pytest

from tests.gateway.dialects.hosted import CREDENTIALS, hosted_route
from tintype_gateway.dialects import replicate
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.tasks import Done, Task, TaskCancel, Waiting
from tintype_gateway.values.upstream import UpstreamRequest
from tintype_testing.builders import job, upstream_response
from tintype_testing.upstream_requests import sent_json

VERSION = "0123456789abcdef" * 4
URL = "https://api.replicate.com/v1/predictions/abc"
IMAGE = "https://replicate.delivery/xezq/out-0.png"

TASK = Task("abc", URL, TaskCancel("POST", f"{URL}/cancel"))


def request(model: str = "black-forest-labs/flux-dev", **given: Any) -> UpstreamRequest:
    """Return the call that creates a prediction for a binding with these fields of `input`."""
    to = hosted_route("replicate", model, count="num_outputs", **{"size": "WidthHeight"} | given)
    return replicate.translate(job(seed=7), to, 2, CREDENTIALS)


def prediction(status: str, **fields: Any) -> Any:
    """Return a response that shows a prediction."""
    urls = {"get": URL, "cancel": f"{URL}/cancel", "web": "https://replicate.com/p/abc"}
    return upstream_response({"id": "abc", "status": status, "urls": urls} | fields)


def fault_of(status: str, **fields: Any) -> UpstreamFault:
    """Return the fault of a prediction that has ended without an output."""
    with pytest.raises(UpstreamFault) as caught:
        replicate.progress(prediction(status, **fields), TASK)
    return caught.value


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("black-forest-labs/flux-dev", "models/black-forest-labs/flux-dev/predictions"),
        ("deployments/tintype/flux", "deployments/tintype/flux/predictions"),
    ],
)
def test_a_model_and_a_deployment_have_paths_of_their_own(model: str, path: str) -> None:
    sent = request(model)

    assert sent.url == f"https://api.replicate.com/v1/{path}"
    assert sent_json(sent) == {
        "input": {
            "prompt": "A hedgehog",
            "seed": 7,
            "num_outputs": 2,
            "width": 1024,
            "height": 1024,
        }
    }


def test_a_version_is_named_in_the_body() -> None:
    sent = request(VERSION)

    assert sent.url == "https://api.replicate.com/v1/predictions"
    assert sent_json(sent)["version"] == VERSION


@pytest.mark.parametrize(("seconds", "deadline"), [(90, "90s"), (1, "5s")])
def test_replicate_cancels_after_the_time_limit_of_the_call(seconds: int, deadline: str) -> None:
    headers = request(timeoutSeconds=seconds).headers

    assert headers["Cancel-After"] == deadline
    assert headers["Authorization"] == "Bearer secret-key"
    assert "Prefer" not in headers


def test_images_are_fetched_from_the_hosts_of_replicate_only() -> None:
    assert request().image_hosts == ("replicate.delivery", "*.replicate.delivery")


def test_a_created_prediction_names_the_urls_of_its_task() -> None:
    assert replicate.accepted(prediction("starting")) == TASK


@pytest.mark.parametrize("document", [[], {}, {"id": "abc"}, {"urls": {"get": URL}}, {"urls": 1}])
def test_a_creation_without_a_prediction_may_have_been_accepted(document: object) -> None:
    with pytest.raises(UpstreamFault) as caught:
        replicate.accepted(upstream_response(document))

    assert caught.value.kind == "outcome_unknown"


@pytest.mark.parametrize("status", ["starting", "processing", "queued", ""])
def test_every_state_that_is_no_end_is_polled_on(status: str) -> None:
    assert replicate.progress(prediction(status), TASK) == Waiting()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"status": {}}'])
def test_a_response_that_says_nothing_is_polled_on(body: bytes) -> None:
    assert replicate.progress(upstream_response(body), TASK) == Waiting()


def test_a_prediction_that_succeeded_is_the_result_itself() -> None:
    assert replicate.progress(prediction("succeeded", output=[IMAGE]), TASK) == Done()


def test_a_prediction_that_failed_may_be_charged() -> None:
    fault = fault_of("failed", error="CUDA out of memory")

    assert (fault.kind, fault.cause, fault.charged) == ("failed", "CUDA out of memory", True)
    assert "CUDA" not in fault.message


@pytest.mark.parametrize(
    "told",
    [
        "NSFW content detected. Try running it again, or try a different prompt.",
        "The input or output was flagged as sensitive. Please try again. (E005)",
    ],
)
def test_a_prediction_that_fails_for_its_content_is_refused(told: str) -> None:
    fault = fault_of("failed", error=told)

    assert (fault.kind, fault.message, fault.charged) == ("refused", told, True)


def test_a_prediction_that_was_cancelled_while_it_ran_may_have_cost() -> None:
    assert fault_of("canceled").kind == "timeout"


def test_a_prediction_that_was_aborted_before_it_began_is_not_charged() -> None:
    fault = fault_of("aborted")

    assert (fault.kind, fault.uncharged, fault.charged) == ("failed", True, False)


@pytest.mark.parametrize("output", [IMAGE, [IMAGE]])
def test_an_output_is_an_image_or_a_list_of_images(output: object) -> None:
    made = replicate.interpret(prediction("succeeded", output=output))

    assert [image.url for image in made.images] == [IMAGE]


@pytest.mark.parametrize(
    ("metrics", "milliseconds"),
    [
        ({"predict_time": 1.2345, "total_time": 3}, 1234),
        ({"predict_time": 2}, 2000),
        ({"predict_time": -1}, None),
        ({"predict_time": 1e300}, None),
        ({"predict_time": True}, None),
        ({"predict_time": "2"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_time_of_a_prediction_is_that_which_it_ran(
    metrics: object, milliseconds: int | None
) -> None:
    made = replicate.interpret(prediction("succeeded", output=IMAGE, metrics=metrics))

    assert made.provider_milliseconds == milliseconds


@pytest.mark.parametrize("output", [None, [], "", {"image": IMAGE}, [None], 7])
def test_a_prediction_without_images_may_have_been_charged(output: object) -> None:
    with pytest.raises(UpstreamFault) as caught:
        replicate.interpret(prediction("succeeded", output=output))

    assert caught.value.kind == "outcome_unknown"


@pytest.mark.parametrize(
    ("status", "title", "kind"),
    [
        (400, "Bad request", "invalid"),
        (401, "Unauthenticated", "unauthorized"),
        (402, "Insufficient credit", "unauthorized"),
        (404, "Not found", "misconfigured"),
        (422, "Input validation failed", "invalid"),
        (422, "Invalid version or not permitted", "misconfigured"),
        (429, "Too many requests", "throttled"),
        (500, "Internal server error", "outcome_unknown"),
        (503, "Service unavailable", "unavailable"),
    ],
)
def test_status_and_title_tell_the_kind_of_an_error(status: int, title: str, kind: str) -> None:
    document = {"title": title, "detail": "why", "status": status}
    fault = replicate.read_error(upstream_response(document, status, retry_after="3"))

    assert (fault.kind, fault.code, fault.cause) == (kind, title, "why")
    assert fault.retry_after_seconds == 3
    assert (fault.message == "why") == (kind == "invalid")


def test_a_throttled_creation_has_only_a_detail() -> None:
    document = {"detail": "Request was throttled. Expected available in 1 second."}

    assert replicate.read_error(upstream_response(document, 429)).kind == "throttled"
