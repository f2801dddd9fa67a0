"""What is sent to Titan and Nova Canvas for each of their tasks."""

import base64
from typing import Any

import pytest

from tests.gateway.dialects.inputs import edit_job, fake_input
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.dialects.bedrock.amazon import mask_convention, translate
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.job import Job
from tintype_gateway.values.upstream_body import StreamedBody
from tintype_testing.builders import route
from tintype_testing.upstream_requests import sent_json

NOVA = "amazon.nova-canvas-v1:0"
KEYS = {"aws-access-key-id": "AKIDEXAMPLE", "aws-secret-access-key": "secret"}
ONE, TWO, MASK = fake_input(b"first image"), fake_input(b"second image"), fake_input(b"the mask")
FIRST, SECOND, MASKED = (
    base64.b64encode(data).decode() for data in (b"first image", b"second image", b"the mask")
)


def body(job: Job, images: int = 1) -> Any:
    """Return the body of the call for a job."""
    return sent_json(translate(job, route("us-east-1", upstreamModel=NOVA), images, KEYS))


def test_inpainting_sends_image_mask_and_texts_without_a_size() -> None:
    job = edit_job("INPAINTING", ONE, mask=MASK, negative_prompt="fog", quality="premium", seed=7)

    assert body(job, 2) == {
        "taskType": "INPAINTING",
        "inPaintingParams": {
            "image": FIRST,
            "maskImage": MASKED,
            "text": "A hedgehog",
            "negativeText": "fog",
        },
        "imageGenerationConfig": {"numberOfImages": 2, "quality": "premium", "seed": 7},
    }


def test_inpainting_without_a_prompt_sends_no_text() -> None:
    job = edit_job("INPAINTING", ONE, mask=MASK, prompt="")

    assert body(job)["inPaintingParams"] == {"image": FIRST, "maskImage": MASKED}


def test_a_mask_prompt_of_the_client_takes_the_place_of_a_mask() -> None:
    job = edit_job("INPAINTING", ONE, extras={"inPaintingParams": {"maskPrompt": "the door"}})

    assert body(job)["inPaintingParams"] == {
        "image": FIRST,
        "text": "A hedgehog",
        "maskPrompt": "the door",
    }


def test_outpainting_sends_image_and_mask_without_a_size() -> None:
    extras = {"outPaintingParams": {"outPaintingMode": "PRECISE", "image": "of the client"}}

    assert body(edit_job("OUTPAINTING", ONE, mask=MASK, extras=extras)) == {
        "taskType": "OUTPAINTING",
        "outPaintingParams": {
            "image": FIRST,
            "maskImage": MASKED,
            "text": "A hedgehog",
            "outPaintingMode": "PRECISE",
        },
        "imageGenerationConfig": {"numberOfImages": 1},
    }


def test_a_variation_sends_all_images_in_their_order_and_a_size() -> None:
    job = edit_job("IMAGE_VARIATION", TWO, ONE, prompt="", size=SizeChoice(Size(640, 384)))

    assert body(job, 3) == {
        "taskType": "IMAGE_VARIATION",
        "imageVariationParams": {"images": [SECOND, FIRST]},
        "imageGenerationConfig": {"numberOfImages": 3, "width": 640, "height": 384},
    }


def test_a_condition_image_goes_with_the_prompt() -> None:
    job = edit_job("TEXT_IMAGE", ONE, style="MAXIMALISM")

    assert body(job) == {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {
            "text": "A hedgehog",
            "style": "MAXIMALISM",
            "conditionImage": FIRST,
        },
        "imageGenerationConfig": {"numberOfImages": 1, "width": 1024, "height": 1024},
    }


