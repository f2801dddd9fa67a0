"""A provider that speaks OpenAI's stream word for word as a test says, and stops where it says."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tintype_testing.sample_images import sample_image

IMAGE = sample_image("png", 256, 256).decode()
COMPLETED = "image_generation.completed"
PARTIAL = "image_generation.partial_image"
USAGE = {"input_tokens": 8, "output_tokens": 272, "total_tokens": 280}

Step = bytes | asyncio.Event
"""What is written, or what is waited for before the next is."""


@dataclass
class Script:
    """The response to one call."""

    steps: Sequence[Step] = ()
    status: int = 200
    content_type: str = "text/event-stream"
    content_length: int | None = None
    """What the head promises; None: nothing."""

    before: asyncio.Event | None = None
    """What is waited for before the head is sent."""

    cut: bool = False
    """Whether the connection breaks off after the last step."""


@dataclass
class ScriptedProvider:
    """Responds to its calls with these scripts, in turn."""

    url: str = ""
    scripts: list[Script] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    """The bodies of its requests."""

    left: int = 0
    """How many callers closed the connection before the end of their script."""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        script = self.scripts[len(self.bodies)]
        self.bodies.append(await request.json())
        try:
            return await self._play(request, script)
        except (asyncio.CancelledError, ConnectionError):
            self.left += 1
            raise

    async def _play(self, request: web.Request, script: Script) -> web.StreamResponse:
        if script.before is not None:
            await script.before.wait()
        response = web.StreamResponse(
            status=script.status, headers={"Content-Type": script.content_type}
        )
        response.content_length = script.content_length
        await response.prepare(request)
        for step in script.steps:
            if isinstance(step, asyncio.Event):
                await step.wait()
            else:
                await response.write(step)
        if script.cut and request.transport is not None:
            request.transport.abort()
        return response


@asynccontextmanager
async def scripted(*scripts: Script) -> AsyncIterator[ScriptedProvider]:
    """Run a provider with these scripts."""
    provider = ScriptedProvider(scripts=list(scripts))
    app = web.Application(client_max_size=2**20)
    app.add_routes([web.post("/v1/images/generations", provider.serve)])
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()


def event(kind: str, **fields: Any) -> bytes:
    """Return an event in OpenAI's framing."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def partial_image(number: int = 0, base64: str = IMAGE) -> bytes:
    """Return the event of a preview."""
    return event(PARTIAL, b64_json=base64, created_at=17, partial_image_index=number)


def completed(base64: str = IMAGE, **fields: Any) -> bytes:
    """Return the event of a finished image."""
    return event(COMPLETED, b64_json=base64, created_at=18, usage=USAGE, **fields)
