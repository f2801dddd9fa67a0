"""The bodies of OpenAI's Images API: plain responses, events of a stream, and models. Pure."""

import json
import re
from dataclasses import dataclass

from tintype_simulator.openai import tokens
from tintype_simulator.openai.models import Model
from tintype_simulator.openai.request import ImageRequest
from tintype_simulator.text_tokens import text_tokens

Json = dict[str, object]

CACHED = re.compile(r"\bcached\b", re.IGNORECASE)
"""For a prompt with this word, usage says that half of the input was cached."""


def images_response(image_request: ImageRequest, images: list[str], created: int) -> Json:
    """Return the body of a response that is not streamed.

    Args:
        image_request: What was asked for.
        images: The images in base64.
        created: Unix time in seconds.
    """
    if image_request.model.family.is_dall_e:
        return {
            "created": created,
            "data": [dall_e_image(image_request, image) for image in images],
        }
    inputs = [input_tokens(image_request, index) for index in range(len(images))]
    output_tokens = image_tokens(image_request) * len(images)
    details = {"image_tokens": output_tokens, "text_tokens": 0}
    return {
        "created": created,
        **resolved_fields(image_request),
        **echoed_identifier(image_request),
        "data": [{"b64_json": image} for image in images],
        "usage": {
            **usage(image_request, sum(inputs, InputTokenCount()), output_tokens),
            "output_tokens_details": details,
        },
        **svg_usage(image_request),
    }


def partial_image_event(
    image_request: ImageRequest, image: str, created: int, partial_index: int
) -> bytes:
    """Return the event of an image that is not finished yet."""
    fields: Json = {"partial_image_index": partial_index}
    return event("partial_image", image_request, image, created, fields)


def completed_event(
    image_request: ImageRequest, image: str, created: int, image_index: int
) -> bytes:
    """Return the event of a finished image. The events of a stream add up to a plain response."""
    partials = image_request.partial_images * tokens.TOKENS_PER_PARTIAL_IMAGE
    used = usage(
        image_request,
        input_tokens(image_request, image_index),
        image_tokens(image_request) + partials,
    )
    fields: Json = {"usage": used, **echoed_identifier(image_request)}
    return event("completed", image_request, image, created, fields)


def event(name: str, image_request: ImageRequest, image: str, created: int, fields: Json) -> bytes:
    """Return one server-sent event, with what the two kinds have in common and `fields`."""
    name = f"{image_request.event_prefix}.{name}"
    payload = {"type": name, "b64_json": image, "created_at": created}
    data = json.dumps(
        {**payload, **resolved_fields(image_request), **fields}, separators=(",", ":")
    )
    return f"event: {name}\ndata: {data}\n\n".encode()


def dall_e_image(image_request: ImageRequest, image: str) -> Json:
    """Return one entry of `data`; of the two models, dall-e-3 rewrites prompts."""
    if image_request.model.id != "dall-e-3":
        return {"b64_json": image}
    revised = f"A detailed image in a {image_request.style} style: {image_request.prompt}"
    return {"revised_prompt": revised, "b64_json": image}


def resolved_fields(image_request: ImageRequest) -> Json:
    """Return what a response says of its images, where no value is `auto`."""
    return {
        "background": image_request.background,
        "output_format": image_request.output_format,
        "quality": image_request.quality,
        "size": f"{image_request.width}x{image_request.height}",
    }


def echoed_identifier(image_request: ImageRequest) -> Json:
    """Return the end user's identifier, if the request gave one."""
    return (
        {"safety_identifier": image_request.safety_identifier}
        if image_request.safety_identifier
        else {}
    )


def image_tokens(image_request: ImageRequest) -> int:
    """Return the output tokens of one image, without partial ones."""
    output_tokens = image_request.model.family.output_tokens
    return (
        output_tokens(image_request.quality, image_request.width, image_request.height)
        if output_tokens
        else 0
    )


@dataclass(frozen=True)
class InputTokenCount:
    """The input tokens of one output image or of several."""

    text: int = 0
    image: int = 0

    def __add__(self, other: "InputTokenCount") -> "InputTokenCount":
        """Return the sum."""
        return InputTokenCount(self.text + other.text, self.image + other.image)


def input_tokens(image_request: ImageRequest, image_index: int) -> InputTokenCount:
    """Return the input tokens that the image at a place of the response is charged with.

    OpenAI does not say how it counts several images. Here a generation counts its prompt once. An
    edit counts all of its input for each image, as users report: the dearer of both readings.
    """
    prompt = text_tokens(image_request.prompt)
    if not image_request.inputs:
        return InputTokenCount(prompt if image_index == 0 else 0)
    added = tokens.EDIT_TEXT_TOKENS + tokens.EDIT_TEXT_TOKENS_PER_IMAGE * len(image_request.inputs)
    return InputTokenCount(prompt + added, image_request.input_image_tokens)


def usage(image_request: ImageRequest, inputs: InputTokenCount, output_tokens: int) -> Json:
    """Return the part of `usage` that plain and streamed responses share."""
    total = inputs.text + inputs.image
    return {
        "input_tokens": total,
        "input_tokens_details": {"text_tokens": inputs.text, "image_tokens": inputs.image},
        "output_tokens": output_tokens,
        "total_tokens": total + output_tokens,
        **cached_tokens(image_request, inputs),
    }


def cached_tokens(image_request: ImageRequest, inputs: InputTokenCount) -> Json:
    """Return the cached part of the input, for a prompt with the word `cached`: one half.

    The types of the Images API do not have these fields. Those of the Responses API have them for
    its image tool, at this place.
    """
    if not CACHED.search(image_request.prompt):
        return {}
    details = {"cached_text_tokens": inputs.text // 2, "cached_image_tokens": inputs.image // 2}
    return {"cached_tokens": sum(details.values()), "cached_tokens_details": details}


def svg_usage(image_request: ImageRequest) -> Json:
    """Return the tokens of writing an SVG, which are counted beside those of images."""
    if image_request.output_format != "svg":
        return {}
    read, written, reasoned = text_tokens(image_request.prompt), 640, 128
    counts = {"input_tokens": read, "output_tokens": written, "reasoning_tokens": reasoned}
    return {
        "svg_usage": {"model": image_request.svg_model, **counts, "total_tokens": read + written},
    }


def model_object(model: Model) -> Json:
    """Return a model as the list of models shows it."""
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": "system",
        "shutdown_date": model.shutdown_date,
    }
