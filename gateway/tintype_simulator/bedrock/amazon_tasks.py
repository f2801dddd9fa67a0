"""What each task of Amazon's models makes of its input images.

Pure, but not fast: images are decoded and painted, so call these functions in a thread.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageChops

from tintype_simulator.bedrock.amazon_bodies import PARAMETERS
from tintype_simulator.bedrock.errors import BedrockError, content_filtered
from tintype_simulator.bedrock.input_images import ImageLimits, decode, decode_mask
from tintype_simulator.control.markers import finds_nothing, is_forbidden_image
from tintype_simulator.painting import edits

Parameters = Mapping[str, Any]
"""The parameters of a task, as the body holds them."""


@dataclass(frozen=True)
class Inputs:
    """The input images of a request, decoded."""

    images: tuple[Image.Image, ...] = ()
    """All but the mask, in mode `RGB`, in the order of `Task.fields`."""

    region: Image.Image | None = None
    """The pixels to change, as `edits` has regions; None for tasks without a mask."""

    mask: Image.Image | None = None
    """The region in the convention of the task's mask image."""

    def edited(self, fresh: Image.Image) -> Image.Image:
        """Return the first image, with its region replaced by what a fresh image shows there."""
        if self.region is None:
            return self.images[0]
        return edits.replaced(self.images[0], fresh, self.region)


Paint = Callable[[Image.Image, Inputs, Parameters], Image.Image]
"""Takes a fresh image of the task's size, and returns what the task makes of it and the inputs."""


@dataclass(frozen=True)
class Task:
    """One task."""

    paint: Paint
    fields: tuple[str, ...] = ()
    """The parameters with an image, or with a list of images. The first one has the size of the
    output where the task takes no size."""

    takes_size: bool = False
    has_mask: bool = False
    white_changes: bool = False
    """Whether white is what changes in a mask image, instead of black."""

    mask_prompt_keeps: bool = False
    """Whether a mask prompt names what is kept, instead of what changes."""


def read_inputs(task: str, parameters: Parameters, limits: ImageLimits) -> Inputs:
    """Return the input images of a request.

    Raises:
        BedrockError: The model does not take one of them.
    """
    row, pointer = TASKS[task], f"#/{PARAMETERS[task]}"
    images = tuple(
        decode(text, f"{pointer}/{place}", limits)
        for field in row.fields
        for place, text in texts(field, parameters.get(field, ()))
    )
    opaque = tuple(image.convert("RGB") for image in images)
    if any(is_forbidden_image(image) for image in opaque):
        raise content_filtered("input image")
    if not row.has_mask:
        return Inputs(opaque)
    region = read_region(row, parameters, pointer, limits, opaque[0])
    return Inputs(opaque, region, region if row.white_changes else edits.inverted(region))


def texts(field: str, value: str | list[str] | tuple[()]) -> list[tuple[str, str]]:
    """Return the images in a parameter, each with its JSON pointer below the parameters."""
    if isinstance(value, str):
        return [(field, value)]
    return [(f"{field}/{index}", text) for index, text in enumerate(value)]


def read_region(
    row: Task, parameters: Parameters, pointer: str, limits: ImageLimits, source: Image.Image
) -> Image.Image:
    """Return the pixels that a mask image, a mask prompt or a garment lets change.

    Raises:
        BedrockError: The mask does not fit the source, or its prompt finds nothing.
    """
    kind = parameters.get("maskType")
    if kind is not None:
        pointer = f"{pointer}/{TRY_ON_MASKS[kind]}"
        parameters = parameters[TRY_ON_MASKS[kind]]
    if "maskImage" in parameters:
        place = f"{pointer}/maskImage"
        mask = decode_mask(parameters["maskImage"], place, limits, source)
        return mask if row.white_changes else edits.inverted(mask)
    words = parameters.get("maskPrompt") or parameters["garmentClass"]
    if finds_nothing(words):
        raise BedrockError("Unable to auto-generate mask image. Please adjust the mask prompt.")
    is_box = parameters.get("maskShape") == "BOUNDING_BOX"
    region = edits.named_region(words, source.size, is_round=not is_box)
    return edits.inverted(region) if row.mask_prompt_keeps else region


def text_to_image(fresh: Image.Image, inputs: Inputs, parameters: Parameters) -> Image.Image:
    """Return an image with the outlines of the condition image, if there is one."""
    if not inputs.images:
        return fresh
    return edits.outlined(fresh, inputs.images[0], parameters.get("controlStrength", 0.7))


def masked_edit(fresh: Image.Image, inputs: Inputs, _: Parameters) -> Image.Image:
    """Return the image, painted anew in the region of its mask."""
    return inputs.edited(fresh)


def variation(fresh: Image.Image, inputs: Inputs, parameters: Parameters) -> Image.Image:
    """Return an image with a stripe of each input, the more similar the higher its strength."""
    stripes = edits.striped(inputs.images, fresh.size)
    return edits.mixed(fresh, stripes, parameters.get("similarityStrength", 0.7))


def color_guided(fresh: Image.Image, inputs: Inputs, parameters: Parameters) -> Image.Image:
    """Return an image with a field of each color, and something of the reference image."""
    mixed = edits.mixed(fresh, inputs.images[0], 0.5) if inputs.images else fresh
    return edits.with_swatches(mixed, parameters["colors"])


def background_removal(_: Image.Image, inputs: Inputs, __: Parameters) -> Image.Image:
    """Return the image with a transparent background."""
    return edits.cut_out(inputs.images[0])


def try_on(fresh: Image.Image, inputs: Inputs, parameters: Parameters) -> Image.Image:
    """Return the source with the reference image in the region of the mask.

    Only the merge style `SEAMLESS` moves the other pixels, each of them a little.
    """
    worn = inputs.edited(edits.mixed(fresh, inputs.images[1], 0.8))
    if parameters.get("mergeStyle") == "SEAMLESS":
        return ImageChops.add(worn, Image.new("RGB", worn.size, (2, 2, 2)))
    return worn


TRY_ON_MASKS = {
    "IMAGE": "imageBasedMask",
    "GARMENT": "garmentBasedMask",
    "PROMPT": "promptBasedMask",
}
"""The parameter with the mask, by `maskType`."""

TASKS: Mapping[str, Task] = {
    "TEXT_IMAGE": Task(text_to_image, ("conditionImage",), takes_size=True),
    "INPAINTING": Task(masked_edit, ("image",), has_mask=True),
    "OUTPAINTING": Task(
        masked_edit, ("image",), has_mask=True, white_changes=True, mask_prompt_keeps=True
    ),
    "IMAGE_VARIATION": Task(variation, ("images",), takes_size=True),
    "COLOR_GUIDED_GENERATION": Task(color_guided, ("referenceImage",), takes_size=True),
    "BACKGROUND_REMOVAL": Task(background_removal, ("image",)),
    "VIRTUAL_TRY_ON": Task(try_on, ("sourceImage", "referenceImage"), has_mask=True),
}
