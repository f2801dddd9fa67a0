"""The tasks of Titan and Nova Canvas that take images, measured by the pixels that they change."""

import base64
from typing import Any

import pytest
from PIL import Image, ImageStat

from tests.simulator.aws import NOVA, TITAN, images, invoked, refused
from tests.simulator.edited import changed, is_box, mask, photo, share_changed, text
from tintype_simulator.bedrock.amazon_bodies import GARMENT_CLASSES, PARAMETERS
from tintype_testing.simulators import opened

SIZE = (320, 352)
BOX = (40, 100, 200, 300)
PHOTO = photo(SIZE)
BLACK_BOX = mask("black", BOX, "white", SIZE)
WHITE_BOX = mask("white", BOX, "black", SIZE)
WHITE = (255, 255, 255)
BOTH = pytest.mark.parametrize("model", [TITAN, NOVA])


def body(task: str, config: dict[str, Any] | None = None, **parameters: Any) -> dict[str, Any]:
    """Return the body of a task, with a configuration if one is given."""
    configured = {} if config is None else {"imageGenerationConfig": config}
    return {"taskType": task, PARAMETERS[task]: parameters, **configured}


def inpainting(**parameters: Any) -> dict[str, Any]:
    return body("INPAINTING", image=text(PHOTO), **parameters)


def outpainting(**parameters: Any) -> dict[str, Any]:
    return body("OUTPAINTING", image=text(PHOTO), text="a beach", **parameters)


def try_on(source: Image.Image = PHOTO, **parameters: Any) -> dict[str, Any]:
    garment = Image.new("RGB", (400, 400), "red")
    return body(
        "VIRTUAL_TRY_ON", sourceImage=text(source), referenceImage=text(garment), **parameters
    )


def colors(image: Image.Image) -> set[Any]:
    """Return the colors of an image."""
    return {color for _, color in image.getcolors() or ()}


async def edited(simulator: str, model: str, request: dict[str, Any]) -> Image.Image:
    """Return the one image of a response."""
    (image,) = images(await invoked(simulator, model, request))
    return image


@BOTH
async def test_inpainting_changes_black_pixels_of_the_mask(simulator: str, model: str) -> None:
    image = await edited(simulator, model, inpainting(maskImage=text(BLACK_BOX), text="a door"))

    assert is_box(changed(PHOTO, image), BOX)


@BOTH
async def test_outpainting_changes_white_pixels_of_the_mask(simulator: str, model: str) -> None:
    image = await edited(simulator, model, outpainting(maskImage=text(WHITE_BOX)))

    assert is_box(changed(PHOTO, image), BOX)


@BOTH
async def test_a_mask_may_be_a_jpeg_of_quality_100(simulator: str, model: str) -> None:
    jpeg = text(BLACK_BOX, "jpeg", quality=100, subsampling=0)

    image = await edited(simulator, model, inpainting(maskImage=jpeg))

    assert is_box(changed(PHOTO, image), BOX)


async def test_an_image_without_transparent_pixels_may_have_an_alpha_channel(
    simulator: str,
) -> None:
    request = body("BACKGROUND_REMOVAL", image=text(PHOTO.convert("RGBA")))

    assert (await edited(simulator, NOVA, request)).size == SIZE


async def test_titan_reads_the_colors_below_the_alpha_of_a_mask(simulator: str) -> None:
    hole = Image.new("RGBA", SIZE, (255, 255, 255, 255))
    hole.paste((255, 255, 255, 0), BOX)

    image = await edited(simulator, TITAN, inpainting(maskImage=text(hole)))

    assert changed(PHOTO, image).getbbox() is None


@BOTH
async def test_a_mask_prompt_of_inpainting_names_the_changed_part(
    simulator: str, model: str
) -> None:
    image = await edited(simulator, model, inpainting(maskPrompt="the dog"))

    assert 0.1 < share_changed(PHOTO, image) < 0.25


