"""The simulated providers, and everything that each call to them carries."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

from tintype_simulator.app import create_app
from tintype_simulator.multipart import Part, parse_multipart


@dataclass(frozen=True)
class RecordedCall:
    """One call to a provider, as it came over the wire."""

    path: str
    content_type: str
    content_length: int | None
    """The header; None where the body came in chunks."""

    body: bytes
    headers: Mapping[str, str] = field(repr=False)
    """All headers, whose names are read in any case."""

    @property
    def parts(self) -> list[Part]:
        """The parts of a form, in their order, with the bytes of its files."""
        return parse_multipart(self.content_type, self.body)


@dataclass
class RecordingSimulator:
    """Where the simulator listens, and what it received, credentials included."""

    url: str = ""
    authorizations: list[str] = field(default_factory=list)
    calls: list[RecordedCall] = field(default_factory=list)

    @property
    def last_key(self) -> str:
        """The bearer key of the last call."""
        return self.authorizations[-1].removeprefix("Bearer ") if self.authorizations else ""

    @web.middleware
    async def record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        shown = request.headers.get("Authorization") or request.headers.get("x-goog-api-key")
        if shown is not None:
            self.authorizations.append(shown)
        content_type = request.headers.get("content-type", "")
        body, length = await request.read(), request.content_length
        self.calls.append(RecordedCall(request.path, content_type, length, body, request.headers))
        return await handler(request)


@asynccontextmanager
async def recording_simulator() -> AsyncIterator[RecordingSimulator]:
    """Serve the simulator while the block runs."""
    recording, app = RecordingSimulator(), create_app()
    app.middlewares.append(recording.record)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        recording.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield recording
    finally:
        await runner.cleanup()
