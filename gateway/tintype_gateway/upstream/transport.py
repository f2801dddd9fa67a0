"""One HTTP call to a provider: send the request, read the response, classify errors."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from email.utils import formatdate
from time import perf_counter_ns
from types import TracebackType
from typing import Self

import aiohttp
import yarl

from tintype_gateway.dialects.base import Dialect, EventReader, StreamingDialect
from tintype_gateway.errors import GatewayError
from tintype_gateway.observability.request_meter import current_meter
from tintype_gateway.observability.spans import propagated
from tintype_gateway.upstream.connection_faults import connection_fault, no_endpoint
from tintype_gateway.upstream.passthrough import (
    BUFFER_BYTES,
    SMALLEST_RESPONSE_BYTES,
    PassThrough,
)
from tintype_gateway.upstream.sigv4 import signed_headers
from tintype_gateway.upstream.sse import MEDIA_TYPE, EndlessEventError, EventParser
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, PassingImage, Preview
from tintype_gateway.values.upstream import (
    ResponseLimits,
    Timeouts,
    UpstreamRequest,
    UpstreamResponse,
)
from tintype_gateway.values.upstream_body import StreamedBody

MAX_ERROR_BYTES = 32 * 1024
"""The largest error body. A longer one is classified by its status alone."""

DEFAULT_LIMITS = ResponseLimits()


async def call(
    request: UpstreamRequest,
    dialect: Dialect,
    session: aiohttp.ClientSession,
    timeouts: Timeouts,
    through: PassThrough | None = None,
    limits: ResponseLimits = DEFAULT_LIMITS,
    *,
    presents_certificate: bool = False,
) -> AsyncGenerator[Preview | PassingImage | CallResult, None]:
    """Yield the previews of a call, if the provider streams any, and then its result.

    A plain response to a call that asked for a stream is accepted. With `through`, the first image
    of a plain response is yielded before the result that it belongs to. The caller must consume
    all its pieces before it asks for the next event. `presents_certificate` tells whether the
    session has a client certificate, which the provider may refuse.

    Raises:
        UpstreamFault: The call returned no image, for any reason.
    """
    buffer = None if through is None else BUFFER_BYTES
    sending, started = _Sending(request), perf_counter_ns()
    with _Faults(timeouts, sending, presents_certificate=presents_certificate) as faults:
        async with await _sent(sending, session, timeouts, buffer) as response:
            faults.response = response
            arriving = _Arriving(response.content, limits.response_bytes)
            arriving.nanoseconds += perf_counter_ns() - started
            if _is_stream(response) and isinstance(dialect, StreamingDialect):
                reader = dialect.event_reader()
                async with aclosing(_follow(arriving, reader, limits.event_bytes)) as events:
                    async for event in events:
                        yield event
                return
            headers = {name.lower(): value for name, value in response.headers.items()}
            if response.status != 200:
                # A Retry-After may be a date, and a dialect has no clock to compare it with.
                headers.setdefault("date", formatdate(usegmt=True))
                body = await _first_bytes(arriving, MAX_ERROR_BYTES)
            elif through is None or _is_small(response):
                body = b"".join([chunk async for chunk in arriving])
            else:
                if header := await through.open(arriving):
                    yield PassingImage(*header, through.pieces())
                body = await through.rest()
    try:
        result = _understood(UpstreamResponse(response.status, headers, body), dialect)
    except UpstreamFault as fault:
        if (
            through is not None and through.passed is not None
        ):  # the client has received a part of the image
            fault = UpstreamFault("outcome_unknown", fault.message)
        raise _of(response, fault) from fault.__cause__
    yield replace(result, milliseconds=arriving.milliseconds)


def _understood(response: UpstreamResponse, dialect: Dialect) -> CallResult:
    if response.status != 200:
        raise dialect.read_error(response)
    return dialect.interpret(response)


async def _sent(
    sending: "_Sending",
    session: aiohttp.ClientSession,
    timeouts: Timeouts,
    buffer_bytes: int | None,
) -> aiohttp.ClientResponse:
    """Send a call; return its response as soon as the head arrives, within the time limit."""
    url = _url(sending.request)
    headers = await sending.headers()
    try:
        async with asyncio.timeout(timeouts.first_byte) as waiting:
            return await session.post(
                url,
                data=sending.data(),
                headers=propagated(headers),
                timeout=aiohttp.ClientTimeout(total=timeouts.total, connect=timeouts.connect),
                allow_redirects=False,
                read_bufsize=buffer_bytes,
            )
    except TimeoutError as error:
        if not waiting.expired():
            raise
        within = f"{timeouts.first_byte:.3g} s"
        message = f"the provider did not start its response within {within}"
        raise UpstreamFault("timeout", message) from error


class _Sending:
    """A request that is being sent, and whether its files could be read."""

    def __init__(self, request: UpstreamRequest) -> None:
        self.request = request
        self.is_unreadable = False
        """Whether a file could not be read, so that the provider has only a part of the request.

        aiohttp reports that as an error of the connection."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of the request, with its signature.

        Raises:
            UpstreamFault: A file cannot be read.
        """
        body = self.request.body
        if isinstance(body, bytes):
            return signed_headers(self.request)
        try:
            signed = await asyncio.to_thread(signed_headers, self.request)
        except (GatewayError, ValueError) as error:
            raise _unreadable() from error
        return {**signed, "Content-Length": str(body.length)}

    def data(self) -> bytes | AsyncIterator[bytes]:
        """Return the body of the request, from its first byte on."""
        body = self.request.body
        return body if isinstance(body, bytes) else self._streamed(body)

    async def _streamed(self, body: StreamedBody) -> AsyncGenerator[bytes, None]:
        """Yield a body, which threads read step by step."""
        chunks = body.chunks()
        try:
            while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
                yield chunk
        except (GatewayError, ValueError):
            self.is_unreadable = True
            raise


def _unreadable() -> UpstreamFault:
    message = "the gateway cannot read the images of the request; no image was requested"
    return UpstreamFault("upload", message)


class _Faults:
    """Turns every error of the block into a fault."""

    def __init__(
        self, timeouts: Timeouts, sending: _Sending, *, presents_certificate: bool
    ) -> None:
        self._timeouts = timeouts
        self._sending = sending
        self._presents_certificate = presents_certificate
        self.response: aiohttp.ClientResponse | None = None
        """The response, as soon as its head arrives."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        match error:
            case UpstreamFault():
                raise _of(self.response, error) from error.__cause__
            case aiohttp.ClientError() | TimeoutError() if self._sending.is_unreadable:
                raise _unreadable() from error
            case aiohttp.ClientError() | TimeoutError():
                fault = connection_fault(
                    error, self._timeouts.total, presents_certificate=self._presents_certificate
                )
                raise _of(self.response, fault) from error


