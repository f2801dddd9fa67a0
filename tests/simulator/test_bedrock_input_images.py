"""What Bedrock's models refuse of input images, masks and the bodies around them."""

import json
from typing import Any

import pytest
from PIL import Image

from tests.simulator.aws import NOVA, TITAN, refused
from tests.simulator.edited import mask, photo, text
from tintype_simulator.bedrock.amazon_bodies import PARAMETERS

SIZE = (320, 320)
BOX = (40, 40, 80, 80)
PHOTO = text(photo(SIZE))
MASK = text(mask("black", BOX, "white"))
GARMENT = {"sourceImage": PHOTO, "referenceImage": PHOTO}
SD35 = "stability.sd3-5-large-v1:0"
I2I = {"prompt": "x", "mode": "image-to-image"}


def body(task: str, config: Any = None, **parameters: Any) -> dict[str, Any]:
    configured = {} if config is None else {"imageGenerationConfig": config}
    return {"taskType": task, PARAMETERS[task]: parameters, **configured}


def inpainting(config: Any = None, **parameters: Any) -> dict[str, Any]:
    return body("INPAINTING", config, **{"image": PHOTO, "maskImage": MASK} | parameters)


def outpainting(config: Any = None, **parameters: Any) -> dict[str, Any]:
    fields = {"image": PHOTO, "maskImage": MASK, "text": "a sea"}
    return body("OUTPAINTING", config, **fields | parameters)


def of_size(width: int, height: int, form: str = "png") -> str:
    return text(Image.new("RGB", (width, height), "teal"), form)


def translucent() -> str:
    image = photo(SIZE).convert("RGBA")
    image.putpixel((5, 5), (0, 0, 0, 254))
    return text(image)


def stability(service: str) -> str:
    return f"us.stability.{service}-v1:0"


INPAINT = "#/inPaintingParams"
OUTPAINT = "#/outPaintingParams"
CONFIG = "#/imageGenerationConfig"
TRY_ON = "#/virtualTryOnParams"
REMOVAL = "#/backgroundRemovalParams"
ERASE = stability("stable-image-erase-object")
FAST = stability("stable-fast-upscale")
CREATIVE = stability("stable-creative-upscale")

