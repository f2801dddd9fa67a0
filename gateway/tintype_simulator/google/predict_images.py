"""Reads the input images of Imagen's `:predict` on Vertex AI: those of an edit, and of an upscale.

Google retired the first model, and whether the other is alive is not known. Pure, and slow: not for
the event loop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tintype_simulator.google.errors import GoogleError, invalid
from tintype_simulator.google.fields import (
    Reader,
    boolean,
    choice,
    file,
    integer,
    message,
    number,
    repeated,
    text,
    within,
)
from tintype_simulator.google.input_images import opened_image
from tintype_simulator.painting.edits import KEPT, REPLACED, inverted, named_region

MAX_IMAGE_BYTES = 10 * 1024 * 1024
MAX_UPSCALED_PIXELS = 17_000_000

IMAGE = message({"bytesBase64Encoded": file, "gcsUri": text, "mimeType": text})

MASK_MODES = ("DEFAULT", "USER_PROVIDED", "BACKGROUND", "FOREGROUND", "SEMANTIC")
CONTROL_TYPES = ("DEFAULT", "CANNY", "SCRIBBLE", "FACE_MESH")
SUBJECT_TYPES = ("DEFAULT", "PERSON", "ANIMAL", "PRODUCT")
EDIT_MODES = (
    *("DEFAULT", "INPAINT_REMOVAL", "INPAINT_INSERTION", "OUTPAINT", "CONTROLLED_EDITING"),
    *("STYLE", "BGSWAP", "PRODUCT_IMAGE"),
)
MASKED_MODES = ("INPAINT_REMOVAL", "INPAINT_INSERTION", "OUTPAINT")
"""The modes that need a mask."""


def prefixed(prefix: str, names: Sequence[str]) -> Reader:
    """Return the reader of an enumeration whose values all begin with the prefix."""
    return choice(*(f"{prefix}_{name}" for name in names))


REFERENCE = message(
    {
        "referenceType": prefixed(
            "REFERENCE_TYPE", ("RAW", "MASK", "CONTROL", "STYLE", "SUBJECT", "CONTENT")
        ),
        "referenceId": integer,
        "referenceImage": IMAGE,
        "maskImageConfig": message(
            {
                "maskMode": prefixed("MASK_MODE", MASK_MODES),
                "dilation": within(0, 1, number),
                "maskClasses": repeated(within(0, 193, integer)),
            }
        ),
        "controlImageConfig": message(
            {
                "controlType": prefixed("CONTROL_TYPE", CONTROL_TYPES),
                "computeControl": boolean,
                "enableControlImageComputation": boolean,
            }
        ),
        "styleImageConfig": message({"styleDescription": text}),
        "subjectImageConfig": message(
            {"subjectDescription": text, "subjectType": prefixed("SUBJECT_TYPE", SUBJECT_TYPES)}
        ),
    }
)
EDIT_INSTANCES = repeated(message({"prompt": text, "referenceImages": repeated(REFERENCE)}))
EDIT_PARAMETERS: Mapping[str, Reader] = {
    "editMode": prefixed("EDIT_MODE", EDIT_MODES),
    "editConfig": message({"baseSteps": integer}),
    "baseSteps": integer,  # the REST page has it here, the SDK in `editConfig`
}

UPSCALE_INSTANCES = repeated(message({"prompt": text, "image": IMAGE}))
UPSCALE_PARAMETERS: Mapping[str, Reader] = {
    "mode": choice("upscale"),
    "upscaleConfig": message(
        {
            "upscaleFactor": choice("x2", "x3", "x4"),
            "enhanceInputImage": boolean,
            "imagePreservationFactor": within(0, 1, number),
        }
    ),
}


@dataclass(frozen=True)
class PredictImages:
    """The input images of a request, decoded."""

    images: tuple[Image.Image, ...]
    """The image to edit first, if there is one, then the others in their order."""

    width: int
    height: int
    """The size of the result."""

    region: Image.Image | None = None
    """What of the first image is painted anew: mode L, 255 inside and 0 outside."""


def read_edit(instance: Mapping[str, Any], parameters: Mapping[str, Any]) -> PredictImages:
    """Return the images of an edit.

    Raises:
        GoogleError: An image that the mode needs is missing, or one is not valid.
    """
    references: list[Mapping[str, Any]] = instance.get("referenceImages", [])
    raw = of_type(references, "RAW")
    masks = of_type(references, "MASK")
    mode = parameters.get("editMode", "EDIT_MODE_DEFAULT").removeprefix("EDIT_MODE_")
    if not references:
        raise invalid("instances[0].referenceImages", "At least one reference image is required.")
    if len(raw) > 1 or len(masks) > 1:
        raise GoogleError("At most one RAW and one MASK reference image are supported.")
    if mode in MASKED_MODES and not (raw and masks):
        raise GoogleError(f"{mode} requires a RAW and a MASK reference image.")
    if masks and not raw:
        raise GoogleError("A MASK reference image requires a RAW one.")
    others = [reference for reference in references if reference not in [*raw, *masks]]
    images = tuple(reference_image(reference) for reference in [*raw, *others])
    region = region_of(masks[0], images[0]) if masks else None
    return PredictImages(images, *(images[0].size if raw else (1024, 1024)), region)


def of_type(references: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """Return the reference images of a type."""
    return [item for item in references if item.get("referenceType") == f"REFERENCE_TYPE_{name}"]


def reference_image(reference: Mapping[str, Any]) -> Image.Image:
    """Return the decoded image of a reference, or raise GoogleError."""
    return decoded_image(reference.get("referenceImage", {}), "instances[0].referenceImages")


def decoded_image(image: Mapping[str, Any], path: str) -> Image.Image:
    """Return the image in `{bytesBase64Encoded, mimeType}`, which must be a PNG or a JPEG."""
    data: bytes = image.get("bytesBase64Encoded", b"")
    if "gcsUri" in image or not data:
        raise invalid(path, "Cannot read the image: bytesBase64Encoded is required.")
    if len(data) > MAX_IMAGE_BYTES:
        raise invalid(path, f"The image must be {MAX_IMAGE_BYTES} bytes at most.")
    sniffed = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
    media_type = image.get("mimeType", sniffed)
    if media_type not in ("image/png", "image/jpeg"):
        raise invalid(path, f"Unsupported MIME type: {media_type}")
    return opened_image(media_type, data, path)


def region_of(mask: Mapping[str, Any], image: Image.Image) -> Image.Image:
    """Return the region that a mask reference marks in the image to edit.

    What is not black in the client's mask is painted anew. The automatic modes need no
    image; they find the same region each time.
    """
    config = mask.get("maskImageConfig", {})
    mode = config.get("maskMode", "MASK_MODE_USER_PROVIDED").removeprefix("MASK_MODE_")
    if mode in ("USER_PROVIDED", "DEFAULT"):
        drawn = reference_image(mask).convert("L")
        if drawn.size != image.size:
            raise GoogleError("The mask must have the same size as the RAW reference image.")
        return drawn.point([KEPT, *[REPLACED] * 255])
    if mode == "SEMANTIC" and not 1 <= len(config.get("maskClasses", [])) <= 5:
        raise GoogleError("MASK_MODE_SEMANTIC requires 1 to 5 maskClasses.")
    subject = named_region(str(config.get("maskClasses", "")), image.size)
    return inverted(subject) if mode == "BACKGROUND" else subject


def read_upscale(instance: Mapping[str, Any], parameters: Mapping[str, Any]) -> PredictImages:
    """Return the image to upscale, and the size that it is to have.

    Raises:
        GoogleError: The image, the factor or the mode is missing or not valid.
    """
    if "mode" not in parameters:
        raise invalid("parameters.mode", "mode must be 'upscale'.")
    if parameters.get("sampleCount", 1) != 1:
        raise invalid("parameters.sampleCount", "sampleCount must be 1.")
    factor = parameters.get("upscaleConfig", {}).get("upscaleFactor")
    if factor is None:
        raise invalid("parameters.upscaleConfig.upscaleFactor", "upscaleFactor is required.")
    image = decoded_image(instance.get("image", {}), "instances[0].image")
    times = int(factor.removeprefix("x"))
    width, height = image.width * times, image.height * times
    if width * height > MAX_UPSCALED_PIXELS:
        raise invalid("instances[0].image", "The output image would have more than 17 megapixels.")
    return PredictImages((image,), width, height)