def _of(responded: aiohttp.ClientResponse | None, fault: UpstreamFault) -> UpstreamFault:
    """Return a fault with the status and the request id of the response, if there is one."""
    if responded is not None:
        ids = (responded.headers.get(name) for name in _REQUEST_IDS)
        fault.status, fault.request_id = responded.status, next(filter(None, ids), None)
    return fault


_REQUEST_IDS = ("x-request-id", "x-amzn-requestid", "x-goog-request-id", "apim-request-id")
"""The headers in which providers return their own id of a call."""


def _url(request: UpstreamRequest) -> yarl.URL:
    try:
        url = yarl.URL(request.url, encoded=True)  # a `%3A` must stay encoded as it was signed
    except ValueError as error:  # the endpoint is not a URL
        raise no_endpoint() from error
    if not url.host or url.raw_user is not None or url.raw_password is not None:
        raise no_endpoint()  # aiohttp would raise, or send other credentials
    return url


def _is_stream(response: aiohttp.ClientResponse) -> bool:
    return response.status == 200 and response.content_type == MEDIA_TYPE


async def _follow(
    arriving: "_Arriving", reader: EventReader, max_event_bytes: int
) -> AsyncGenerator[Preview | CallResult, None]:
    """Yield the previews and the result of a stream of events."""
    parser, previews = EventParser(max_event_bytes), 0
    async for chunk in arriving:
        for item in _items(parser, reader, chunk):
            if item is None:
                await asyncio.sleep(0)
                continue
            if isinstance(item, CallResult):
                yield replace(item, partial_images=previews, milliseconds=arriving.milliseconds)
                return
            previews += 1
            yield item
    result = reader.end()
    yield replace(result, partial_images=previews, milliseconds=arriving.milliseconds)


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
        raise _endless() from error


def _is_small(response: aiohttp.ClientResponse) -> bool:
    return (response.content_length or SMALLEST_RESPONSE_BYTES) < SMALLEST_RESPONSE_BYTES


async def _first_bytes(arriving: AsyncIterator[bytes], most: int) -> bytes:
    content = b""
    async for chunk in arriving:
        content += chunk
        if len(content) > most:
            return content[:most]
    return content


class _Arriving:
    """Iterates over the chunks of one response, and counts their bytes and the time they took.

    An iterator class, because a generator would cost more for each chunk.
    """

    def __init__(self, content: aiohttp.StreamReader, max_bytes: int) -> None:
        self._content = content
        self._max_bytes = max_bytes
        self._size = 0
        self._meter = current_meter()
        self.nanoseconds = 0
        """The time of waiting for the provider."""

    @property
    def milliseconds(self) -> int:
        """The time of waiting for the provider, rounded."""
        return (self.nanoseconds + 500_000) // 1_000_000

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        started = perf_counter_ns()
        chunk = await self._content.readany()
        self.nanoseconds += perf_counter_ns() - started
        if not chunk:
            raise StopAsyncIteration
        self._size += len(chunk)
        self._meter.received(len(chunk))
        if self._size > self._max_bytes:
            raise _endless()
        return chunk


def _endless() -> UpstreamFault:
    return UpstreamFault("outcome_unknown", "the provider's response is too large")