@BOTH
async def test_a_mask_prompt_of_outpainting_names_the_kept_part(simulator: str, model: str) -> None:
    image = await edited(simulator, model, outpainting(maskPrompt="the dog"))

    assert 0.75 < share_changed(PHOTO, image) < 0.9


@BOTH
@pytest.mark.parametrize("request_body", [inpainting, outpainting])
async def test_the_mask_of_a_prompt_can_be_used_in_its_place(
    simulator: str, model: str, request_body: Any
) -> None:
    response = await invoked(simulator, model, request_body(maskPrompt="the dog", returnMask=True))

    (first,) = images(response)
    second = await edited(simulator, model, request_body(maskImage=response["maskImage"]))
    assert changed(PHOTO, first) == changed(PHOTO, second)


async def test_a_mask_comes_back_only_on_request(simulator: str) -> None:
    response = await invoked(simulator, NOVA, inpainting(maskPrompt="the dog"))

    assert response.keys() == {"images", "error"}


@BOTH
async def test_a_mask_prompt_that_finds_nothing_is_refused(simulator: str, model: str) -> None:
    status, code, message = await refused(simulator, model, inpainting(maskPrompt="a dog, nowhere"))

    assert (status, code) == (400, "ValidationException")
    assert "Unable to auto-generate mask image" in message


async def test_titan_ignores_the_size_of_an_edit(simulator: str) -> None:
    request = inpainting(maskImage=text(BLACK_BOX)) | {
        "imageGenerationConfig": {"width": 1024, "height": 1024}
    }

    assert (await edited(simulator, TITAN, request)).size == SIZE


async def test_an_edit_gives_several_different_images(simulator: str) -> None:
    request = inpainting(maskImage=text(BLACK_BOX))
    request["imageGenerationConfig"] = {"numberOfImages": 3, "quality": "premium", "seed": 7}

    response = await invoked(simulator, NOVA, request)

    assert len(set(response["images"])) == 3


@BOTH
async def test_a_variation_follows_its_images_in_their_order(simulator: str, model: str) -> None:
    inputs = [text(Image.new("RGB", SIZE, color)) for color in ("red", "blue")]
    config = {"width": 512, "height": 512}
    request = body("IMAGE_VARIATION", config, images=inputs, similarityStrength=1)

    image = await edited(simulator, model, request)

    assert image.size == (512, 512)
    assert [image.getpixel((x, 40)) for x in (0, 255, 256, 511)] == [
        (255, 0, 0),
        (255, 0, 0),
        (0, 0, 255),
        (0, 0, 255),
    ]


async def test_a_variation_is_the_more_similar_the_higher_its_strength(simulator: str) -> None:
    red = Image.new("RGB", SIZE, "red")
    config = {"width": 320, "height": 320}
    shades = []
    for strength in (0.2, 0.9):
        request = body(
            "IMAGE_VARIATION", config, images=[text(red)], text="a sea", similarityStrength=strength
        )
        image = await edited(simulator, NOVA, request)
        shades.append(ImageStat.Stat(image).mean[0])

    assert shades[0] < shades[1]


@BOTH
@pytest.mark.parametrize("reference", [{}, {"referenceImage": text(PHOTO)}])
async def test_a_color_guided_image_shows_its_colors(
    simulator: str, model: str, reference: dict[str, str]
) -> None:
    request = body(
        "COLOR_GUIDED_GENERATION",
        {"width": 512, "height": 512},
        text="a jar",
        colors=["#FF9800", "#00bcd4"],
        **reference,
    )

    image = await edited(simulator, model, request)

    assert [image.getpixel((x, 0)) for x in (0, 511)] == [(0xFF, 0x98, 0), (0, 0xBC, 0xD4)]


