"""One provider's protocol: handlers that turn a request into a `SimulatedResponse`.

A handler decides and does not send. Faults, delays and the log of requests work on responses, so
that no dialect deals with them.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import TypeVar, TypeVarTuple

from aiohttp import web

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

PAINTERS = web.AppKey("painters", Executor)
"""The threads that paint: an event loop must not wait for an image."""


@dataclass(frozen=True)
class SimulatedResponse:
    """An HTTP response that is not sent yet."""

    status: int
    body: bytes | AsyncIterator[bytes]
    """The whole body, or the frames of a stream in the order they are sent."""

    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[web.Request], Awaitable[SimulatedResponse]]


def claims_nothing(request: web.Request) -> bool:
    """Return False: of a shared path, the dialect gets what no other dialect claims."""
    return False


@dataclass(frozen=True)
class Dialect:
    """One provider's protocol."""

    provider: str
    """The prefix of its errors in a fault: `openai/server_error`."""

    routes: tuple[tuple[str, str, Handler], ...]
    """HTTP method, path as aiohttp's router reads it, and handler."""

    errors: Mapping[str, SimulatedResponse]
    """The provider's table of errors, for scripted faults."""

    standing_headers: Callable[[float], dict[str, str]]
    """The headers of every response, given the seconds that it took."""

    claims: Callable[[web.Request], bool] = claims_nothing
    """Whether a request is surely for this provider, where another one has the same path. A request
    that no dialect claims goes to the first one of the list."""

    one_job_at_a_time: bool = False
    """Whether a `POST` waits for those before it, and goes on after its client left."""


def mounted(folder: str, dialect: Dialect) -> Dialect:
    """Return a dialect with its paths below `/FOLDER/` and its name."""
    base = f"/{folder}/{dialect.provider}"
    routes = ((method, base + path, handler) for method, path, handler in dialect.routes)
    return replace(dialect, routes=tuple(routes))


def json_response(value: object, status: int = 200) -> SimulatedResponse:
    """Return `value` as a JSON body."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return SimulatedResponse(status, body, {"content-type": "application/json"})


async def in_painters(
    request: web.Request, work: Callable[[*Arguments], T], *arguments: *Arguments
) -> T:
    """Return what `work` returns, having run it on the painters' threads."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(request.app[PAINTERS], work, *arguments)
