"""The events of a stream, in OpenAI's words.

The names and fields are those of OpenAI's Images API; `index` says which of several pictures an
event is about, and the rest is what our plain answers have besides.
"""

from collections.abc import Sequence

from tintype_gateway.errors import GatewayError
from tintype_gateway.pipeline import openai_profile
from tintype_gateway.pipeline.response_headers import ImageError, usage_of
from tintype_gateway.upstream.sse import Pieces, event, picture_event
from tintype_gateway.values import Charge, FinishedCall, PartialImage, Plan

PARTIAL = "image_generation.partial_image"
COMPLETED = "image_generation.completed"

AUTO = "auto"
"""Stands where nobody knows: OpenAI's schema requires these fields, and has this word for them."""


def partial_event(plan: Plan, partial: PartialImage) -> Pieces:
    """Return the event of a preview."""
    fields: dict[str, object] = {
        "created_at": partial.preview.created,
        "size": str(partial.size),
        "quality": partial.preview.quality or plan.job.quality or AUTO,
        "background": partial.preview.background or AUTO,
        "output_format": partial.format,
        "partial_image_index": partial.number,
        "index": partial.index,
    }
    return picture_event(PARTIAL, partial.preview.base64, _shaped(plan, fields))


def completed_event(plan: Plan, call: FinishedCall, number: int, charge: Charge) -> Pieces:
    """Return the event of picture `number` of a call, or of its refusal if it has fewer.

    What the call used as a whole stands on its last picture.
    """
    generation, is_last = call.generation, number == len(call.images) + call.refused - 1
    image = call.images[number] if number < len(call.images) else None
    tokens = [generation.usage] if is_last and generation.usage is not None else []
    credits: dict[str, object] = {"credits_used": charge.credits}
    if charge.settlement is not None:
        credits["credits_remaining"] = charge.settlement.available
    fields: dict[str, object] = {
        "created_at": generation.created,
        "size": str((image.size if image else plan.job.size.size) or AUTO),
        "quality": generation.quality or plan.job.quality or AUTO,
        "background": generation.background or AUTO,
        "output_format": image.format if image else _format_asked_for(plan),
        "index": call.first + number,
        "seed": image.image.seed if image else None,
        "revised_prompt": image.image.revised_prompt if image else None,
        "watermark": image.watermark if image else "none",
        "flagged": image is None,
        **({} if image else {"flag_reason": call.flag_reason(number - len(call.images))}),
        "usage": usage_of([image.size] if image else [], tokens) | credits,
    }
    encoded = image.image.base64 if image else b""
    return picture_event(COMPLETED, encoded, _shaped(plan, fields))


def _shaped(plan: Plan, fields: dict[str, object]) -> dict[str, object]:
    return openai_profile.event_of(fields) if plan.profile == "openai" else fields


def _format_asked_for(plan: Plan) -> str:
    return AUTO if plan.job.encoding is None else plan.job.encoding.format


def error_event(error: GatewayError, errors: Sequence[ImageError] = ()) -> Pieces:
    """Return the last event of a stream that failed.

    It carries OpenAI's envelope, whose key `error` is what makes the official SDKs raise, and for
    each picture that is missing why.
    """
    return event("error", error.body() | ({"errors": list(errors)} if errors else {}))
