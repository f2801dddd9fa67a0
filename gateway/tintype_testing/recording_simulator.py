"""The simulated providers, and the credentials that each call to them carries."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

from tintype_simulator.app import create_app


@dataclass
class RecordingSimulator:
    """Where it listens, and what it was shown. The simulator itself tells nobody of keys."""

    url: str = ""
    authorizations: list[str] = field(default_factory=list)

    @property
    def last_key(self) -> str:
        """The bearer key of the last call."""
        return self.authorizations[-1].removeprefix("Bearer ") if self.authorizations else ""

    @web.middleware
    async def record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        shown = request.headers.get("Authorization") or request.headers.get("x-goog-api-key")
        if shown is not None:
            self.authorizations.append(shown)
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
