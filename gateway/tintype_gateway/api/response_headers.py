"""Parts that plain responses and streams share: headers, usage, and missing images."""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from email.utils import format_datetime
from typing import TypedDict

from tintype_catalog.costs import TokenUsage
from tintype_catalog.image_model import Lifecycle
from tintype_catalog.sizes import Size
from tintype_gateway.errors import ContentRefusedError
from tintype_gateway.faults import error_of, withheld
from tintype_gateway.ledger.interface import Hold
from tintype_gateway.values.events import FailedCall, FinishedCall
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.routes import Route

PROFILE_HEADER = "Tintype-Profile"
"""The header that selects the response profile. The response has the same header."""


def headers_of(plan: Plan, routes: Iterable[Route], hold: Hold) -> dict[str, str]:
    """Return the headers for a request whose calls used these routes, and which a hold pays."""
    headers = {
        "Tintype-Route": ", ".join(dict.fromkeys(map(str, routes))),
        "Tintype-Catalog-Revision": plan.revision,
        PROFILE_HEADER: plan.profile,
        **lifecycle_headers(plan.model.lifecycle),
    }
    if hold.budget_remaining is not None:
        headers["Tintype-Budget-Remaining"] = str(hold.budget_remaining)
    if plan.job.adjustments:
        headers["Tintype-Adjusted"] = ", ".join(plan.job.adjustments)
    return headers


def lifecycle_headers(lifecycle: Lifecycle) -> dict[str, str]:
    """Return `Deprecation` (RFC 9745) and `Sunset` (RFC 8594) of a deprecated or retiring model."""
    headers = {}
    if lifecycle.deprecated_on:
        headers["Deprecation"] = f"@{int(_midnight(lifecycle.deprecated_on).timestamp())}"
    if lifecycle.retires_on:
        headers["Sunset"] = format_datetime(_midnight(lifecycle.retires_on), usegmt=True)
    return headers


def usage_of(sizes: Sequence[Size | None], tokens: Sequence[TokenUsage]) -> dict[str, object]:
    """Return `usage` of delivered images of these sizes, without the credits."""
    usage: dict[str, object] = {
        "images": len(sizes),
        "input_tokens": None,
        "output_tokens": None,
        "total_tokens": None,
        "megapixels": None,
    }
    if not tokens:
        if None in sizes:
            return usage
        pixels = sum(size.pixels for size in sizes if size is not None)
        return usage | {"megapixels": round(pixels / 1_000_000, 6)}
    total = TokenUsage(*map(sum, zip(*tokens, strict=True)))
    return usage | token_counts(total)


def token_counts(used: TokenUsage) -> dict[str, object]:
    """Return the token counts of `usage`, to which the token prices apply."""
    inputs = used.text_input + used.image_input
    outputs = used.text_output + used.image_output
    return {
        "input_tokens": inputs,
        "output_tokens": outputs,
        "total_tokens": inputs + outputs,
        "input_tokens_details": _details(used.text_input, used.image_input) | _cached(used),
        "output_tokens_details": _details(used.text_output, used.image_output),
    }


def _details(text: int, image: int) -> dict[str, object]:
    return {"text_tokens": text, "image_tokens": image}


def _cached(used: TokenUsage) -> dict[str, object]:
    """Return the number of cached input tokens in OpenAI's field, if there are any."""
    text, image = used.cached_text_input, used.cached_image_input
    if not text + image:
        return {}
    return {"cached_tokens": text + image, "cached_tokens_details": _details(text, image)}


class ImageError(TypedDict):
    """The reason why a requested image is missing."""

    index: int
    code: str | None
    message: str


def image_errors(calls: Sequence[FinishedCall], failed: Sequence[FailedCall]) -> list[ImageError]:
    """Return an entry for each missing image that the provider did not refuse."""
    missing = [*_missing(calls), *_failed(failed)]
    return sorted(missing, key=lambda entry: entry["index"])


def _failed(failed: Sequence[FailedCall]) -> Iterator[ImageError]:
    for call in failed:
        error = error_of(call.fault, call.route)
        for index in range(call.first, call.first + call.asked):
            yield ImageError(index=index, code=error.code, message=error.message)


def _missing(calls: Sequence[FinishedCall]) -> Iterator[ImageError]:
    for call in calls:
        made = len(call.images)
        for number in range(made + call.refused, call.asked):
            if call.withheld:
                message = withheld(call.flag_reason(number - made))
                code = ContentRefusedError.code
            else:
                message = "the provider returned fewer images than requested"
                code = "image_missing"
            yield ImageError(index=call.first + number, code=code, message=message)


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)
