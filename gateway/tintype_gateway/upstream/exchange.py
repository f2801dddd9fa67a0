"""One HTTP exchange with a provider: a request is sent, and errors of the connection become faults.

What the response means is for others: `transport.py` and `polling.py`.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from email.utils import formatdate
from functools import lru_cache
from time import perf_counter_ns
from types import TracebackType
from typing import Self

import aiohttp
import yarl

from tintype_gateway.errors import GatewayError
from tintype_gateway.observability.request_meter import current_meter
from tintype_gateway.observability.spans import propagated
from tintype_gateway.upstream.connection_faults import connection_fault, no_endpoint
from tintype_gateway.upstream.sigv4 import signed_headers
from tintype_gateway.upstream.urls import parsed_url
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.upstream import (
    ResponseLimits,
    Timeouts,
    UpstreamRequest,
    UpstreamResponse,
)
from tintype_gateway.values.upstream_body import StreamedBody

MAX_ERROR_BYTES = 32 * 1024
"""The largest error body. A longer one is classified by its status alone."""

REQUEST_IDS = ("apim-request-id", "x-request-id", "x-amzn-requestid", "x-goog-request-id")
"""The headers in which providers return their own id of a call. Azure sends the first two, and its
support asks for the first."""


async def respond(
    request: UpstreamRequest,
    session: aiohttp.ClientSession,
    timeouts: Timeouts,
    limits: ResponseLimits,
    *,
    presents_certificate: bool = False,
) -> UpstreamResponse:
    """Send a call, and return its whole response, whatever its status.

    Raises:
        UpstreamFault: There is no response within the limits.
    """
    sending = Sending(request)
    with Faults(timeouts, sending, presents_certificate=presents_certificate) as faults:
        async with await sent(sending, session, timeouts, None) as response:
            faults.response = response
            return await whole(response, limits.response_bytes)


async def whole(response: aiohttp.ClientResponse, max_bytes: int) -> UpstreamResponse:
    """Return a response with its body. That of an error is cut after `MAX_ERROR_BYTES`.

    Raises:
        UpstreamFault: The body has more than `max_bytes`.
    """
    arriving = Arriving(response.content, max_bytes)
    if response.status < 300:
        body = b"".join([chunk async for chunk in arriving])
    else:
        body = await first_bytes(arriving, MAX_ERROR_BYTES)
    return UpstreamResponse(response.status, headers_of(response), body)


async def sent(
    sending: "Sending",
    session: aiohttp.ClientSession,
    timeouts: Timeouts,
    buffer_bytes: int | None,
) -> aiohttp.ClientResponse:
    """Send a call; return its response as soon as the head arrives, within the time limit."""
    url = _url(sending.request.url)
    headers = await sending.headers()
    posting = session.post(
        url,
        data=sending.data(),
        headers=propagated(headers),
        timeout=aiohttp.ClientTimeout(total=timeouts.total, connect=timeouts.connect),
        allow_redirects=False,
        read_bufsize=buffer_bytes,
    )
    if timeouts.first_byte is None:
        return await posting
    try:
        async with asyncio.timeout(timeouts.first_byte) as waiting:
            return await posting
    except TimeoutError as error:
        if not waiting.expired():
            raise
        within = f"{timeouts.first_byte:.3g} s"
        message = f"the provider did not start its response within {within}"
        raise UpstreamFault("timeout", message) from error


class Sending:
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
        signed = self.request.headers
        if self.request.signer is not None:  # it reads the files
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
        """Yield a body part by part. Threads read what is not in memory."""
        parts, remaining, is_in_memory = body.parts(), body.length, body.is_in_memory
        try:
            while remaining:
                part = next(parts) if is_in_memory else await asyncio.to_thread(next, parts)
                remaining -= len(part)
                yield part
        except (GatewayError, ValueError):
            self.is_unreadable = True
            raise


class Faults:
    """Turns every error of the block into a fault."""

    def __init__(self, timeouts: Timeouts, sending: Sending, *, presents_certificate: bool) -> None:
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
                raise with_response(self.response, error) from error.__cause__
            case aiohttp.ClientError() | TimeoutError() if self._sending.is_unreadable:
                raise _unreadable() from error
            case aiohttp.ClientError() | TimeoutError():
                fault = connection_fault(
                    error, self._timeouts.total, presents_certificate=self._presents_certificate
                )
                raise with_response(self.response, fault) from error


def with_response(
    responded: aiohttp.ClientResponse | UpstreamResponse | None, fault: UpstreamFault
) -> UpstreamFault:
    """Return a fault with the status and the request id of the response, if there is one."""
    if responded is not None:
        ids = (responded.headers.get(name) for name in REQUEST_IDS)
        fault.status, fault.request_id = responded.status, next(filter(None, ids), None)
    return fault


def headers_of(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Return the headers of a response, with names in lower case.

    Beside a Retry-After there is always a `date`: it may be a date, too, and a dialect has no clock
    to compare it with.
    """
    headers = {name.lower(): value for name, value in response.headers.items()}
    if "retry-after" in headers and "date" not in headers:
        headers["date"] = formatdate(usegmt=True)
    return headers


class Arriving:
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
            raise endless()
        return chunk


async def first_bytes(arriving: AsyncIterator[bytes], most: int) -> bytes:
    """Return a body up to a number of bytes."""
    content = b""
    async for chunk in arriving:
        content += chunk
        if len(content) > most:
            return content[:most]
    return content


def endless() -> UpstreamFault:
    """Return the fault of a response that is too large."""
    return UpstreamFault("outcome_unknown", "the provider's response is too large")


def _unreadable() -> UpstreamFault:
    message = "the gateway cannot read the images of the request; no image was requested"
    return UpstreamFault("upload", message)


@lru_cache(maxsize=256)  # most calls of a process go to a few paths
def _url(text: str) -> yarl.URL:
    try:
        url = parsed_url(text, encoded=True)  # a `%3A` must stay encoded as it was signed
    except ValueError as error:  # the endpoint is not a URL
        raise no_endpoint() from error
    if not url.host or url.raw_user is not None or url.raw_password is not None:
        raise no_endpoint()  # aiohttp would raise, or send other credentials
    return url
