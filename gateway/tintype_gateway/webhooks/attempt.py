"""One attempt to deliver a message: a signed POST, of whose response only the status counts."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import aiohttp

from tintype_gateway.upstream.egress import ForbiddenAddressError
from tintype_gateway.webhooks.endpoints import Endpoint
from tintype_gateway.webhooks.signature import signed_headers

ATTEMPT_SECONDS = 15.0
"""How long a receiver may take until the head of its response."""

DISCARD_SECONDS = 1.0
DISCARD_BYTES = 64 * 1024
"""How much of a body is read, so that its connection can be used again. Beyond it is closed."""

GONE = 410
"""The status of a receiver that wants no more messages."""

Outcome = Literal[
    "delivered", "refused", "redirected", "timeout", "unreachable", "forbidden", "misconfigured"
]
"""`refused`: another status than 2xx. `forbidden`: an address that the release does not allow.
`misconfigured`: there is no receiver, or no secret."""


@dataclass(frozen=True)
class Result:
    """How an attempt ended."""

    outcome: Outcome
    status: int | None = None
    error: str | None = None
    """In words, without the URL; None if the message was delivered."""

    retry_after: float = 0
    """For how many seconds the receiver wants to be left alone."""

    is_final: bool = False
    """Whether no later attempt can succeed."""


async def send(
    endpoint: Endpoint, message_id: str, now: float, seconds: float = ATTEMPT_SECONDS
) -> Result:
    """Send a message once, and return how that ended."""
    body = endpoint.payload.encode()
    headers = signed_headers(endpoint.keys, message_id, int(now), body)
    try:
        async with asyncio.timeout(seconds):
            response = await endpoint.session.post(
                endpoint.url,
                data=body,
                headers={"Content-Type": "application/json"} | headers,
                allow_redirects=False,
            )
    except TimeoutError:
        return Result("timeout", error=f"no response in {seconds:g} seconds")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return _unreachable(error)
    try:
        await _discard(response)
    finally:
        response.release()  # closes a connection whose body was not read to its end
    return _result(response)


def _result(response: aiohttp.ClientResponse) -> Result:
    status = response.status
    if 200 <= status < 300:
        return Result("delivered", status)
    if 300 <= status < 400:
        return Result("redirected", status, f"status {status}: redirects are not followed")
    asked = response.headers.get("Retry-After", "")
    seconds = float(asked) if asked.isascii() and asked.isdecimal() else 0.0
    return Result("refused", status, f"status {status}", seconds, is_final=status == GONE)


async def _discard(response: aiohttp.ClientResponse) -> None:
    left = DISCARD_BYTES
    with suppress(aiohttp.ClientError, TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            while left > 0 and (chunk := await response.content.read(left)):
                left -= len(chunk)


def _unreachable(error: Exception) -> Result:
    """Return the result of an error of the connection. The texts of aiohttp may have the URL."""
    cause = getattr(error, "os_error", error)
    if isinstance(cause, ForbiddenAddressError):
        return Result("forbidden", error=str(cause.strerror))
    why = getattr(cause, "strerror", None) or type(cause).__name__
    return Result("unreachable", error=f"the receiver cannot be reached: {why}")
