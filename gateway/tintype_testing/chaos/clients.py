"""Clients that read every answer to its end, and note whatever nobody has promised them."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp

from tintype_gateway.api.openapi.errors import FAULTS
from tintype_testing.chaos.plan import Ask
from tintype_testing.fleet import Fleet

REPEATS = 3
"""How often a client sends a request with an idempotency key whose answer broke off."""

ABSENT_SECONDS = 0.05
"""The pause of a client that found nobody at home."""


End = Literal["answered", "absent", "broken"]
"""A request was answered, found nobody to take it, or its answer broke off."""


@dataclass(frozen=True)
class Complete:
    """An answer that arrived as a whole."""

    ask: Ask
    request_id: str
    charged: int
    images: int


@dataclass
class Tally:
    """What all clients saw."""

    complete: list[Complete] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    broken: int = 0
    """Requests whose answer broke off, so that nobody knows whether they were charged."""

    def note(self, ask: Ask, answer: aiohttp.ClientResponse, body: bytes) -> str:
        """Note an answer that arrived as a whole, and return its status and error code."""
        error = None
        if answer.status != 200:
            error = json.loads(body)["error"]
        elif ask.fields.get("stream"):
            error = self._note_stream(ask, answer, body)
        else:
            document = json.loads(body)
            self._note_complete(ask, answer, document["usage"]["credits_used"], document["data"])
        code = error["code"] if error else "complete"
        self.statuses[f"{answer.status} {code}"] += 1
        if error and not _is_documented(answer.status, code):
            self.unexplained.append(f"{ask}: {answer.status} {error}")
        return f"{answer.status} {code}"

    def _note_stream(
        self, ask: Ask, answer: aiohttp.ClientResponse, body: bytes
    ) -> dict[str, Any] | None:
        """Note the images of a stream, and return the error that it ended with, if it did."""
        frames = [frame for frame in body.split(b"\n\n") if frame.startswith(b"event:")]
        events = [json.loads(frame.split(b"\ndata: ", 1)[1]) for frame in frames]
        images = [event for event in events if event["type"].endswith(".completed")]
        charged = sum(event["usage"]["credits_used"] for event in images)
        self._note_complete(ask, answer, charged, images)
        errors = [event["error"] for event in events if event["type"] == "error"]
        is_whole = bool(errors) or len(images) == ask.fields.get("n", 1)
        if not body.endswith(b"\n\n") or not is_whole:
            self.unexplained.append(f"{ask}: half a stream that looks whole")
        return errors[0] if errors else None

    def _note_complete(
        self, ask: Ask, answer: aiohttp.ClientResponse, charged: int, images: list[Any]
    ) -> None:
        if images:
            delivered = sum(not image["flagged"] for image in images)
            self.urls += [image["url"] for image in images if image.get("url")]
            request_id = answer.headers["x-request-id"]
            self.complete.append(Complete(ask, request_id, charged, delivered))


@dataclass
class Lives:
    """Which gateways should be there, and how often each was taken away."""

    present: set[int]
    ended: Counter[int] = field(default_factory=Counter)

    def end(self, index: int) -> None:
        self.present.discard(index)
        self.ended[index] += 1

    def life(self, index: int) -> int | None:
        """Return which of its lives a gateway lives, None where it is not there."""
        return self.ended[index] if index in self.present else None


@dataclass
class Client:
    """Sends one request after the other, to each gateway in turn."""

    fleet: Fleet
    lives: Lives
    http: aiohttp.ClientSession
    tally: Tally

    async def run(self, asks: Iterator[Ask], until: asyncio.Event) -> None:
        while not until.is_set():
            await self._see_through(next(asks))

    async def _see_through(self, ask: Ask) -> None:
        repeats = REPEATS if ask.idempotency_key else 1
        turn = ask.number
        while repeats:
            end = await self._send(ask, turn % len(self.fleet.urls))
            if end == "answered":
                return
            if end == "absent":
                await asyncio.sleep(ABSENT_SECONDS)
            else:
                repeats -= 1
            turn += 1

    async def _send(self, ask: Ask, index: int) -> End:
        life = self.lives.life(index)
        headers = {"Idempotency-Key": key} if (key := ask.idempotency_key) else {}
        url = f"{self.fleet.urls[index]}/v1/images/generations"
        try:
            async with self.http.post(url, json=ask.body, headers=headers) as answer:
                self.tally.note(ask, answer, await answer.read())
        except aiohttp.ClientError as error:
            absent = isinstance(error, aiohttp.ClientConnectorError)
            if life is not None and life == self.lives.life(index):
                self.tally.unexplained.append(f"{ask}: {error!r}")
            self.tally.statuses["absent" if absent else "broken off"] += 1
            self.tally.broken += not absent
            return "absent" if absent else "broken"
        return "answered"


def _is_documented(status: int, code: str) -> bool:
    """Return whether an error may come as this status, or at the end of a stream."""
    if status == 200:
        return any(code in fault.codes for fault in FAULTS.values())
    return status in FAULTS and code in FAULTS[status].codes
