"""The exact bodies of Black Forest Labs' API, its states, and its errors."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tests.gateway.dialects.examples import CREDENTIALS
from tests.gateway.images.documents import documents
from tintype_catalog.allowed_hosts import allows
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.dialects import bfl
from tintype_gateway.values.content import BytesContent, InputImage
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.routes import Route
from tintype_gateway.values.tasks import Done, Task, Waiting
from tintype_testing.builders import binding, job, upstream_response
from tintype_testing.upstream_requests import sent_json

SAMPLE = "https://delivery-eu1.bfl.ai/results/1/sample.png?sig=a%2Bb"
TASK = Task("t-1", "https://api.eu1.bfl.ai/v1/get_result?id=t-1")
FOX, HOLE = (InputImage(BytesContent(text), "png", Size(64, 64)) for text in (b"fox", b"hole"))


def route(region: str = "global", **spec: Any) -> Route:
    own = {"dialect": "bfl", "provider": "bfl", "upstreamModel": "flux-2-pro"}
    return Route(binding(**own | spec), region)


def body(**fields: Any) -> Any:
    return sent_json(bfl.translate(job(**fields), route(), 1, CREDENTIALS))


@pytest.mark.parametrize(
    ("region", "host"),
    [("global", "api.bfl.ai"), ("eu", "api.eu.bfl.ai"), ("us", "api.us.bfl.ai")],
)
def test_a_task_is_submitted_in_its_region(region: str, host: str) -> None:
    request = bfl.translate(job(), route(region), 1, CREDENTIALS)

    assert request.url == f"https://{host}/v1/flux-2-pro"
    assert request.headers["x-key"] == "secret-api-key"


def test_a_model_of_pixels_is_asked_for_width_and_height() -> None:
    size = SizeChoice(Size(1024, 768))

    sent = body(prompt="a fox", size=size, seed=7, output_format="png", user="me")

    assert sent == {
        "prompt": "a fox",
        "width": 1024,
        "height": 768,
        "seed": 7,
        "output_format": "png",
    }


def test_a_model_of_ratios_is_asked_for_the_ratio() -> None:
    size = SizeChoice(Size(1392, 752), "16:9")

    assert body(prompt="a fox", size=size) == {"prompt": "a fox", "aspect_ratio": "16:9"}


def test_the_size_is_left_to_the_provider_where_it_is_open() -> None:
    assert body(prompt="a fox", size=SizeChoice(None)) == {"prompt": "a fox"}


def test_the_images_of_an_edit_are_numbered_and_in_plain_base64() -> None:
    sent = body(prompt="a fox", size=SizeChoice(None), inputs=(FOX, HOLE, FOX))

    assert sent == {
        "prompt": "a fox",
        "input_image": "Zm94",
        "input_image_2": "aG9sZQ==",
        "input_image_3": "Zm94",
    }


def test_a_model_that_fills_has_an_image_and_a_mask() -> None:
    sent = body(prompt="a fox", size=SizeChoice(None), inputs=(FOX,), mask=HOLE, task="fill")

    assert sent == {"prompt": "a fox", "image": "Zm94", "mask": "aG9sZQ=="}
    assert (bfl.mask_convention("fill"), bfl.mask_convention(None)) == ("white_edits", None)


@pytest.mark.parametrize(
    ("cost", "usd"),
    [(3, "0.03"), (4.5, "0.045"), (1.4, "0.014"), (None, None), ("3", None), (True, None)],
)
def test_the_cost_of_a_task_is_in_cents(cost: object, usd: str | None) -> None:
    accepted = {"id": "t-1", "polling_url": TASK.status_url, "cost": cost, "input_mp": 0}

    task = bfl.accepted(upstream_response(accepted))

    assert (task.id, task.status_url, task.cancel) == ("t-1", TASK.status_url, None)
    assert task.cost_usd == (None if usd is None else Decimal(usd))


@pytest.mark.parametrize(
    "document", [{}, {"id": "t-1"}, {"polling_url": "https://api.bfl.ai/"}, [], "x"]
)
def test_a_task_without_an_id_or_a_url_is_of_unknown_outcome(document: Any) -> None:
    with pytest.raises(UpstreamFault) as caught:
        bfl.accepted(upstream_response(json.dumps(document).encode()))
    assert caught.value.kind == "outcome_unknown"


@pytest.mark.parametrize("state", ["Pending", "Queued", "", None, 7])
def test_a_state_that_is_not_an_end_is_waited_for(state: object) -> None:
    assert bfl.progress(upstream_response({"status": state}), TASK) == Waiting()


def test_a_ready_task_has_its_result_in_the_same_response() -> None:
    assert bfl.progress(upstream_response({"status": "Ready"}), TASK) == Done()


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("Request Moderated", "refused"),
        ("Content Moderated", "refused"),
        ("Error", "failed"),
        ("Failed", "failed"),
        ("Task not found", "outcome_unknown"),
    ],
)
def test_an_end_without_an_image_may_have_been_charged(state: str, kind: str) -> None:
    details = {"Moderation Reasons": ["Derivative Works Filter"]}

    with pytest.raises(UpstreamFault) as caught:
        bfl.progress(upstream_response({"status": state, "details": details}), TASK)

    fault = caught.value
    assert (fault.kind, fault.code, fault.charged) == (kind, state, True)
    assert fault.cause == f"{state}: Derivative Works Filter"
    assert ("Derivative" in fault.message) == (kind == "refused")


def test_an_image_is_named_by_its_url() -> None:
    result = {"sample": SAMPLE, "seed": 42, "prompt": "a red fox in the snow"}

    [image] = bfl.interpret(upstream_response({"status": "Ready", "result": result})).images

    assert (image.url, image.seed, bytes(image.base64)) == (SAMPLE, 42, b"")
    assert image.revised_prompt == "a red fox in the snow"


@pytest.mark.parametrize("result", [None, {}, {"sample": None}, {"sample": ""}, {"sample": 7}, []])
def test_a_result_without_an_image_is_of_unknown_outcome(result: object) -> None:
    with pytest.raises(UpstreamFault) as caught:
        bfl.interpret(upstream_response({"status": "Ready", "result": result}))
    assert caught.value.kind == "outcome_unknown"


@given(st.binary() | documents() | json_values.map(lambda value: json.dumps(value).encode()))
def test_whatever_a_poll_brings_it_is_waited_for_or_an_end(content: bytes) -> None:
    response = upstream_response(content)
    try:
        assert isinstance(bfl.progress(response, TASK), Waiting | Done)
        assert isinstance(bfl.accepted(response), Task)
    except UpstreamFault:
        pass


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((400, "invalid"), (402, "unauthorized"), (403, "unauthorized"), (404, "misconfigured")),
        *((422, "invalid"), (429, "throttled"), (500, "outcome_unknown"), (503, "unavailable")),
    ],
)
def test_errors_are_sorted_by_their_status(status: int, kind: str) -> None:
    fault = bfl.read_error(upstream_response({"detail": "why"}, status))

    assert (fault.kind, fault.cause) == (kind, "why")
    assert (fault.message == "why") == (kind == "invalid")


@pytest.mark.parametrize(
    ("loc", "param"),
    [
        (["body", "width"], "size"),
        (["body", "aspect_ratio"], "size"),
        (["body", "input_image_3"], "image"),
        (["body", "steps"], "steps"),
        (["body"], None),
        ("x", None),
    ],
)
def test_an_invalid_field_has_the_name_that_clients_know(loc: object, param: str | None) -> None:
    detail = [{"loc": loc, "msg": "must be a multiple of 16", "type": "multiple_of"}]

    fault = bfl.read_error(upstream_response({"detail": detail}, 422))

    assert (fault.message, fault.param) == ("must be a multiple of 16", param)


def test_polls_and_images_have_hosts_of_their_own() -> None:
    polled = [f"https://api{cluster}.bfl.ai" for cluster in ("", ".eu", ".us1", ".eu4")]
    images = [
        *("https://delivery-eu1.bfl.ai", "https://delivery.bfl.ai", "https://delivery.us2.bfl.ai"),
        "https://bfldeliveryprod.blob.core.windows.net",
    ]

    assert all(allows(bfl.API_HOSTS, host) for host in polled)
    assert not any(allows(bfl.API_HOSTS, host) for host in images)
    assert all(allows(bfl.RESULT_HOSTS, host) for host in images)
    assert not allows(bfl.RESULT_HOSTS, "https://evil.test")