@BOTH
@pytest.mark.parametrize("mode", ["CANNY_EDGE", "SEGMENTATION"])
async def test_a_condition_image_leads_its_outlines_into_the_image(
    simulator: str, model: str, mode: str
) -> None:
    config = {"width": 512, "height": 512}
    control = {"controlMode": mode, "controlStrength": 1}

    plain = await edited(simulator, model, body("TEXT_IMAGE", config, text="a cat"))
    conditioned = await edited(
        simulator,
        model,
        body("TEXT_IMAGE", config, text="a cat", conditionImage=text(BLACK_BOX), **control),
    )

    assert plain.size == conditioned.size == (512, 512)
    edge = BOX[0] * 512 // SIZE[0]
    assert WHITE in colors(conditioned.crop((edge - 3, 256, edge + 3, 257)))
    assert WHITE not in colors(plain.crop((edge - 3, 256, edge + 3, 257)))


@BOTH
async def test_background_removal_gives_a_png_with_alpha(simulator: str, model: str) -> None:
    image = await edited(simulator, model, body("BACKGROUND_REMOVAL", image=text(PHOTO)))

    assert (image.format, image.mode, image.size) == ("PNG", "RGBA", SIZE)
    assert image.getpixel((0, 0))[3] == 0  # type: ignore[index]
    middle = (SIZE[0] // 2, SIZE[1] // 2)
    assert image.getpixel(middle) == (*PHOTO.getpixel(middle), 255)  # type: ignore[misc]


async def test_try_on_replaces_what_is_black_in_its_mask_by_the_garment(simulator: str) -> None:
    request = try_on(maskType="IMAGE", imageBasedMask={"maskImage": text(BLACK_BOX)})

    image = await edited(simulator, NOVA, request)

    assert is_box(changed(PHOTO, image), BOX)
    red, green, blue = image.crop(BOX).resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
    assert red > 2 * max(green, blue)


@pytest.mark.parametrize(
    "members",
    [
        {
            "maskType": "GARMENT",
            "garmentBasedMask": {
                "garmentClass": GARMENT_CLASSES[0],
                "maskShape": "BOUNDING_BOX",
                "garmentStyling": {
                    "longSleeveStyle": "SLEEVE_UP",
                    "tuckingStyle": "TUCKED",
                    "outerLayerStyle": "OPEN",
                },
            },
            "maskExclusions": {
                "preserveBodyPose": "ON",
                "preserveHands": "OFF",
                "preserveFace": "DEFAULT",
            },
            "mergeStyle": "DETAILED",
            "returnMask": True,
        },
        {
            "maskType": "PROMPT",
            "promptBasedMask": {"maskPrompt": "the shirt", "maskShape": "CONTOUR"},
            "mergeStyle": "BALANCED",
            "returnMask": True,
        },
    ],
)
async def test_try_on_finds_the_garment_and_returns_its_mask(
    simulator: str, members: dict[str, Any]
) -> None:
    response = await invoked(simulator, NOVA, try_on(**members))

    (image,) = images(response)
    returned = opened(base64.b64decode(response["maskImage"]))
    assert changed(PHOTO, image) == returned.point([255 - value for value in range(256)])
    assert 0.1 < share_changed(PHOTO, image) < 0.25


async def test_only_a_seamless_try_on_moves_all_pixels_a_little(simulator: str) -> None:
    gray = Image.new("RGB", SIZE, (90, 90, 90))
    request = try_on(
        gray,
        maskType="IMAGE",
        imageBasedMask={"maskImage": text(BLACK_BOX)},
        mergeStyle="SEAMLESS",
    )

    image = await edited(simulator, NOVA, request)

    assert image.getpixel((0, 0)) == (92, 92, 92)
    assert share_changed(gray, image) == 1


@BOTH
async def test_an_input_image_of_magenta_alone_is_refused(simulator: str, model: str) -> None:
    magenta = text(Image.new("RGB", SIZE, "magenta"), "jpeg")

    status, code, message = await refused(
        simulator, model, body("BACKGROUND_REMOVAL", image=magenta)
    )

    assert (status, code) == (400, "ValidationException")
    assert "blocked by our content filters. Please adjust your input image" in message
