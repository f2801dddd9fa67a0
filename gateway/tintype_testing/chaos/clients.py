"""Clients that read every response, and record those that the API does not document."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp

from tintype_gateway.api.openapi.errors import FAULTS
from tintype_testing.chaos.plan import PlannedRequest
from tintype_testing.fleet import Fleet

REPEATS = 3
"""How often a client repeats a request with an idempotency key after an aborted response."""

UNAVAILABLE_PAUSE_SECONDS = 0.05
"""The pause of a client after a refused connection."""


End = Literal["complete", "unavailable", "aborted"]
"""The result of a request: a complete response, a refused connection, or an aborted response."""


@dataclass(frozen=True)
class Complete:
    """A complete response."""

    request: PlannedRequest
    request_id: str
    charged: int
    images: int


@dataclass
class Tally:
    """The results of all clients."""

    complete: list[Complete] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    aborted: int = 0
    """Requests with an aborted response, so that it is unknown whether they were charged."""

    def note(self, request: PlannedRequest, response: aiohttp.ClientResponse, body: bytes) -> str:
        """Record a complete response, and return its status and error code."""
        error = None
        if response.status != 200:
            error = json.loads(body)["error"]
        elif request.fields.get("stream"):
            error = self._note_stream(request, response, body)
        else:
            document = json.loads(body)
            self._note_complete(
                request, response, document["usage"]["credits_used"], document["data"]
            )
        code = error["code"] if error else "complete"
        self.statuses[f"{response.status} {code}"] += 1
        if error and not _is_documented(response.status, code):
            self.unexplained.append(f"{request}: {response.status} {error}")
        return f"{response.status} {code}"

    def _note_stream(
        self, request: PlannedRequest, response: aiohttp.ClientResponse, body: bytes
    ) -> dict[str, Any] | None:
        """Record the images of a stream, and return the error at its end, if there is one."""
        frames = [frame for frame in body.split(b"\n\n") if frame.startswith(b"event:")]
        events = [json.loads(frame.split(b"\ndata: ", 1)[1]) for frame in frames]
        images = [event for event in events if event["type"].endswith(".completed")]
        charged = sum(event["usage"]["credits_used"] for event in images)
        self._note_complete(request, response, charged, images)
        errors = [event["error"] for event in events if event["type"] == "error"]
        is_whole = bool(errors) or len(images) == request.fields.get("n", 1)
        if not body.endswith(b"\n\n") or not is_whole:
            self.unexplained.append(f"{request}: half a stream that looks whole")
        return errors[0] if errors else None

    def _note_complete(
        self,
        request: PlannedRequest,
        response: aiohttp.ClientResponse,
        charged: int,
        images: list[Any],
    ) -> None:
        if images:
            delivered = sum(not image["flagged"] for image in images)
            self.urls += [image["url"] for image in images if image.get("url")]
            request_id = response.headers["x-request-id"]
            self.complete.append(Complete(request, request_id, charged, delivered))


@dataclass
class Incarnations:
    """The running gateways, and how often each was stopped."""

    present: set[int]
    ended: Counter[int] = field(default_factory=Counter)

    def end(self, index: int) -> None:
        self.present.discard(index)
        self.ended[index] += 1

    def incarnation(self, index: int) -> int | None:
        """Return the current incarnation of a gateway, None while it does not run."""
        return self.ended[index] if index in self.present else None


@dataclass
class Client:
    """Sends one request after the other, to each gateway in turn."""

    fleet: Fleet
    incarnations: Incarnations
    http: aiohttp.ClientSession
    tally: Tally

    async def run(self, planned_requests: Iterator[PlannedRequest], until: asyncio.Event) -> None:
        while not until.is_set():
            await self._send_until_complete(next(planned_requests))

    async def _send_until_complete(self, request: PlannedRequest) -> None:
        repeats = REPEATS if request.idempotency_key else 1
        turn = request.number
        while repeats:
            end = await self._send(request, turn % len(self.fleet.urls))
            if end == "complete":
                return
            if end == "unavailable":
                await asyncio.sleep(UNAVAILABLE_PAUSE_SECONDS)
            else:
                repeats -= 1
            turn += 1

    async def _send(self, request: PlannedRequest, index: int) -> End:
        incarnation = self.incarnations.incarnation(index)
        headers = {"Idempotency-Key": key} if (key := request.idempotency_key) else {}
        url = f"{self.fleet.urls[index]}/v1/images/generations"
        try:
            async with self.http.post(url, json=request.body, headers=headers) as response:
                self.tally.note(request, response, await response.read())
        except aiohttp.ClientError as error:
            unavailable = isinstance(error, aiohttp.ClientConnectorError)
            if incarnation is not None and incarnation == self.incarnations.incarnation(index):
                self.tally.unexplained.append(f"{request}: {error!r}")
            self.tally.statuses["unavailable" if unavailable else "aborted"] += 1
            self.tally.aborted += not unavailable
            return "unavailable" if unavailable else "aborted"
        return "complete"


def _is_documented(status: int, code: str) -> bool:
    """Return whether the API documents this code for this status or for the end of a stream."""
    if status == 200:
        return any(code in fault.codes for fault in FAULTS.values())
    return status in FAULTS and code in FAULTS[status].codes
