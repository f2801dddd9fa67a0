"""An image request with `auto` and defaults resolved, and the reader of generations."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from PIL import Image

from tintype_simulator.openai.errors import OpenAIError
from tintype_simulator.openai.fields import (
    check_combinations,
    check_field,
    check_prompt,
    named_model,
    text,
)
from tintype_simulator.openai.models import Model, auto_size, pixels

NOT_JSON = "We could not parse the JSON body of your request."


@dataclass(frozen=True)
class ImageRequest:
    """A valid request, with `auto` and defaults resolved."""

    event_prefix: Literal["image_generation", "image_edit"]
    """How the names of its events begin."""

    model: Model
    prompt: str
    n: int
    width: int
    height: int
    quality: str
    background: str
    output_format: str
    output_compression: int
    style: str
    stream: bool
    partial_images: int
    safety_identifier: str
    frame_count: int
    frame_duration_ms: int
    svg_model: str
    """The language model that writes an SVG."""

    inputs: tuple[Image.Image, ...] = ()
    """The images of an edit, decoded, in the order of the request; the first is the one to edit."""

    region: Image.Image | None = None
    """What of the first image is painted anew: mode L and its size, 255 inside and 0 outside.
    None where the request marks no region."""

    input_image_tokens: int = 0
    """The input tokens of the images, for one output image."""

    seed: int = 0
    """Drawn by the simulator: no request can name one."""


ModelOf = Callable[[Mapping[str, Any]], Model]
"""Returns the model that the fields of a request ask for, or raises OpenAIError."""


def read_generation(body: object, model_of: ModelOf = named_model) -> ImageRequest:
    """Return the request in the decoded body of `POST /v1/images/generations`.

    Raises:
        OpenAIError: The response that OpenAI would give.
    """
    fields = fields_of(body)
    model = model_of(fields)
    for name, value in fields.items():
        check_field(model.family, name, value)
    check_combinations(fields)
    check_prompt(model.family, text(fields, "prompt"))
    return resolved(model, fields)


def decoded_json(body: bytes) -> object:
    """Return the JSON in a body, or raise OpenAIError."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise OpenAIError(NOT_JSON) from error


def fields_of(body: object) -> dict[str, Any]:
    """Return the fields of a JSON body, without those that are null."""
    if not isinstance(body, dict):
        raise OpenAIError(NOT_JSON)
    return {name: value for name, value in body.items() if value is not None}


def resolved(
    model: Model, fields: Mapping[str, Any], source: tuple[int, int] | None = None
) -> ImageRequest:
    """Return a request whose fields are valid, with `auto` and defaults resolved.

    Args:
        model: The model that paints.
        fields: The request's fields.
        source: Width and height of the image to edit; None makes the request a generation.
    """
    family = model.family
    given: dict[str, Any] = {name: choices[0] for name, choices in family.choices.items()}
    given |= {name: default for name, (_, _, default) in family.integers.items()} | dict(fields)
    size, quality = given.get("size", family.sizes.default), given["quality"]
    width, height = pixels(auto_size(family.sizes, source) if size == "auto" else size)
    return ImageRequest(
        event_prefix="image_generation" if source is None else "image_edit",
        model=model,
        prompt=given["prompt"],
        n=given["n"],
        width=width,
        height=height,
        quality=family.auto_quality if quality == "auto" else quality,
        background="transparent" if given.get("background") == "transparent" else "opaque",
        output_format=given.get("output_format", "png"),
        output_compression=given.get("output_compression", 100),
        style=given.get("style", "vivid"),
        stream=given.get("stream", False),
        partial_images=given.get("partial_images", 0),
        safety_identifier=given.get("safety_identifier") or given.get("user", ""),
        frame_count=given.get("frame_count", 0),
        frame_duration_ms=given.get("frame_duration_ms", 0),
        svg_model=given.get("svg", {}).get("model", "svg-author"),
    )
