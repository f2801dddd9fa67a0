"""The answer, in OpenAI's words.

The pictures are megabytes of base64 that arrived as bytes and leave as the same bytes: the JSON
around them is written in pieces, so that no picture is copied into a larger string.
"""

import datetime
import json
from collections.abc import Iterator, Sequence
from email.utils import format_datetime
from typing import TypedDict

from tintype_catalog.image_model import Lifecycle
from tintype_gateway.faults import error_of
from tintype_gateway.ledger.interface import Hold, Settlement
from tintype_gateway.values import (
    FailedCall,
    FinishedCall,
    FinishedImage,
    Job,
    Plan,
    Response,
    Route,
)


def respond(
    plan: Plan,
    calls: Sequence[FinishedCall],
    failed: Sequence[FailedCall],
    settlement: Settlement,
    receipt: Hold,
) -> Response:
    """Return the body, in pieces, and the headers of a successful answer that `receipt` paid."""
    images = [image for call in calls for image in call.images]
    head = {
        "created": max(call.generation.created for call in calls),
        "model": plan.target.requested,
    }
    tail = _properties(plan.job, calls, images) | {"usage": _usage(calls, images, settlement)}
    missing = [*_missing(calls), *_failed(failed, plan.route)]
    if missing:
        tail["errors"] = sorted(missing, key=lambda entry: entry["index"])
    headers = {
        "Tintype-Route": str(plan.route),
        "Tintype-Catalog-Revision": plan.revision,
        "Tintype-Cost-Micro-Credits": str(settlement.charged),
        **lifecycle_headers(plan.model.lifecycle),
    }
    if plan.job.adjustments:
        headers["Tintype-Adjusted"] = ", ".join(plan.job.adjustments)
    return Response(tuple(_pieces(head, calls, tail)), headers, receipt)


def lifecycle_headers(lifecycle: Lifecycle) -> dict[str, str]:
    """Return `Deprecation` (RFC 9745) and `Sunset` (RFC 8594) of a model that is on its way out."""
    headers = {}
    if lifecycle.deprecated_on:
        headers["Deprecation"] = f"@{int(_midnight(lifecycle.deprecated_on).timestamp())}"
    if lifecycle.retires_on:
        headers["Sunset"] = format_datetime(_midnight(lifecycle.retires_on), usegmt=True)
    return headers


def _pieces(
    head: dict[str, object], calls: Sequence[FinishedCall], tail: dict[str, object]
) -> Iterator[bytes | memoryview]:
    """Yield the body: JSON, and between it the base64 of each picture as it came."""
    text, comma = _opened(head) + b',"data":[', b""
    for call in calls:
        for image in call.images:
            yield text + comma + b'{"b64_json":"'
            yield image.image.base64
            text, comma = b'",' + _closed(_entry(image)), b","
        for _ in range(call.refused):
            text, comma = text + comma + json.dumps(REFUSED).encode(), b","
    yield text + b"]," + _closed(tail)


REFUSED = {
    "b64_json": None,
    "revised_prompt": None,
    "seed": None,
    "watermark": "none",
    "flagged": True,
}
"""Stands in `data` for a picture that the provider refused for its content. It is not charged."""


def _entry(image: FinishedImage) -> dict[str, object]:
    return {
        "revised_prompt": image.image.revised_prompt,
        "seed": image.image.seed,
        "watermark": image.watermark,
        "flagged": False,
    }


def _properties(
    job: Job, calls: Sequence[FinishedCall], images: Sequence[FinishedImage]
) -> dict[str, object]:
    """Return OpenAI's own description of the pictures, which speaks of all of them at once."""
    generation = calls[0].generation
    return {
        "background": generation.background,
        "output_format": images[0].format if images else None,
        "quality": generation.quality or job.quality,
        "size": str(images[0].size) if images else None,
    }


def _usage(
    calls: Sequence[FinishedCall], images: Sequence[FinishedImage], settlement: Settlement
) -> dict[str, object]:
    tokens = [call.generation.usage for call in calls if call.generation.usage is not None]
    usage: dict[str, object] = {
        "images": len(images),
        "input_tokens": None,
        "output_tokens": None,
        "total_tokens": None,
        "megapixels": None,
    }
    if tokens:
        text = sum(count.text_input for count in tokens)
        image = sum(count.image_input for count in tokens)
        output = sum(count.image_output + count.text_output for count in tokens)
        usage |= {
            "input_tokens": text + image,
            "output_tokens": output,
            "total_tokens": text + image + output,
            "input_tokens_details": {"text_tokens": text, "image_tokens": image},
        }
    else:
        usage["megapixels"] = round(sum(image.size.pixels for image in images) / 1_000_000, 6)
    return usage | {
        "credits_used": settlement.charged,
        "credits_remaining": settlement.available,
    }


class ImageError(TypedDict):
    """Why a picture that was asked for is not in `data`."""

    index: int
    code: str | None
    message: str


def _failed(failed: Sequence[FailedCall], route: Route) -> Iterator[ImageError]:
    for call in failed:
        error = error_of(call.fault, route)
        for index in range(call.first, call.first + call.asked):
            yield ImageError(index=index, code=error.code, message=error.message)


def _missing(calls: Sequence[FinishedCall]) -> Iterator[ImageError]:
    for call in calls:
        for index in range(call.first + len(call.images) + call.refused, call.first + call.asked):
            message = "the provider gave fewer pictures than it was asked for"
            yield ImageError(index=index, code="image_missing", message=message)


def _opened(value: dict[str, object]) -> bytes:
    """Return a JSON object without its closing brace."""
    return json.dumps(value).encode()[:-1]


def _closed(value: dict[str, object]) -> bytes:
    """Return a JSON object without its opening brace."""
    return json.dumps(value).encode()[1:]


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)
