"""What is sent to Stability's models and image services on Bedrock for each task."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.dialects.inputs import edit_job, fake_input
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.dialects.bedrock.stability import mask_convention, translate
from tintype_gateway.pipeline.stages.adapt import adapt
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.job import Job
from tintype_testing.builders import route, snapshot, valid
from tintype_testing.manifests import STARTER, read_manifests
from tintype_testing.upstream_requests import sent_json

KEYS = {"aws-access-key-id": "AKIDEXAMPLE", "aws-secret-access-key": "secret"}
ONE, TWO, MASK = fake_input(b"first image"), fake_input(b"second image"), fake_input(b"the mask")
FIRST, SECOND, MASKED = (
    base64.b64encode(data).decode() for data in (b"first image", b"second image", b"the mask")
)
OPEN = SizeChoice()
OUTPAINT = "stability-stable-outpaint-v1-0"


def body(job: Job) -> Any:
    """Return the body of the call for a job."""
    return sent_json(translate(job, route("us-west-2"), 1, KEYS))


@pytest.mark.parametrize(
    "task",
    [
        "search-replace",
        "search-recolor",
        "control-sketch",
        "control-structure",
        "creative-upscale",
        "conservative-upscale",
    ],
)
def test_a_service_gets_prompt_image_and_what_the_client_adds(task: str) -> None:
    job = edit_job(
        task, ONE, extras={"search_prompt": "the dog"}, seed=7, output_format="webp", style="anime"
    )

    assert body(job) == {
        "prompt": "A hedgehog",
        "image": FIRST,
        "search_prompt": "the dog",
        "seed": 7,
        "output_format": "webp",
        "style_preset": "anime",
    }


@pytest.mark.parametrize("task", ["remove-background", "fast-upscale"])
def test_a_service_without_a_prompt_gets_none(task: str) -> None:
    assert body(edit_job(task, ONE)) == {"image": FIRST}


def test_inpaint_gets_the_mask() -> None:
    job = edit_job("inpaint", ONE, mask=MASK, negative_prompt="fog")

    assert body(job) == {
        "prompt": "A hedgehog",
        "image": FIRST,
        "mask": MASKED,
        "negative_prompt": "fog",
    }


def test_erase_gets_the_mask_and_no_prompt() -> None:
    assert body(edit_job("erase-object", ONE, mask=MASK)) == {"image": FIRST, "mask": MASKED}


def test_style_transfer_gets_the_second_image_as_its_style() -> None:
    assert body(edit_job("style-transfer", ONE, TWO, prompt="")) == {
        "init_image": FIRST,
        "style_image": SECOND,
    }


def test_style_guide_gets_an_aspect_ratio() -> None:
    size = SizeChoice(ratio="16:9")

    assert body(edit_job("style-guide", ONE, size=size)) == {
        "prompt": "A hedgehog",
        "image": FIRST,
        "aspect_ratio": "16:9",
    }


@pytest.mark.parametrize(("extras", "strength"), [({}, 0.35), ({"strength": 0.8}, 0.8)])
def test_image_to_image_gets_a_strength_and_no_aspect_ratio(
    extras: dict[str, float], strength: float
) -> None:
    job = edit_job("image-to-image", ONE, size=SizeChoice(ratio="16:9"), extras=extras)

    assert body(job) == {
        "prompt": "A hedgehog",
        "mode": "image-to-image",
        "image": FIRST,
        "strength": strength,
    }


def test_text_to_image_gets_no_strength() -> None:
    assert body(edit_job(None, size=SizeChoice(ratio="1:1"))) == {
        "prompt": "A hedgehog",
        "mode": "text-to-image",
        "aspect_ratio": "1:1",
    }


def test_outpaint_keeps_the_image_in_the_middle_of_the_size() -> None:
    job = edit_job("outpaint", ONE, prompt="", size=SizeChoice(Size(645, 1480)))

    assert body(job) == {"image": FIRST, "left": 2, "right": 3, "up": 500, "down": 500}


def test_outpaint_takes_the_sides_that_the_client_names() -> None:
    job = edit_job("outpaint", ONE, size=SizeChoice(Size(640, 480)), extras={"left": 40})

    assert body(job) == {"prompt": "A hedgehog", "image": FIRST, "left": 40}


@pytest.mark.parametrize(
    ("asked", "sides"),
    [
        ({"size": "700x500"}, {"left": 30, "right": 30, "up": 10, "down": 10}),
        ({"left": 7}, {"left": 7}),
        ({"size": "auto", "up": 9, "down": 2000}, {"up": 9, "down": 2000}),
    ],
)
def test_a_client_of_the_starter_catalog_extends_an_image_by_size_or_by_sides(
    asked: dict[str, Any], sides: dict[str, int]
) -> None:
    manifests = read_manifests(STARTER)
    catalog = snapshot(*(m for m in manifests if m["metadata"]["name"].startswith(OUTPAINT)))
    (model,) = catalog.catalog.models
    rule = model.operation_rule("edit")
    assert rule is not None
    adapted = adapt(valid(catalog, model=model.id, **asked), model, "lenient", rule=rule)

    sent = body(replace(adapted, inputs=(ONE,)))

    assert {name: sent[name] for name in sent.keys() - {"image", "prompt"}} == sides


@pytest.mark.parametrize(
    "size", [OPEN, *map(SizeChoice, (Size(640, 480), Size(639, 1000), Size(4641, 480)))]
)
def test_outpaint_refuses_a_size_that_the_image_cannot_grow_to(size: SizeChoice) -> None:
    with pytest.raises(UpstreamFault, match="larger than the image, which is 640x480") as fault:
        body(edit_job("outpaint", ONE, size=size))

    assert (fault.value.kind, fault.value.param) == ("invalid", "size")


@given(st.integers(0, 4000), st.integers(1, 4000))
def test_outpaint_grows_by_exactly_what_is_asked_for(wider: int, higher: int) -> None:
    sent = body(edit_job("outpaint", ONE, size=SizeChoice(Size(640 + wider, 480 + higher))))

    assert sent["left"] + sent["right"] == wider
    assert sent["up"] + sent["down"] == higher
    assert max(sent[side] for side in ("left", "right", "up", "down")) <= 2000


@pytest.mark.parametrize(
    ("task", "convention"),
    [
        ("inpaint", "luminance_edits"),
        ("erase-object", "luminance_edits"),
        ("outpaint", None),
        ("undo", None),
        (None, None),
    ],
)
def test_a_task_has_its_mask_convention(task: str | None, convention: str | None) -> None:
    assert mask_convention(task) == convention


def test_a_task_of_another_release_is_a_mistake_of_the_catalog() -> None:
    with pytest.raises(UpstreamFault, match="no task 'undo'") as fault:
        body(edit_job("undo", ONE))

    assert fault.value.kind == "misconfigured"