REFUSALS: list[tuple[str, str, dict[str, Any], str]] = [
    *(
        (
            f"{task} of Nova takes no {side}",
            NOVA,
            request({side: 1024}),
            f"{CONFIG}: extraneous key [{side}] is not permitted",
        )
        for task, request in (("inpainting", inpainting), ("outpainting", outpainting))
        for side in ("width", "height")
    ),
    (
        "try-on takes no width",
        NOVA,
        body(
            "VIRTUAL_TRY_ON",
            {"width": 1024},
            **GARMENT,
            maskType="PROMPT",
            promptBasedMask={"maskPrompt": "x"},
        ),
        f"{CONFIG}: extraneous key [width] is not permitted",
    ),
    *(
        (
            "background removal takes no configuration",
            model,
            body("BACKGROUND_REMOVAL", {}, image=PHOTO),
            "#: extraneous key [imageGenerationConfig] is not permitted",
        )
        for model in (TITAN, NOVA)
    ),
    (
        "an image of Nova with one pixel that is not opaque",
        NOVA,
        body("BACKGROUND_REMOVAL", image=translucent()),
        f"{REMOVAL}/image: the image has pixels that are not opaque",
    ),
    (
        "an image of Nova with 16 bits a channel",
        NOVA,
        body("BACKGROUND_REMOVAL", image=text(Image.new("I;16", SIZE))),
        f"{REMOVAL}/image: the image must have 8 bits a channel",
    ),
    (
        "a transparent mask of Nova",
        NOVA,
        inpainting(maskImage=text(mask("#0000", BOX, "#fff", mode="RGBA"))),
        f"{INPAINT}/maskImage: the image has pixels that are not opaque",
    ),
    *(
        (
            "a mask with grays",
            model,
            inpainting(maskImage=text(mask("#010101", BOX, "white"))),
            f"{INPAINT}/maskImage: the mask must be pure black and white",
        )
        for model in (TITAN, NOVA)
    ),
    (
        "a mask with a color",
        NOVA,
        inpainting(maskImage=text(mask("red", BOX, "white"))),
        f"{INPAINT}/maskImage: the mask must be pure black and white",
    ),
    (
        "a blurred JPEG mask",
        NOVA,
        outpainting(maskImage=text(mask("black", (43, 43, 81, 81), "white"), "jpeg", quality=30)),
        f"{OUTPAINT}/maskImage: the mask must be pure black and white",
    ),
    *(
        (
            "a mask of another size",
            model,
            inpainting(maskImage=of_size(336, 320)),
            f"{INPAINT}/maskImage: the mask has 336x320 pixels, and the image 320x320",
        )
        for model in (TITAN, NOVA)
    ),
    *(
        (
            "both kinds of masks",
            model,
            inpainting(maskPrompt="the dog"),
            f"{INPAINT}: 2 subschemas matched instead of one (maskImage, maskPrompt)",
        )
        for model in (TITAN, NOVA)
    ),
    (
        "no mask",
        NOVA,
        body("OUTPAINTING", image=PHOTO, text="a sea"),
        f"{OUTPAINT}: 0 subschemas matched instead of one (maskImage, maskPrompt)",
    ),
    (
        "outpainting without a text",
        TITAN,
        body("OUTPAINTING", image=PHOTO, maskImage=MASK),
        f"{OUTPAINT}: required key [text] not found",
    ),
    *(
        (
            "a data URL",
            model,
            inpainting(image=f"data:image/png;base64,{PHOTO}"),
            f"{INPAINT}/image: the image must be base64 without the prefix of a data URL",
        )
        for model in (TITAN, NOVA)
    ),
    (
        "a data URL for Stability",
        ERASE,
        {"image": f"data:image/png;base64,{PHOTO}"},
        "#/image: the image must be base64 without the prefix of a data URL",
    ),
    (
        "base64 with a line break",
        NOVA,
        inpainting(image=f"{PHOTO[:76]}\n{PHOTO[76:]}"),
        f"{INPAINT}/image: the image cannot be decoded",
    ),
    (
        "an image that ends too soon",
        NOVA,
        inpainting(image=PHOTO[: len(PHOTO) // 8 * 4]),
        f"{INPAINT}/image: the image cannot be decoded",
    ),
    (
        "a GIF",
        ERASE,
        {"image": of_size(96, 96, "gif")},
        "#/image: the image cannot be decoded",
    ),
    (
        "a WebP for Titan",
        TITAN,
        inpainting(image=of_size(320, 320, "webp")),
        f"{INPAINT}/image: the image must be one of PNG, JPEG",
    ),
    (
        "an image of Titan with a long side",
        TITAN,
        inpainting(image=of_size(1409, 320)),
        f"{INPAINT}/image: the sides 1409x320 must be 1 to 1408 pixels long",
    ),
    (
        "an image of Nova with a short side",
        NOVA,
        inpainting(image=of_size(319, 320)),
        f"{INPAINT}/image: the sides 319x320 must be 320 to 4096 pixels long",
    ),
    (
        "an image of Nova with too many pixels",
        NOVA,
        inpainting(image=of_size(2064, 2048)),
        f"{INPAINT}/image: the image has 4227072 pixels, and must have 1 to 4194304",
    ),
    (
        "too many images for a variation",
        NOVA,
        body("IMAGE_VARIATION", images=[PHOTO] * 6),
        "#/imageVariationParams/images: expected maximum item count: 5, found: 6",
    ),
    (
        "no image for a variation",
        TITAN,
        body("IMAGE_VARIATION", images=[]),
        "#/imageVariationParams/images: expected minimum item count: 1, found: 0",
    ),
    (
        "a bad image among those of a variation",
        NOVA,
        body("IMAGE_VARIATION", images=[PHOTO, "AAAA"]),
        "#/imageVariationParams/images/1: the image cannot be decoded",
    ),
    (
        "a similarity below its bounds",
        NOVA,
        body("IMAGE_VARIATION", images=[PHOTO], similarityStrength=0.1),
        "#/imageVariationParams/similarityStrength: 0.1 is not greater or equal to 0.2",
    ),
    (
        "a color that is none",
        TITAN,
        body("COLOR_GUIDED_GENERATION", text="x", colors=["#12345"]),
        "#/colorGuidedGenerationParams/colors/0: "
        "string [#12345] does not match pattern ^#[0-9A-Fa-f]{6}$",
    ),
    (
        "too many colors",
        NOVA,
        body("COLOR_GUIDED_GENERATION", text="x", colors=["#123456"] * 11),
        "#/colorGuidedGenerationParams/colors: expected maximum item count: 10, found: 11",
    ),
    (
        "a control mode of Titan without an image",
        TITAN,
        body("TEXT_IMAGE", text="x", controlMode="CANNY_EDGE"),
        "#/textToImageParams: required key [conditionImage] not found",
    ),
    (
        "try-on with Titan",
        TITAN,
        {"taskType": "VIRTUAL_TRY_ON"},
        "#/taskType: VIRTUAL_TRY_ON is not a valid enum value",
    ),
    (
        "try-on without its mask",
        NOVA,
        body("VIRTUAL_TRY_ON", **GARMENT, maskType="GARMENT"),
        f"{TRY_ON}: required key [garmentBasedMask] not found",
    ),
    (
        "try-on with an unknown garment",
        NOVA,
        body(
            "VIRTUAL_TRY_ON",
            **GARMENT,
            maskType="GARMENT",
            garmentBasedMask={"garmentClass": "HAT"},
        ),
        f"{TRY_ON}/garmentBasedMask/garmentClass: HAT is not a valid enum value",
    ),
    (
        "a mask of try-on with grays",
        NOVA,
        body(
            "VIRTUAL_TRY_ON",
            **GARMENT,
            maskType="IMAGE",
            imageBasedMask={"maskImage": of_size(320, 320)},
        ),
        f"{TRY_ON}/imageBasedMask/maskImage: the mask must be pure black and white",
    ),
    (
        "a flag that is a text",
        NOVA,
        inpainting(returnMask="true"),
        f"{INPAINT}/returnMask: expected type: Boolean, found: String",
    ),
    (
        "style transfer with an image of another name",
        stability("stable-style-transfer"),
        {"image": PHOTO, "style_image": PHOTO},
        "#: required key [init_image] not found",
    ),
    (
        "erase with a prompt",
        ERASE,
        {"image": PHOTO, "prompt": "a door"},
        "#: extraneous key [prompt] is not permitted",
    ),
    (
        "search and replace without what is searched",
        stability("stable-image-search-replace"),
        {"image": PHOTO, "prompt": "a door"},
        "#: required key [search_prompt] not found",
    ),
    (
        "search and recolor without what is selected",
        stability("stable-image-search-recolor"),
        {"image": PHOTO, "prompt": "a door"},
        "#: required key [select_prompt] not found",
    ),
    (
        "remove background with a seed",
        stability("stable-image-remove-background"),
        {"image": PHOTO, "seed": 1},
        "#: extraneous key [seed] is not permitted",
    ),
    (
        "outpaint that grows no side",
        stability("stable-outpaint"),
        {"image": PHOTO, "left": 0},
        "#: one of [left, right, up, down] must be greater than 0",
    ),
    (
        "outpaint that grows too far",
        stability("stable-outpaint"),
        {"image": PHOTO, "left": 2001},
        "#/left: 2001 is not less or equal to 2000",
    ),
    (
        "a negative prompt for outpaint",
        stability("stable-outpaint"),
        {"image": PHOTO, "left": 9, "negative_prompt": "fog"},
        "#: extraneous key [negative_prompt] is not permitted",
    ),
    (
        "a mask that grows too far",
        ERASE,
        {"image": PHOTO, "grow_mask": 21},
        "#/grow_mask: 21 is not less or equal to 20",
    ),
    (
        "a creativity of an upscaler above its bounds",
        CREATIVE,
        {"image": PHOTO, "prompt": "x", "creativity": 0.6},
        "#/creativity: 0.6 is not less or equal to 0.5",
    ),
    (
        "an image of Stability with a short side",
        ERASE,
        {"image": of_size(63, 64)},
        "#/image: the sides 63x64 must be 64 to 1000000 pixels long",
    ),
    (
        "a photo of 12 megapixels",
        stability("stable-conservative-upscale"),
        {"image": of_size(4032, 3024, "jpeg"), "prompt": "x"},
        "#/image: the image has 12192768 pixels, and must have 1 to 9437184",
    ),
    (
        "an image of Stability that is too wide",
        ERASE,
        {"image": of_size(2600, 1024)},
        "#/image: the aspect ratio of 2600x1024 must be 1:2.5 to 2.5:1",
    ),
    (
        "more than a megapixel for creative upscale",
        CREATIVE,
        {"image": of_size(1025, 1024), "prompt": "x"},
        "#/image: the image has 1049600 pixels, and must have 4096 to 1048576",
    ),
    (
        "a long side for fast upscale",
        FAST,
        {"image": of_size(1537, 64)},
        "#/image: the sides 1537x64 must be 32 to 1536 pixels long",
    ),
    (
        "too few pixels for fast upscale",
        FAST,
        {"image": of_size(31, 40)},
        "#/image: the sides 31x40 must be 32 to 1536 pixels long",
    ),
    (
        "image-to-image without a strength",
        SD35,
        I2I | {"image": PHOTO},
        "#: required key [strength] not found",
    ),
    (
        "image-to-image with an aspect ratio",
        SD35,
        I2I | {"image": PHOTO, "strength": 0.5, "aspect_ratio": "1:1"},
        "#: extraneous key [aspect_ratio] is not permitted",
    ),
    (
        "image-to-image with a small image",
        SD35,
        I2I | {"image": of_size(639, 640), "strength": 0.5},
        "#/image: the sides 639x640 must be 640 to 1536 pixels long",
    ),
    (
        "text-to-image with an image",
        SD35,
        {"prompt": "x", "image": PHOTO},
        "#: extraneous key [image] is not permitted",
    ),
]


@pytest.mark.parametrize(
    ("model", "request_body", "complaint"),
    [pytest.param(*row[1:], id=f"{row[0]}-{index}") for index, row in enumerate(REFUSALS)],
)
async def test_a_request_against_the_documentation_is_refused(
    simulator: str, model: str, request_body: dict[str, Any], complaint: str
) -> None:
    message = f"Malformed input request: {complaint}, please reformat your input and try again."

    assert await refused(simulator, model, request_body) == (400, "ValidationException", message)


@pytest.mark.parametrize("model", [NOVA, ERASE])
async def test_a_body_above_25_million_bytes_is_refused(simulator: str, model: str) -> None:
    content = json.dumps({"image": "A" * 25_000_000}).encode()

    status, code, message = await refused(simulator, model, content)

    assert (status, code) == (400, "ValidationException")
    assert f"'body' with length {len(content)}" in message
    assert "less than or equal to 25000000" in message
