"""One HTTP call to a provider: send the request, read the response, classify errors."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from time import perf_counter_ns

import aiohttp

from tintype_gateway.dialects.base import Dialect, EventReader
from tintype_gateway.upstream.exchange import (
    MAX_ERROR_BYTES,
    Arriving,
    Faults,
    Sending,
    endless,
    first_bytes,
    headers_of,
    sent,
    with_response,
)
from tintype_gateway.upstream.passthrough import (
    BUFFER_BYTES,
    SMALLEST_RESPONSE_BYTES,
    PassThrough,
)
from tintype_gateway.upstream.read_sizes import ReadSizes
from tintype_gateway.upstream.sse import MEDIA_TYPE, EndlessEventError, EventParser
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, PassingImage, Preview
from tintype_gateway.values.upstream import (
    ResponseLimits,
    Timeouts,
    UpstreamRequest,
    UpstreamResponse,
)

DEFAULT_LIMITS = ResponseLimits()


async def call(
    request: UpstreamRequest,
    dialect: Dialect,
    session: aiohttp.ClientSession,
    timeouts: Timeouts,
    through: PassThrough | None = None,
    limits: ResponseLimits = DEFAULT_LIMITS,
    *,
    sizes: ReadSizes | None = None,
    presents_certificate: bool = False,
) -> AsyncGenerator[Preview | PassingImage | CallResult, None]:
    """Yield the previews of a call, if the provider streams any, and then its result.

    A plain response to a call that asked for a stream is accepted. With `through`, images of a
    plain response are yielded before the result that they belong to. The caller must consume all
    pieces of one before it asks for the next event. `sizes` counts the responses that arrive at the
    same time. `presents_certificate` tells whether the session has a client certificate, which the
    provider may refuse.

    Raises:
        UpstreamFault: The call returned no image, for any reason.
    """
    buffer = None if through is None else BUFFER_BYTES
    sending, started = Sending(request), perf_counter_ns()
    with Faults(timeouts, sending, presents_certificate=presents_certificate) as faults:
        async with await sent(sending, session, timeouts, buffer) as response:
            faults.response = response
            arriving = Arriving(response.content, limits.response_bytes)
            arriving.nanoseconds += perf_counter_ns() - started
            sizes = sizes or ReadSizes()
            if _is_stream(response) and (reader := _event_reader(dialect)) is not None:
                with sizes.reading(response):
                    async with aclosing(_follow(arriving, reader, limits.event_bytes)) as events:
                        async for event in events:
                            yield event
                            del event  # an image is megabytes, and the next event may take long
                return
            headers = headers_of(response)
            if response.status != 200:
                body = await first_bytes(arriving, MAX_ERROR_BYTES)
            elif _is_small(response):
                body = b"".join([chunk async for chunk in arriving])
            elif through is None:
                with sizes.reading(response):
                    body = b"".join([chunk async for chunk in arriving])
            else:
                with sizes.reading(response, through.grow):
                    header = await through.open(arriving, lambda: arriving.milliseconds)
                    longest = through.longest(response.content_length)
                    while header:
                        yield PassingImage(
                            *header, through.pieces(), arriving.milliseconds, longest
                        )
                        header, longest = await through.next(), None
                    body = await through.rest()
    try:
        result = _understood(UpstreamResponse(response.status, headers, body), dialect)
    except UpstreamFault as fault:
        if through is not None and through.passed:  # the client has received a part of the image
            fault = UpstreamFault("outcome_unknown", fault.message)
        raise with_response(response, fault) from fault.__cause__
    yield result._replace(milliseconds=arriving.milliseconds)


def _understood(response: UpstreamResponse, dialect: Dialect) -> CallResult:
    if response.status != 200:
        raise dialect.read_error(response)
    return dialect.interpret(response)


def _event_reader(dialect: Dialect) -> EventReader | None:
    """Return a reader for the events of a call; None for a dialect without streams.

    To ask whether the dialect is a `StreamingDialect` would take a hundred calls of functions.
    """
    made: Callable[[], EventReader] | None = getattr(dialect, "event_reader", None)
    return None if made is None else made()


def _is_stream(response: aiohttp.ClientResponse) -> bool:
    return response.status == 200 and response.content_type == MEDIA_TYPE


async def _follow(
    arriving: Arriving, reader: EventReader, max_event_bytes: int
) -> AsyncGenerator[Preview | CallResult, None]:
    """Yield the previews and the result of a stream of events."""
    parser, previews = EventParser(max_event_bytes), 0
    async for chunk in arriving:
        for item in _items(parser, reader, chunk):
            if item is None:
                await asyncio.sleep(0)
                continue
            if isinstance(item, CallResult):
                yield item._replace(partial_images=previews, milliseconds=arriving.milliseconds)
                return
            previews += 1
            yield item
        del chunk
    result = reader.end()
    yield result._replace(partial_images=previews, milliseconds=arriving.milliseconds)


def _items(
    parser: EventParser, reader: EventReader, chunk: bytes
) -> Iterator[Preview | CallResult | None]:
    """Yield what a chunk of a stream completes, and None where other tasks should run."""
    try:
        for data in parser.feed(chunk):
            if data is not None:
                yield from reader.read(data)
            yield None
    except EndlessEventError as error:
        raise endless() from error


def _is_small(response: aiohttp.ClientResponse) -> bool:
    return (response.content_length or SMALLEST_RESPONSE_BYTES) < SMALLEST_RESPONSE_BYTES
