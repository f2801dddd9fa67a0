"""Builds a plain response in OpenAI's format from the events of the executor.

The images are megabytes of base64 that are sent as the same bytes that arrived: the JSON around
them is written in pieces, so that no image is copied into a larger string.
"""

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import NamedTuple

from tintype_gateway.api.response_headers import headers_of, image_errors, usage_of
from tintype_gateway.billing.sale import Sale, of_which
from tintype_gateway.faults import error_of, gravest
from tintype_gateway.ledger.interface import Hold, Settlement
from tintype_gateway.observability.spans import traced
from tintype_gateway.pipeline import openai_profile
from tintype_gateway.pipeline.client_presence import ClientPresence
from tintype_gateway.request_context import RequestContext
from tintype_gateway.storage.stored_responses import COST_HEADER
from tintype_gateway.values.events import ExecutorEvent, FailedCall, FinishedCall, ImageStarted
from tintype_gateway.values.images import FinishedImage
from tintype_gateway.values.job import Job
from tintype_gateway.values.json_text import json_bytes
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.response import (
    JOINED_BYTES,
    Arriving,
    Chunk,
    End,
    Head,
    Part,
    Response,
    WrittenPart,
)
from tintype_gateway.values.routes import Route

Shaped = Callable[[Mapping[str, object]], Mapping[str, object]]
"""Returns an entry of `data` in the response profile."""


class Body(NamedTuple):
    """A response's body in its parts."""

    pieces: tuple[bytes | memoryview, ...]
    """Texts, with the value of one image between each two of them, up to the end of the images."""

    ending: Mapping[str, object]
    """The fields behind the images."""


@traced("respond")
def respond(
    plan: Plan,
    calls: Sequence[FinishedCall],
    failed: Sequence[FailedCall],
    settlement: Settlement,
    receipt: Hold,
) -> Response:
    """Return the body, in pieces, and the headers of a successful response that `receipt` paid."""
    body = body_of(plan, calls, failed, settlement.charged, settlement.available)
    *pieces, last = body.pieces
    headers = headers_of(plan, (call.route for call in calls), receipt)
    headers[COST_HEADER] = str(settlement.charged)
    return Response((*pieces, bytes(last) + _closed(body.ending)), headers, receipt)


def body_of(
    plan: Plan,
    calls: Sequence[FinishedCall],
    failed: Sequence[FailedCall],
    charged: int,
    available: int | None,
) -> Body:
    """Return the body of a successful response that was charged this number of micro-credits.

    `available` are those that the account has left; None for an account without a limit.
    """
    images = [image for call in calls for image in call.images]
    ending: dict[str, object] = {
        "created": max(call.result.created for call in calls),
        "model": plan.target.requested,
        **_properties(plan.job, calls, images),
        "usage": _usage(calls, images, charged, available),
    }
    if plan.profile == "openai":
        ending = openai_profile.response_of(ending)
    if missing := image_errors(calls, failed):
        ending["errors"] = missing
    return Body(tuple(_pieces(calls, _shaped(plan))), ending)


def _shaped(plan: Plan) -> Shaped:
    return openai_profile.image_of if plan.profile == "openai" else dict


def _pieces(calls: Sequence[FinishedCall], shaped: Shaped) -> Iterator[bytes | memoryview]:
    """Yield the images: JSON, and between it the value of each, base64 as it came or a URL.

    Neither contains characters that JSON escapes. The images come first, because
    the rest of a response that passes through is not known before them.
    """
    text, comma = b'{"data":[', b""
    for call in calls:
        for image in call.images:
            key, value = _value(image)
            yield text + comma + b'{"' + key + b'":"'
            yield value
            text, comma = _ending_of(image, shaped), b","
        for index in range(call.refused):
            refused = REFUSED | {"flag_reason": call.flag_reason(index)}
            text, comma = text + comma + json_bytes(refused), b","
    yield text + b"],"


def _ending_of(image: FinishedImage, shaped: Shaped) -> bytes:
    """Return the text behind the value of an image, up to the end of its entry."""
    return b'",' + _closed(shaped(_entry(image)))


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
"""The entry in `data` of an image that the provider refused for its content, without its
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
    """Return OpenAI's fields that describe all images together."""
    result = calls[0].result
    return {
        "background": result.background,
        "output_format": images[0].format if images else None,
        "quality": result.quality or job.quality,
        "size": str(images[0].size) if images and images[0].size else None,
    }


