"""Sends a dialect's responses, and damages them where a fault says so."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from aiohttp import web

from tintype_simulator.control.faults import DAMAGES, Fault, damaged_event
from tintype_simulator.control.received import ReceivedBody, received_body
from tintype_simulator.control.routes import Control
from tintype_simulator.dialect import Dialect, Handler, SimulatedResponse, in_painters
from tintype_simulator.worker import Worker

LARGE_BODY_BYTES = 256 * 1024
"""From this size on a body is not parsed on the event loop."""

Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


def serving(
    handler: Handler,
    dialect: Dialect,
    control: Control,
    latency_seconds: float,
    worker: Worker | None = None,
) -> Serve:
    """Return the handler as an aiohttp handler that applies log, latency and faults.

    Args:
        handler: What responds.
        dialect: The provider whose handler it is.
        control: The scripted faults, and the log.
        latency_seconds: How much longer each response takes.
        worker: Runs the handler, and its latency, in turn with others; None runs it at once.
    """

    async def work(request: web.Request, fault: Fault) -> SimulatedResponse:
        await asyncio.sleep(latency_seconds + fault.delay_seconds)
        return await faulty(handler, request, fault)

    async def serve(request: web.Request) -> web.StreamResponse:
        started = time.monotonic()
        control.record(request, await received(request))
        fault = control.fault_for(request)
        job = work(request, fault)
        response = await (worker.run(job) if worker else job)
        standing = dialect.standing_headers(time.monotonic() - started)
        headers = {**standing, **response.headers, **fault.headers}
        return await send(request, replace(response, headers=headers), fault.cut_after_bytes)

    return serve


async def received(request: web.Request) -> ReceivedBody:
    """Return the body as the log shows it; a large one is read on the painters' threads."""
    content_type, body = request.headers.get("content-type", ""), await request.read()
    if len(body) < LARGE_BODY_BYTES:
        return received_body(content_type, body)
    return await in_painters(request, received_body, content_type, body)


async def faulty(handler: Handler, request: web.Request, fault: Fault) -> SimulatedResponse:
    """Return the handler's response with the fault applied, or the fault's own."""
    if fault.response and fault.after_frames is None:
        return fault.response
    response = await handler(request)
    if isinstance(response.body, bytes):
        spoiled = DAMAGES[fault.damage](response.body) if fault.damage else response.body
        return replace(response, body=spoiled)
    frames = damaged(response.body, fault.damage) if fault.damage else response.body
    if fault.response and fault.after_frames is not None:
        frames = interrupted(frames, fault.after_frames, fault.response)
    return replace(response, body=frames)


async def damaged(frames: AsyncIterator[bytes], damage: str) -> AsyncIterator[bytes]:
    """Yield the events of a stream, damaged."""
    async for frame in frames:
        yield damaged_event(frame, damage)


async def interrupted(
    frames: AsyncIterator[bytes], after_frames: int, error: SimulatedResponse
) -> AsyncIterator[bytes]:
    """Yield the first frames of a stream of events, and the error's body as its last event."""
    passed = 0
    async for frame in frames:
        if passed == after_frames:
            break
        yield frame
        passed += 1
    async for part in parts(error):
        yield b"data: " + part + b"\n\n"


async def parts(response: SimulatedResponse) -> AsyncIterator[bytes]:
    """Yield the body of a response as it is sent."""
    if isinstance(response.body, bytes):
        yield response.body
    else:
        async for frame in response.body:
            yield frame


async def first_bytes(body: AsyncIterator[bytes], count: int | None) -> AsyncIterator[bytes]:
    """Yield a body up to `count` bytes, or all of it."""
    async for part in body:
        yield part[:count]
        if count is not None:
            count = max(0, count - len(part))
            if count == 0:
                return


async def send(
    request: web.Request, simulated: SimulatedResponse, cut_after_bytes: int | None
) -> web.StreamResponse:
    """Send the response; where it is cut, its Content-Length is still that of the whole body."""
    response = web.StreamResponse(status=simulated.status, headers=simulated.headers)
    if isinstance(simulated.body, bytes):
        response.content_length = len(simulated.body)
    with suppress(ConnectionError):  # the client left
        await response.prepare(request)
        async for part in first_bytes(parts(simulated), cut_after_bytes):
            await response.write(part)
    if cut_after_bytes is not None and request.transport:
        request.transport.close()
    return response
