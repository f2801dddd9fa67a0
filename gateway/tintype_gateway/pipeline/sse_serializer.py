"""Builds the events of a stream in OpenAI's format.

The names and fields are those of OpenAI's Images API. `index` is the index of the image, and
further fields are those that plain responses have in addition to OpenAI's.
"""

import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence

from tintype_gateway.api.response_headers import ImageError, headers_of, image_errors, usage_of
from tintype_gateway.billing.sale import Sale
from tintype_gateway.errors import GatewayError, InternalError, UnavailableError
from tintype_gateway.faults import error_of, gravest
from tintype_gateway.observability.metrics import STREAM_FIRST_EVENT, UNSETTLED_CALLS
from tintype_gateway.observability.request_meter import current_meter
from tintype_gateway.pipeline import openai_profile
from tintype_gateway.pipeline.client_presence import ClientPresence
from tintype_gateway.request_context import RequestContext
from tintype_gateway.upstream.executor import Execution
from tintype_gateway.upstream.sse import MEDIA_TYPE, PING, Pieces, comment, event, image_event
from tintype_gateway.values.events import (
    AbandonedCall,
    Charge,
    ExecutorEvent,
    FailedCall,
    FinishedCall,
    Heartbeat,
    PartialImage,
    WaitingForSlot,
)
from tintype_gateway.values.images import CallResult, FinishedImage, GeneratedImage
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.response import End, Event, Head, Part
from tintype_gateway.values.routes import Route

PARTIAL, COMPLETED = "partial_image", "completed"
"""The kinds of events with an image, from which the operation builds event names, and their labels
in the metric of the first event of a stream."""

AUTO = "auto"
"""The value of unknown fields: OpenAI's schema requires these fields, and allows this value."""


def partial_event(plan: Plan, partial: PartialImage) -> Pieces:
    """Return the event of a preview."""
    fields: dict[str, object] = {
        "created_at": partial.preview.created,
        "size": str(partial.size or AUTO),
        "quality": partial.preview.quality or plan.job.quality or AUTO,
        "background": partial.preview.background or AUTO,
        "output_format": partial.format,
        "partial_image_index": partial.number,
        "index": partial.index,
    }
    name = plan.operation.event(PARTIAL)
    return image_event(name, partial.preview.base64, _shaped(plan, fields))


