"""Reads the body of Imagen's `:predict`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tintype_simulator.google.errors import invalid
from tintype_simulator.google.fields import (
    OUTPUT_OPTIONS,
    Reader,
    anything,
    boolean,
    choice,
    integer,
    message,
    number,
    output_format,
    repeated,
    text,
    within,
)
from tintype_simulator.google.models import SQUARE, Model
from tintype_simulator.google.predict_images import (
    EDIT_INSTANCES,
    EDIT_PARAMETERS,
    UPSCALE_INSTANCES,
    UPSCALE_PARAMETERS,
    PredictImages,
    read_edit,
    read_upscale,
)

MAX_IMAGES = 4

PARAMETERS: Mapping[str, Reader] = {
    "sampleCount": within(1, MAX_IMAGES, integer),
    "aspectRatio": text,
    "sampleImageSize": text,
    "imageSize": text,  # the name in the documentation; the SDK has the other one
    "personGeneration": choice("DONT_ALLOW", "ALLOW_ADULT", "ALLOW_ALL", any_case=True),
    "guidanceScale": number,
    "language": text,
    "safetySetting": choice(
        "BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", any_case=True
    ),
    "includeRaiReason": boolean,
    "includeSafetyAttributes": boolean,
    "outputOptions": OUTPUT_OPTIONS,
}
VERTEX_PARAMETERS: Mapping[str, Reader] = {
    **PARAMETERS,
    "safetySetting": text,
    "negativePrompt": text,
    "seed": integer,
    "addWatermark": boolean,
    "enhancePrompt": boolean,
}
"""The fields of Vertex AI, without `storageUri`: the simulator stores nothing."""

INSTANCES = repeated(message({"prompt": text}))
GEMINI_BODY = message({"instances": INSTANCES, "parameters": message(PARAMETERS)})


def vertex_body(instances: Reader, parameters: Mapping[str, Reader]) -> Reader:
    """Return the reader of a body of Vertex AI with these parameters beside the common ones."""
    fields = {**VERTEX_PARAMETERS, **parameters}
    return message({"instances": instances, "parameters": message(fields), "labels": anything})


VERTEX_BODIES: Mapping[str, Reader] = {
    "generate": vertex_body(INSTANCES, {}),
    "edit": vertex_body(EDIT_INSTANCES, EDIT_PARAMETERS),
    "upscale": vertex_body(UPSCALE_INSTANCES, UPSCALE_PARAMETERS),
}
"""The reader of a body by the task of the model."""


@dataclass(frozen=True)
class PredictRequest:
    """A valid request, with defaults filled in."""

    model: Model
    prompt: str
    images: int
    width: int
    height: int
    file_format: str
    quality: int
    seed: int | None
    unwanted: str
    """The negative prompt."""

    inputs: tuple[Image.Image, ...]
    """The images to edit or to upscale, decoded."""

    region: Image.Image | None
    """What of the first input an edit paints anew."""

    tells_reasons: bool
    """Whether the response says why an image is missing."""

    tells_safety: bool
    """Whether the response has the safety scores of the prompt."""

    tells_prompt: bool
    """Whether the response has the rewritten prompt."""


def read_predict_request(model: Model, body: Mapping[str, Any]) -> PredictRequest:
    """Return the request in a body whose fields are of their types.

    Raises:
        GoogleError: A value is one that the model does not take.
    """
    parameters = body.get("parameters", {})
    file_format, quality = output_format(parameters.get("outputOptions", {}))
    sources = input_images(model, instance_of(body), parameters)
    if parameters.get("addWatermark", True) and "seed" in parameters:
        raise invalid("parameters.seed", "Seed is not supported when watermark is enabled.")
    return PredictRequest(
        model=model,
        prompt=prompt_of(model, body),
        images=parameters.get("sampleCount", 1 if model.task == "upscale" else MAX_IMAGES),
        width=sources.width,
        height=sources.height,
        inputs=sources.images,
        region=sources.region,
        file_format=file_format,
        quality=quality,
        seed=parameters.get("seed"),
        unwanted=parameters.get("negativePrompt", ""),
        tells_reasons=parameters.get("includeRaiReason", False),
        tells_safety=parameters.get("includeSafetyAttributes", False),
        tells_prompt=parameters.get("enhancePrompt", False),
    )


def input_images(
    model: Model, instance: Mapping[str, Any], parameters: Mapping[str, Any]
) -> PredictImages:
    """Return the images of a request and the size of its result, or raise GoogleError."""
    if model.task == "edit":
        return read_edit(instance, parameters)
    if model.task == "upscale":
        return read_upscale(instance, parameters)
    return PredictImages((), *pixels(model, parameters))


def instance_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the one instance, or raise GoogleError."""
    instances: list[Mapping[str, Any]] = body.get("instances", [])
    if len(instances) != 1:
        raise invalid("instances", "Exactly one instance is expected.")
    return instances[0]


def prompt_of(model: Model, body: Mapping[str, Any]) -> str:
    """Return the prompt, which only an upscale may leave out, or raise GoogleError."""
    prompt: str = instance_of(body).get("prompt", "")
    if not prompt.strip() and model.task != "upscale":
        raise invalid("instances[0].prompt", "Text prompt is required.")
    return prompt


def pixels(model: Model, parameters: Mapping[str, Any]) -> tuple[int, int]:
    """Return width and height of each image, or raise GoogleError."""
    ratio = parameters.get("aspectRatio", SQUARE)
    resolution = parameters.get("sampleImageSize", parameters.get("imageSize", "1K"))
    if ratio not in model.sizes:
        raise invalid("parameters.aspectRatio", f"{ratio} is not supported for aspectRatio.")
    if resolution not in model.resolutions:
        problem = f"{resolution} is not supported for sampleImageSize by {model.id}."
        raise invalid("parameters.sampleImageSize", problem)
    return model.pixels(ratio, resolution)
