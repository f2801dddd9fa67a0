"""The time of a provider is what the gateway waited for it: nothing else counts."""

import base64
import io
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image

from tintype_catalog.addresses import Egress, Reach
from tintype_gateway.dialects.openai import images as openai_images
from tintype_gateway.upstream import exchange, transport
from tintype_gateway.upstream.passthrough import PassThrough
from tintype_gateway.upstream.sessions import open_session
from tintype_gateway.values.images import CallResult, PassingImage
from tintype_gateway.values.upstream import Timeouts, UpstreamRequest
from tintype_testing.builders import plan

SECOND = 1_000_000_000


class Clock:
    """A clock that moves only where a test says so."""

    now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (transport, exchange):
        monkeypatch.setattr(module, "perf_counter_ns", clock)
    return clock


async def called(
    respond: Callable[[web.Request], web.StreamResponse], through: PassThrough | None = None
) -> AsyncIterator[object]:
    """Yield the events of a call to a server that responds so."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return respond(request)

    app = web.Application()
    app.router.add_post("/", handler)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    request = UpstreamRequest(str(server.make_url("/")), {}, b"{}")
    async with open_session(Egress(Reach.LOOPBACK)) as session:
        limits = Timeouts(60, 60, 60)
        async for event in transport.call(request, openai_images, session, limits, through):
            yield event
    await server.close()


def milliseconds(events: Sequence[object]) -> int:
    result = events[-1]
    assert isinstance(result, CallResult)
    return result.milliseconds


async def test_a_second_of_the_provider_counts(clock: Clock) -> None:
    def respond(request: web.Request) -> web.Response:
        clock.now += 3 * SECOND
        return web.json_response({"data": [{"b64_json": "YQ=="}]})

    assert milliseconds([event async for event in called(respond)]) == 3000


async def test_the_seconds_of_a_slow_client_do_not(clock: Clock) -> None:
    file = io.BytesIO()
    Image.effect_noise((640, 640), 90).save(file, "png")
    body = {"data": [{"b64_json": base64.b64encode(file.getvalue()).decode()}]}

    def respond(request: web.Request) -> web.Response:
        clock.now += 3 * SECOND
        return web.json_response(body)

    async def fall_back(images: int) -> None:
        raise AssertionError

    through = PassThrough(openai_images.FIRST_IMAGE, plan(), fall_back)
    events = []
    async for event in called(respond, through):
        if isinstance(event, PassingImage):
            async for _ in event.pieces:
                clock.now += 100 * SECOND
        events.append(event)

    assert len(events) == 2
    assert milliseconds(events) == 3000


async def test_the_seconds_between_the_events_of_a_stream_do_not(clock: Clock) -> None:
    event = 'data: {"type": "image_generation.%s", "b64_json": "YQ=="}\n\n'

    def respond(request: web.Request) -> web.Response:
        clock.now += 3 * SECOND
        body = event % "partial_image" + event % "completed"
        return web.Response(text=body, content_type="text/event-stream")

    events = []
    async for received in called(respond):
        clock.now += 100 * SECOND
        events.append(received)

    assert len(events) == 2
    assert milliseconds(events) == 3000
