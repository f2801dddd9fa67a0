"""Imagen's edits and upscaled images on Vertex AI, asked by google-genai."""

import base64
from typing import Any

import pytest
from google.genai import types
from google.genai.errors import ClientError
from PIL import Image, ImageDraw

from tests.simulator.edits import HOLE, SIZE, changed_box, file, mean_color, nearest, plain
from tests.simulator.genai import QUIET, image_of, vertex
from tintype_simulator.painting.edits import stripe_boxes
from tintype_simulator.painting.references import marked_band
from tintype_testing.http import http_client
from tintype_testing.simulators import opened

pytestmark = QUIET

EDIT, UPSCALE = "imagen-3.0-capability-001", "imagen-4.0-upscale-preview"
COLORS = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255)}


def image(content: bytes) -> types.Image:
    """Return a PNG as the client takes it."""
    return types.Image(image_bytes=content, mime_type="image/png")


def raw(color: str = "red") -> types.RawReferenceImage:
    """Return the image to edit."""
    return types.RawReferenceImage(reference_id=1, reference_image=image(plain(color)))


def mask(size: tuple[int, int] = SIZE, **config: Any) -> types.MaskReferenceImage:
    """Return a mask that is white in the hole and black elsewhere."""
    drawn = Image.new("L", size)
    ImageDraw.Draw(drawn).rectangle((HOLE[0], HOLE[1], HOLE[2] - 1, HOLE[3] - 1), fill=255)
    given = {"mask_mode": "MASK_MODE_USER_PROVIDED"} | config
    return types.MaskReferenceImage(
        reference_id=2,
        reference_image=image(file(drawn)),
        config=types.MaskReferenceConfig(**given),
    )


async def edited(simulator: str, *references: Any, mode: str | None = None) -> Image.Image:
    """Return the one image of an edit."""
    config = types.EditImageConfig(
        edit_mode=None if mode is None else types.EditMode(f"EDIT_MODE_{mode}"),
        number_of_images=1,
        base_steps=12,
        output_mime_type="image/png",
    )
    async with vertex(simulator) as client:
        response = await client.models.edit_image(
            model=EDIT, prompt="a red door [1]", reference_images=list(references), config=config
        )
    [entry] = response.generated_images or []
    return image_of(entry)


@pytest.mark.parametrize("mode", ["INPAINT_INSERTION", "INPAINT_REMOVAL", "OUTPAINT"])
async def test_only_the_white_region_of_a_mask_changes(simulator: str, mode: str) -> None:
    result = await edited(simulator, raw(), mask(), mode=mode)

    assert changed_box(result, opened(plain("red"))) == HOLE


@pytest.mark.parametrize(
    ("mode", "classes"), [("FOREGROUND", None), ("BACKGROUND", None), ("SEMANTIC", [8, 125])]
)
async def test_an_automatic_mask_needs_no_image(
    simulator: str, mode: str, classes: list[int] | None
) -> None:
    automatic = types.MaskReferenceImage(
        reference_id=2,
        config=types.MaskReferenceConfig(
            mask_mode=types.MaskReferenceMode(f"MASK_MODE_{mode}"), segmentation_classes=classes
        ),
    )

    result = await edited(simulator, raw(), automatic, mode="INPAINT_INSERTION")

    corner_is_kept = mean_color(result, (1000, 620, 1024, 640)) == COLORS["red"]
    assert corner_is_kept == (mode != "BACKGROUND")


async def test_further_references_leave_their_marks_in_order(simulator: str) -> None:
    style = types.StyleReferenceImage(
        reference_id=2,
        reference_image=image(plain("blue")),
        config=types.StyleReferenceConfig(style_description="woodcut"),
    )
    subject = types.SubjectReferenceImage(
        reference_id=3,
        reference_image=image(plain("lime")),
        config=types.SubjectReferenceConfig(
            subject_type=types.SubjectReferenceType.SUBJECT_TYPE_ANIMAL,
            subject_description="a parrot",
        ),
    )

    result = await edited(simulator, raw(), style, subject)

    boxes = stripe_boxes(marked_band((0, 0, *SIZE)), 3)
    assert [nearest(mean_color(result, box), COLORS) for box in boxes] == ["red", "blue", "lime"]


async def test_a_control_image_is_a_reference(simulator: str) -> None:
    control = types.ControlReferenceImage(
        reference_id=1,
        reference_image=image(plain("lime")),
        config=types.ControlReferenceConfig(
            control_type=types.ControlReferenceType.CONTROL_TYPE_SCRIBBLE,
            enable_control_image_computation=True,
        ),
    )

    result = await edited(simulator, control, mode="CONTROLLED_EDITING")

    assert nearest(mean_color(result), COLORS) == "lime"


@pytest.mark.parametrize(
    ("references", "mode", "problem"),
    [
        ([raw()], "INPAINT_REMOVAL", "requires a RAW and a MASK"),
        ([mask()], None, "requires a RAW one"),
        ([raw(), raw()], None, "At most one RAW"),
        ([raw(), mask((64, 64))], "INPAINT_REMOVAL", "same size as the RAW"),
        ([raw(), mask(mask_mode="MASK_MODE_SEMANTIC")], "INPAINT_REMOVAL", "1 to 5 maskClasses"),
        ([raw(), mask(mask_dilation=2.0)], "INPAINT_REMOVAL", "must be from 0 to 1"),
        ([], None, "At least one reference image"),
    ],
)
async def test_references_that_the_mode_cannot_use_are_refused(
    simulator: str, references: list[Any], mode: str | None, problem: str
) -> None:
    with pytest.raises(ClientError, match=problem):
        await edited(simulator, *references, mode=mode)


@pytest.mark.parametrize("factor", ["x2", "x4"])
async def test_an_image_is_upscaled_by_its_factor(simulator: str, factor: str) -> None:
    async with vertex(simulator) as client:
        response = await client.models.upscale_image(
            model=UPSCALE,
            image=image(plain("red", (64, 48))),
            upscale_factor=factor,
            config=types.UpscaleImageConfig(
                output_mime_type="image/jpeg", image_preservation_factor=0.5
            ),
        )

    [entry] = response.generated_images or []
    result = image_of(entry)
    times = int(factor[1:])
    assert (result.format, result.size) == ("JPEG", (64 * times, 48 * times))
    assert nearest(mean_color(result), COLORS) == "red"


async def test_an_image_that_would_be_too_large_is_not_upscaled(simulator: str) -> None:
    async with vertex(simulator) as client:
        with pytest.raises(ClientError, match="17 megapixels"):
            await client.models.upscale_image(
                model=UPSCALE, image=image(plain("red", (1100, 1000))), upscale_factor="x4"
            )


@pytest.mark.parametrize("model", [EDIT, UPSCALE])
async def test_the_gemini_api_does_not_have_these_models(simulator: str, model: str) -> None:
    encoded = base64.b64encode(plain("red", (64, 48))).decode()
    body = {"instances": [{"prompt": "x", "image": {"bytesBase64Encoded": encoded}}]}

    async with http_client() as http:
        response = await http.post(
            f"{simulator}/v1beta/models/{model}:predict",
            json=body,
            headers={"x-goog-api-key": "key"},
        )

    assert response.status_code == 404
