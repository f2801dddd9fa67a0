"""The dialect of an imaginary provider that is polled, and the provider itself.

POST /jobs        {"text": ...}   201 {"job": "j1", "watch": URL, "stop": URL}
GET  /jobs/j1     200 {"state": "queued" | "ready" | "refused" | ..., "file": URL | data URL}
                  or {"state": "ready", "at": URL}, whose response has the "file"
POST /jobs/j1/stop
GET  /files/j1    the image
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from aiohttp import web

from tintype_gateway.dialects.common import MALFORMED, malformed, plain_base64, required
from tintype_gateway.faults import SUMMARIES, kind_of_status
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.tasks import Done, Task, TaskCancel, Waiting
from tintype_gateway.values.upstream import UpstreamRequest, UpstreamResponse

FIRST_IMAGE = None
API_HOSTS = ("api.polled.test",)
RESULT_HOSTS: tuple[str, ...] = ("files.polled.test",)


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    base = (route.binding.endpoint or "https://api.polled.test").rstrip("/")
    return UpstreamRequest(
        url=f"{base}/jobs",
        headers={"X-Key": required(credentials, "api-key"), "Content-Type": "application/json"},
        body=json.dumps({"text": job.prompt}).encode(),
        image_hosts=RESULT_HOSTS,
    )


def accepted(response: UpstreamResponse) -> Task:
    try:
        job = json.loads(response.body)
        stop = TaskCancel("POST", job["stop"]) if job.get("stop") else None
        return Task(job["job"], job["watch"], stop, Decimal("0.02"))
    except MALFORMED as error:
        raise malformed() from error


def progress(response: UpstreamResponse, task: Task) -> Waiting | Done:
    try:
        document = json.loads(response.body)
        state = document.get("state")
    except MALFORMED:
        return Waiting()
    if state == "ready":
        return Done(document.get("at"))
    if state == "refused":
        raise UpstreamFault("refused", "no foxes", charged=True)
    if state == "busy":
        raise UpstreamFault("throttled", SUMMARIES["throttled"])
    return Waiting()


def interpret(response: UpstreamResponse) -> CallResult:
    try:
        file = json.loads(response.body)["file"]
        if file.startswith("data:"):
            return CallResult((GeneratedImage(plain_base64(file)),))
        return CallResult((GeneratedImage(b"", url=file),))
    except MALFORMED as error:
        raise malformed() from error


def read_error(response: UpstreamResponse) -> UpstreamFault:
    kind = kind_of_status(response.status, own_envelope=False)
    return UpstreamFault(kind, SUMMARIES[kind])


JOB = "{url}/jobs/j1"


class Other(NamedTuple):
    """A response other than JSON of status 200."""

    status: int
    text: str = ""
    headers: Mapping[str, str] = {}


class Cut(NamedTuple):
    """A connection that breaks in the place of a response."""


Reply = Mapping[str, Any] | Other | Cut | asyncio.Event
"""A JSON body of status 200, another response, or what is waited for before the next one."""


@dataclass
class Provider:
    """Accepts one job after another, and responds to its polls with these replies, in turn.

    The last reply is that to all further polls. `{url}` in a text is the provider's URL.
    """

    polls: list[Reply]
    image: bytes
    job: dict[str, Any] = field(
        default_factory=lambda: {
            "job": "j1",
            "watch": "{url}/jobs/j1",
            "stop": "{url}/jobs/j1/stop",
        }
    )
    submit_status: int = 201
    submitting: asyncio.Event | None = None
    """What is waited for before a job is accepted."""

    stopping: asyncio.Event | None = None
    """What is waited for before a job is stopped."""

    result: Other | None = None
    """The response at `/results/j1`, in place of the file."""

    file_failures: int = 0
    """How many times the file cannot be sent."""

    url: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Method and path of each request, and its headers."""

    seen_at: list[float] = field(default_factory=list)
    """When each request came, by the clock of the event loop."""

    def times(self, asked: str) -> list[float]:
        """Return when the requests of this method and path came."""
        return [at for (line, _), at in zip(self.asked, self.seen_at, strict=True) if line == asked]

    def count(self, *asked: str) -> int:
        """Return the number of requests of this method and path."""
        return sum(line in asked for line, _ in self.asked)

    def headers(self, asked: str) -> list[dict[str, str]]:
        """Return the headers of all requests of this method and path, with names in lower case."""
        return [headers for line, headers in self.asked if line == asked]

    @web.middleware
    async def log(self, request: web.Request, handler: Any) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((f"{request.method} {request.path}", headers))
        self.seen_at.append(asyncio.get_running_loop().time())
        response: web.StreamResponse = await handler(request)
        return response

    async def submit(self, request: web.Request) -> web.Response:
        if self.submitting is not None:
            await self.submitting.wait()
        return self._json(self.job, self.submit_status)

    async def poll(self, request: web.Request) -> web.StreamResponse:
        while isinstance(reply := self._next(), asyncio.Event):
            await reply.wait()
        if isinstance(reply, Cut):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return self._json(reply) if isinstance(reply, Mapping) else _sent(reply)

    async def stop(self, request: web.Request) -> web.Response:
        if self.stopping is not None:
            await self.stopping.wait()
        return web.Response()

    async def result_of(self, request: web.Request) -> web.Response:
        return _sent(self.result) if self.result else self._json({"file": "{url}/files/j1"})

    async def file(self, request: web.Request) -> web.Response:
        self.file_failures -= 1
        if self.file_failures >= 0:
            raise web.HTTPBadGateway
        return web.Response(body=self.image, content_type="image/png")

    def _next(self) -> Reply:
        return self.polls.pop(0) if len(self.polls) > 1 else self.polls[0]

    def _json(self, document: Mapping[str, Any], status: int = 200) -> web.Response:
        text = json.dumps(document).replace("{url}", self.url)
        return web.Response(text=text, status=status, content_type="application/json")


def _sent(reply: Other) -> web.Response:
    return web.Response(status=reply.status, text=reply.text, headers=reply.headers)


@asynccontextmanager
async def running(provider: Provider) -> AsyncIterator[Provider]:
    """Serve a provider on loopback."""
    app = web.Application(middlewares=[provider.log])
    app.add_routes(
        [
            web.post("/jobs", provider.submit),
            web.get("/jobs/j1", provider.poll),
            web.post("/jobs/j1/stop", provider.stop),
            web.get("/results/j1", provider.result_of),
            web.get("/files/j1", provider.file),
        ]
    )
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield provider
    finally:
        await runner.cleanup()