def completed_event(plan: Plan, call: FinishedCall, number: int, charge: Charge) -> Pieces:
    """Return the event of image `number` of a call, or of a refusal if the call has fewer images.

    The usage of the whole call is in the event of its last image.
    """
    result, is_last = call.result, number == len(call.images) + call.refused - 1
    image = call.images[number] if number < len(call.images) else None
    tokens = [result.usage] if is_last and result.usage is not None else []
    credits: dict[str, object] = {"credits_used": charge.credits}
    if charge.settlement is not None:
        credits["credits_remaining"] = charge.settlement.available
    fields: dict[str, object] = {
        "created_at": result.created,
        "size": str((image.size if image else plan.job.size.size) or AUTO),
        "quality": result.quality or plan.job.quality or AUTO,
        "background": result.background or AUTO,
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
    return image_event(plan.operation.event(COMPLETED), encoded, _shaped(plan, fields))


def _shaped(plan: Plan, fields: dict[str, object]) -> dict[str, object]:
    return openai_profile.event_of(fields) if plan.profile == "openai" else fields


def _format_asked_for(plan: Plan) -> str:
    return AUTO if plan.job.encoding is None else plan.job.encoding.format


def error_event(error: GatewayError, errors: Sequence[ImageError] = ()) -> Pieces:
    """Return the last event of a stream that failed.

    It has OpenAI's envelope, whose key `error` makes the official SDKs raise, and the reason for
    each missing image.
    """
    return event("error", error.body() | ({"errors": list(errors)} if errors else {}))


log = logging.getLogger(__name__)

HEADERS = {
    "Content-Type": MEDIA_TYPE,
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # otherwise nginx buffers events
}


class SseSerializer:
    """One stream. Each image is sold with the first byte of its first event."""

    def __init__(
        self,
        context: RequestContext,
        sale: Sale,
        client: ClientPresence,
        execution: Execution,
    ) -> None:
        self._context = context
        self._plan = context.plan
        self._sale = sale
        self._client = client
        self._execution = execution
        self._remaining = len(execution.planned)
        self._failed: list[FailedCall] = []
        self._meter = current_meter()
        self._started = time.perf_counter()
        self._has_events = False
        self._has_begun = False

    async def parts(self, events: AsyncIterator[ExecutorEvent]) -> AsyncGenerator[Part, None]:
        """Yield the parts that the events bring, and at their end the images that are missing.

        Raises:
            GatewayError: Not one image came, so that nothing is charged, or the ledger could not
                record their cost.
        """
        async for each in events:
            match each:
                case Heartbeat():
                    for part in self._parts(PING):
                        yield part
                case WaitingForSlot():
                    for part in self._parts(
                        comment(f"waiting for a slot, position {each.position}")
                    ):
                        yield part
                case PartialImage():
                    self._sale.begin(_previewed(each))
                    self._commit()
                    for part in self._event(partial_event(self._plan, each), PARTIAL, each.route):
                        yield part
                        del part
                    self._meter.passed_on(len(each.preview.base64))
                case FinishedCall():
                    self._remaining -= 1
                    async for part in self._deliver(each):
                        yield part
                        del part
                case FailedCall():
                    self._remaining -= 1
                    self._sale.fail(each)
                    self._failed.append(each)
                case AbandonedCall():
                    self._remaining -= 1
            del each  # an image is megabytes, and the next event may take long
        for part in await self._end():
            yield part

    async def _end(self) -> Sequence[Part]:
        """Charge for what is not charged yet, and return the last events."""
        errors = image_errors(self._sale.sold, self._failed)
        if not self._sale.sold:
            raise self._error(errors)
        if self._sale.is_open:
            await self._sale.settle()
        last: list[Part] = []
        if errors:
            error = self._error(errors)
            self._note(error)
            last += self._parts(error_event(error, errors))
        return [*last, End(b"", self._sale.receipt)]

    def failed(self, error: Exception) -> Iterator[Part]:
        """Yield the event of an error that ends a stream.

        Raises:
            Exception: The same error, if nothing was sent before.
        """
        if not self._has_begun:
            raise error
        if not isinstance(error, GatewayError):
            log.error(
                "unexpected error", exc_info=error, extra={"request_id": self._context.request_id}
            )
            error = InternalError("an unexpected error occurred; it was logged")
        self._note(error)
        yield from self._parts(error_event(error))
        yield End(b"")

    async def _deliver(self, call: FinishedCall) -> AsyncGenerator[Part, None]:
        """Yield the events of a call's images and of its refused images."""
        made = len(call.images)
        last = made + call.refused - 1
        for number in range(made + call.refused):
            if self._client.has_left and call.first not in self._sale.begun:
                if number == 0:
                    UNSETTLED_CALLS.labels(call.route.binding.provider, "undelivered").inc()
                return
            images, ends = min(number + 1, made), not self._remaining and number == last
            self._commit()
            charge = await self._sale.sell(call, images, is_last=ends)
            event = completed_event(self._plan, call, number, charge)
            for part in self._event(event, COMPLETED, call.route):
                yield part
            if number < made and self._plan.job.streamed:
                self._meter.passed_on(len(call.images[number].image.base64))

    def _commit(self) -> None:
        self._client.commit(lambda: self._execution.abandon(keep=self._sale.begun))

    def _error(self, errors: Sequence[ImageError]) -> GatewayError:
        if self._failed:
            worst = gravest(self._failed)
            return error_of(worst.fault, worst.route)
        return UnavailableError(errors[0]["message"], code=errors[0]["code"])

    def _note(self, error: GatewayError) -> None:
        self._context.log.error = error.code
        if not self._client.has_left:
            self._context.log.late_status = error.status

    def _event(self, event: Pieces, kind: str, route: Route) -> Sequence[Part]:
        if not self._has_events:
            self._has_events = True
            seconds = time.perf_counter() - self._started
            STREAM_FIRST_EVENT.labels(route.binding.provider, kind).observe(seconds)
        return self._parts(event)

    def _parts(self, event: Pieces) -> Sequence[Part]:
        """Return an event, and the head before the first one."""
        if self._has_begun:
            return (Event(event),)
        self._has_begun = True
        headers = HEADERS | headers_of(self._plan, self._context.routes, self._sale.receipt)
        return Head(headers), Event(event)


def _previewed(partial: PartialImage) -> FinishedCall:
    """Return the call of a preview as far as it is known."""
    image = FinishedImage(GeneratedImage(b""), partial.format, partial.size, "none")
    made = CallResult((), quality=partial.preview.quality, partial_images=partial.number + 1)
    return FinishedCall(partial.index, 1, partial.route, made, (image,))
