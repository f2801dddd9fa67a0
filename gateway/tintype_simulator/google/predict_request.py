"""Reads the body of Imagen's `:predict`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
VERTEX_BODY = message(
    {"instances": INSTANCES, "parameters": message(VERTEX_PARAMETERS), "labels": anything}
)


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
    width, height = pixels(model, parameters)
    if parameters.get("addWatermark", True) and "seed" in parameters:
        raise invalid("parameters.seed", "Seed is not supported when watermark is enabled.")
    return PredictRequest(
        model=model,
        prompt=prompt_of(body),
        images=parameters.get("sampleCount", MAX_IMAGES),
        width=width,
        height=height,
        file_format=file_format,
        quality=quality,
        seed=parameters.get("seed"),
        unwanted=parameters.get("negativePrompt", ""),
        tells_reasons=parameters.get("includeRaiReason", False),
        tells_safety=parameters.get("includeSafetyAttributes", False),
        tells_prompt=parameters.get("enhancePrompt", False),
    )


def prompt_of(body: Mapping[str, Any]) -> str:
    """Return the prompt of the one instance, or raise GoogleError."""
    instances = body.get("instances", [])
    if len(instances) != 1:
        raise invalid("instances", "Exactly one instance is expected.")
    prompt: str = instances[0].get("prompt", "")
    if not prompt.strip():
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