def _usage(
    calls: Sequence[FinishedCall],
    images: Sequence[FinishedImage],
    charged: int,
    available: int | None,
) -> dict[str, object]:
    tokens = [call.result.usage for call in calls if call.result.usage is not None]
    return usage_of([image.size for image in images], tokens) | {
        "credits_used": charged,
        "credits_remaining": available,
    }


def _closed(value: Mapping[str, object]) -> bytes:
    """Return a JSON object without its opening brace."""
    return json_bytes(value)[1:]


_IMAGE = b'{"b64_json":"'

OPENING = b'{"data":[' + _IMAGE
"""The beginning of every response."""

HeadersOf = Callable[[Route], Mapping[str, str]]
"""Returns the headers of a pass-through response for the route of its call."""

Keep = Callable[[Response, Sequence[FinishedImage]], Awaitable[None]]
"""Stores a response for repeats of its request."""


class JsonSerializer:
    """One plain response. Pass-through images are sold with their first byte, others at the end."""

    def __init__(
        self,
        context: RequestContext,
        sale: Sale,
        client: ClientPresence,
        headers_of: HeadersOf,
        keep: Keep | None,
    ) -> None:
        self._plan = context.plan
        self._sale = sale
        self._client = client
        self._headers_of = headers_of
        self._keep = keep
        self._calls: list[FinishedCall] = []
        self._failed: list[FailedCall] = []
        self._sent = 0
        """The images whose first byte was sent before the others were there."""

    async def parts(self, events: AsyncIterator[ExecutorEvent]) -> AsyncGenerator[Part, None]:
        """Yield what the events bring to the client; at their end, charge for the images.

        Raises:
            GatewayError: There is no image, or the ledger could not be told what it cost.
        """
        async for event in events:
            match event:
                case FinishedCall():
                    self._calls.append(event)
                case ImageStarted():
                    for part in self._begin(event):
                        yield part
                case FailedCall():
                    self._sale.fail(event)
                    self._failed.append(event)
        for part in await self._end():
            yield part

    def _begin(self, image: ImageStarted) -> Iterator[Part]:
        """Sell an image that passes through, and return it behind the text before it."""
        images = image.call.images
        if not self._client.has_left:
            self._sale.begin(image.call)
            self._sent = len(images)
        self._client.commit()
        if len(images) == 1:
            yield Head(self._headers_of(image.call.route))
            if image.longest is not None:
                yield Chunk(len(OPENING) + image.longest)
            yield OPENING
        else:
            yield _ending_of(images[-2], _shaped(self._plan)) + b"," + _IMAGE
        yield Arriving(image.pieces)

    async def _end(self) -> Iterator[WrittenPart]:
        """Charge for the images, and return all of the response, or what is missing of it."""
        if not self._calls:
            worst = gravest(self._failed)
            raise error_of(worst.fault, worst.route) from worst.fault
        calls = sorted(self._calls, key=lambda call: call.first)
        passed = calls[0].passed
        self._client.commit()
        is_left = passed and self._client.has_left  # no further image was sent
        settlement = await self._sale.settle([of_which(calls[0], self._sent)] if is_left else calls)
        response = respond(self._plan, calls, self._failed, settlement, self._sale.receipt)
        if self._keep is not None:
            await self._keep(response, [image for call in calls for image in call.images])
        return parts_of(response, passed)

    def failed(self, error: Exception) -> Iterator[Part]:
        """Raise the error: JSON that has begun cannot report it."""
        raise error


def parts_of(response: Response, passed: int = 0) -> Iterator[WrittenPart]:
    """Yield a response, or the part after the first images if they have passed through."""
    *pieces, last = response.pieces
    if passed:
        assert pieces[0] == OPENING  # noqa: S101 - one function writes all responses
        yield from pieces[2 * passed :]
    else:
        length = response.length
        yield Head(response.headers, length)
        if length <= JOINED_BYTES:
            pieces, last = [], b"".join(response.pieces)
        yield from pieces
    yield End(bytes(last), response.receipt)