@pytest.mark.parametrize(("inputs", "reference"), [((), {}), ((ONE,), {"referenceImage": FIRST})])
def test_a_color_guided_image_may_have_a_reference(inputs: Any, reference: dict[str, str]) -> None:
    extras = {"colorGuidedGenerationParams": {"colors": ["#FF9800"]}}

    assert body(edit_job("COLOR_GUIDED_GENERATION", *inputs, extras=extras)) == {
        "taskType": "COLOR_GUIDED_GENERATION",
        "colorGuidedGenerationParams": {"text": "A hedgehog", "colors": ["#FF9800"], **reference},
        "imageGenerationConfig": {"numberOfImages": 1, "width": 1024, "height": 1024},
    }


def test_background_removal_sends_only_the_image() -> None:
    job = edit_job("BACKGROUND_REMOVAL", ONE, quality="standard", seed=12)

    assert body(job) == {
        "taskType": "BACKGROUND_REMOVAL",
        "backgroundRemovalParams": {"image": FIRST},
    }


def test_try_on_sends_the_person_the_garment_and_the_mask() -> None:
    job = edit_job("VIRTUAL_TRY_ON", ONE, TWO, mask=MASK, seed=1)

    assert body(job) == {
        "taskType": "VIRTUAL_TRY_ON",
        "virtualTryOnParams": {
            "sourceImage": FIRST,
            "referenceImage": SECOND,
            "maskType": "IMAGE",
            "imageBasedMask": {"maskImage": MASKED},
        },
        "imageGenerationConfig": {"numberOfImages": 1, "seed": 1},
    }


def test_try_on_without_a_mask_takes_the_kind_of_mask_from_the_client() -> None:
    extras = {
        "virtualTryOnParams": {
            "maskType": "GARMENT",
            "garmentBasedMask": {"garmentClass": "UPPER_BODY"},
        }
    }

    assert body(edit_job("VIRTUAL_TRY_ON", ONE, TWO, extras=extras))["virtualTryOnParams"] == {
        "sourceImage": FIRST,
        "referenceImage": SECOND,
        **extras["virtualTryOnParams"],
    }


def test_images_are_not_read_to_describe_a_body() -> None:
    request = translate(edit_job("INPAINTING", ONE, mask=MASK), route("us-east-1"), 1, KEYS)

    assert isinstance(request.body, StreamedBody)
    assert len(request.body.pieces) == 5


@pytest.mark.parametrize(
    ("task", "convention"),
    [
        ("INPAINTING", "black_edits"),
        ("VIRTUAL_TRY_ON", "black_edits"),
        ("OUTPAINTING", "white_edits"),
        ("IMAGE_VARIATION", None),
        ("UPSCALING", None),
        (None, None),
    ],
)
def test_a_task_has_its_mask_convention(task: str | None, convention: str | None) -> None:
    assert mask_convention(task) == convention


def test_a_task_of_another_release_is_a_mistake_of_the_catalog() -> None:
    with pytest.raises(UpstreamFault, match="no task 'UPSCALING'") as fault:
        body(edit_job("UPSCALING", ONE))

    assert fault.value.kind == "misconfigured"


def test_images_above_the_limit_of_bedrock_are_refused_before_they_are_sent() -> None:
    large = fake_input(bytes(9_400_000))

    with pytest.raises(UpstreamFault, match="at most 25000000") as fault:
        body(edit_job("INPAINTING", large, mask=large))

    assert (fault.value.kind, fault.value.param) == ("invalid", "image")


@pytest.mark.parametrize("task", ["INPAINTING", "OUTPAINTING"])
@pytest.mark.parametrize(
    ("mask", "words", "code"),
    [(None, {}, "missing_required_parameter"), (MASK, {"maskPrompt": "a dog"}, "invalid_value")],
)
def test_a_task_with_a_region_has_it_once(
    task: str, mask: Any, words: dict[str, str], code: str
) -> None:
    parameters = "inPaintingParams" if task == "INPAINTING" else "outPaintingParams"

    with pytest.raises(UpstreamFault, match=f"`{parameters}.maskPrompt`") as fault:
        body(edit_job(task, ONE, mask=mask, extras={parameters: words}))

    assert (fault.value.kind, fault.value.param, fault.value.code) == ("invalid", "mask", code)
