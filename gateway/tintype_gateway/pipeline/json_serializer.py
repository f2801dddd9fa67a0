"""The answer, in OpenAI's words.

The pictures are megabytes of base64 that arrived as bytes and leave as the same bytes: the JSON
around them is written in pieces, so that no picture is copied into a larger string.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from tintype_gateway.ledger.interface import Hold, Settlement
from tintype_gateway.observability.spans import traced
from tintype_gateway.pipeline import openai_profile
from tintype_gateway.pipeline.response_headers import headers_of, image_errors, usage_of
from tintype_gateway.values import (
    FailedCall,
    FinishedCall,
    FinishedImage,
    Job,
    Plan,
    Response,
)

Shaped = Callable[[Mapping[str, object]], Mapping[str, object]]
"""Returns an entry of `data` as the profile has it."""


@traced("respond")
def respond(
    plan: Plan,
    calls: Sequence[FinishedCall],
    failed: Sequence[FailedCall],
    settlement: Settlement,
    receipt: Hold,
) -> Response:
    """Return the body, in pieces, and the headers of a successful answer that `receipt` paid."""
    images = [image for call in calls for image in call.images]
    tail: dict[str, object] = {
        "created": max(call.generation.created for call in calls),
        "model": plan.target.requested,
        **_properties(plan.job, calls, images),
        "usage": _usage(calls, images, settlement),
    }
    shaped: Shaped = dict
    if plan.profile == "openai":
        shaped, tail = openai_profile.image_of, openai_profile.response_of(tail)
    if missing := image_errors(calls, failed):
        tail["errors"] = missing
    headers = headers_of(plan, (call.route for call in calls))
    headers["Tintype-Cost-Micro-Credits"] = str(settlement.charged)
    return Response(tuple(_pieces(calls, shaped, tail)), headers, receipt)


def _pieces(
    calls: Sequence[FinishedCall], shaped: Shaped, tail: dict[str, object]
) -> Iterator[bytes | memoryview]:
    """Yield the body: JSON, and between it the value of each picture, base64 as it came or a URL.

    No character of either means anything in JSON. The pictures come first, as a spliced answer
    cannot know the rest before them.
    """
    text, comma = b'{"data":[', b""
    for call in calls:
        for image in call.images:
            key, value = _value(image)
            yield text + comma + b'{"' + key + b'":"'
            yield value
            text, comma = b'",' + _closed(shaped(_entry(image))), b","
        for index in range(call.refused):
            refused = REFUSED | {"flag_reason": call.flag_reason(index)}
            text, comma = text + comma + json.dumps(refused).encode(), b","
    yield text + b"]," + _closed(tail)


def _value(image: FinishedImage) -> tuple[bytes, bytes | memoryview]:
    if image.url is not None:
        return b"url", image.url.encode()
    return b"b64_json", image.image.base64


REFUSED = {
    "b64_json": None,
    "revised_prompt": None,
    "seed": None,
    "watermark": "none",
    "flagged": True,
}
"""Stands in `data` for a picture that the provider refused for its content, beside the
`flag_reason`. It is not charged."""


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
    return usage_of([image.size for image in images], tokens) | {
        "credits_used": settlement.charged,
        "credits_remaining": settlement.available,
    }


def _closed(value: Mapping[str, object]) -> bytes:
    """Return a JSON object without its opening brace."""
    return json.dumps(value).encode()[1:]
