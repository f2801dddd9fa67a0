"""What one provider's protocol is made of: handlers that turn a request into an `Answer`.

A handler decides and does not send: faults, delays and the log of requests work on answers, so no
dialect has to know them.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TypeVar, TypeVarTuple

from aiohttp import web

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

PAINTERS = web.AppKey("painters", Executor)
"""The threads that paint: an event loop must not wait for an image."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer that is not sent yet."""

    status: int
    body: bytes | AsyncIterator[bytes]
    """The whole body, or the frames of a stream in the order they are sent."""

    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[web.Request], Awaitable[Answer]]


def claims_nothing(request: web.Request) -> bool:
    """Return False: where paths are shared, such a dialect gets what no other one claims."""
    return False


@dataclass(frozen=True)
class Dialect:
    """One provider's protocol."""

    provider: str
    """Stands before the names of its errors where a fault asks for one: `openai/server_error`."""

    routes: tuple[tuple[str, str, Handler], ...]
    """HTTP method, path as aiohttp's router reads it, and handler."""

    errors: Mapping[str, Answer]
    """The provider's table of errors, for scripted faults."""

    standing_headers: Callable[[float], dict[str, str]]
    """The headers that every answer carries, given the seconds that it took."""

    claims: Callable[[web.Request], bool] = claims_nothing
    """Whether a request is surely for this provider, where another one has the same path. What
    nobody claims goes to the first dialect of the list."""


def json_answer(value: object, status: int = 200) -> Answer:
    """Return `value` as a JSON body."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return Answer(status, body, {"content-type": "application/json"})


async def in_painters(
    request: web.Request, work: Callable[[*Arguments], T], *arguments: *Arguments
) -> T:
    """Return what `work` returns, having run it on the painters' threads."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(request.app[PAINTERS], work, *arguments)
