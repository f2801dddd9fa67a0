"""The bodies of OpenAI's Images API: plain answers, events of a stream, and models. Pure."""

import json

from tintype_simulator.openai import tokens
from tintype_simulator.openai.models import Model
from tintype_simulator.openai.request import GenerationRequest
from tintype_simulator.text_tokens import text_tokens

Json = dict[str, object]


def images_response(order: GenerationRequest, images: list[str], created: int) -> Json:
    """Return the body of an answer that is not streamed.

    Args:
        order: What was asked for.
        images: The images in base64.
        created: Unix time in seconds.
    """
    if order.model.family.is_dall_e:
        return {"created": created, "data": [dall_e_image(order, image) for image in images]}
    output_tokens = image_tokens(order) * len(images)
    details = {"image_tokens": output_tokens, "text_tokens": 0}
    return {
        "created": created,
        **resolved_fields(order),
        **echoed_identifier(order),
        "data": [{"b64_json": image} for image in images],
        "usage": {
            **usage(text_tokens(order.prompt), output_tokens),
            "output_tokens_details": details,
        },
    }


def partial_image_event(
    order: GenerationRequest, image: str, created: int, partial_index: int
) -> bytes:
    """Return the event of an image that is not finished yet."""
    fields: Json = {"partial_image_index": partial_index}
    return event("image_generation.partial_image", order, image, created, fields)


def completed_event(order: GenerationRequest, image: str, created: int, image_index: int) -> bytes:
    """Return the event of a finished image.

    The prompt is counted with the first image only, so that the events of a stream add up to
    what a plain answer reports. OpenAI does not say how it counts several images.
    """
    input_tokens = text_tokens(order.prompt) if image_index == 0 else 0
    partials = order.partial_images * tokens.TOKENS_PER_PARTIAL_IMAGE
    used = usage(input_tokens, image_tokens(order) + partials)
    fields: Json = {"usage": used, **echoed_identifier(order)}
    return event("image_generation.completed", order, image, created, fields)


def event(name: str, order: GenerationRequest, image: str, created: int, fields: Json) -> bytes:
    """Return one server-sent event, with what the two kinds have in common and `fields`."""
    payload = {"type": name, "b64_json": image, "created_at": created}
    data = json.dumps({**payload, **resolved_fields(order), **fields}, separators=(",", ":"))
    return f"event: {name}\ndata: {data}\n\n".encode()


def dall_e_image(order: GenerationRequest, image: str) -> Json:
    """Return one entry of `data`; of the two models, dall-e-3 rewrites prompts."""
    if order.model.id != "dall-e-3":
        return {"b64_json": image}
    revised = f"A detailed image in a {order.style} style: {order.prompt}"
    return {"revised_prompt": revised, "b64_json": image}


def resolved_fields(order: GenerationRequest) -> Json:
    """Return what an answer says about its images; nothing of it is `auto`."""
    return {
        "background": order.background,
        "output_format": order.output_format,
        "quality": order.quality,
        "size": f"{order.width}x{order.height}",
    }


def echoed_identifier(order: GenerationRequest) -> Json:
    """Return the end user's identifier, if the request gave one."""
    return {"safety_identifier": order.safety_identifier} if order.safety_identifier else {}


def image_tokens(order: GenerationRequest) -> int:
    """Return the output tokens of one image, without partial ones."""
    output_tokens = order.model.family.output_tokens
    return output_tokens(order.quality, order.width, order.height) if output_tokens else 0


def usage(input_tokens: int, output_tokens: int) -> Json:
    """Return the part of `usage` that plain and streamed answers share."""
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {"text_tokens": input_tokens, "image_tokens": 0},
        "output_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
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
