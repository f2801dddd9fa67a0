"""Images that a provider names by URLs are fetched from its own host only, within bounds."""

import asyncio
import base64
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.addresses import Egress, Reach
from tintype_gateway.upstream import fetched_images
from tintype_gateway.upstream.fetched_images import LARGE_BYTES, fetched, image_url
from tintype_gateway.upstream.sessions import open_session
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_gateway.values.upstream import UpstreamRequest

FOX = b"a fox"
LARGE = bytes(range(256)) * (LARGE_BYTES // 256)


@pytest.mark.parametrize(
    ("base", "named", "url"),
    [
        ("http://gpu:8000", "/v1/images/7/content", "http://gpu:8000/v1/images/7/content"),
        ("http://gpu:8000", "7.png?variant=1", "http://gpu:8000/7.png?variant=1"),
        ("http://proxy/gpu", "/v1/7", "http://proxy/gpu/v1/7"),
        ("http://gpu:8000", "http://gpu:8000/7.png", "http://gpu:8000/7.png"),
        ("http://gpu:8000", "http://GPU/7.png", "http://gpu:8000/7.png"),
        ("https://gpu", "http://gpu/7.png?a=b%20c", "https://gpu/7.png?a=b%20c"),
        ("http://[::1]:81", "http://[::1]/7%20.png", "http://[::1]:81/7%20.png"),
    ],
)
def test_the_url_of_an_image_is_on_the_origin_of_the_endpoint(
    base: str, named: str, url: str
) -> None:
    assert str(image_url(named, base)) == url


@pytest.mark.parametrize(
    "named",
    [
        *("http://other/7.png", "//other/7.png", "http://gpu:9000/7.png", "http://gpu.evil/7.png"),
        *("http://user@gpu:8000/7.png", "ftp://gpu:8000/7.png", "file:///etc/passwd"),
        *(
            "http://[gpu/7.png",
            "http://[]@",
            "http://gpu:99999/7.png",
            "http://169.254.169.254/latest",
        ),
    ],
)
def test_another_host_is_not_asked(named: str) -> None:
    with pytest.raises(UpstreamFault, match="cannot fetch it") as caught:
        image_url(named, "http://gpu:8000")
    assert caught.value.kind == "outcome_unknown"


@given(st.text(max_size=60))
def test_whatever_is_named_no_other_origin_is_asked(named: str) -> None:
    try:
        url = image_url(named, "https://gpu:8443/a")
    except UpstreamFault:
        return
    assert str(url.origin()) == "https://gpu:8443"


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    """Serve an image to callers with a key, and what is none."""

    async def fox(request: web.Request) -> web.Response:
        is_known = (
            request.headers.get("api-key") == "sk-1" and "Content-Type" not in request.headers
        )
        return web.Response(body=FOX, status=200 if is_known else 401)

    async def large(request: web.Request) -> web.Response:
        return web.Response(body=LARGE)

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound("/fox")

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(65536))
            await asyncio.sleep(0)  # after the client has left, nothing else lets it be told

    async def stuck(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    app = web.Application()
    for path, handler in [("/fox", fox), ("/moved", moved), ("/endless", endless)]:
        app.router.add_get(path, handler)
    app.router.add_get("/stuck", stuck)
    app.router.add_get("/large", large)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    yield server
    await server.close()


async def fetch(server: TestServer, *urls: str, seconds: float = 60) -> list[bytes]:
    base = str(server.make_url("/"))
    headers = {"api-key": "sk-1", "Content-Type": "application/json"}
    call = UpstreamRequest(f"{base}v1/images/generations", headers, b"{}", image_base=base)
    result = CallResult(tuple(GeneratedImage(b"", url=url) for url in urls), created=17)
    async with open_session(Egress(Reach.LOOPBACK)) as session:
        done = await fetched(result, call, session, seconds)
    assert done.created == 17
    assert all(image.url is None for image in done.images)
    return [base64.b64decode(image.base64) for image in done.images]


async def test_images_are_fetched_with_the_key_of_the_call(server: TestServer) -> None:
    assert await fetch(server, "/fox", str(server.make_url("/fox"))) == [FOX, FOX]


async def test_a_large_image_is_fetched_beside_a_small_one(server: TestServer) -> None:
    assert await fetch(server, "/large", "/fox") == [LARGE, FOX]


@pytest.mark.parametrize("path", ["/gone", "/moved"])
async def test_what_is_not_there_is_a_fault(server: TestServer, path: str) -> None:
    with pytest.raises(UpstreamFault, match="status") as caught:
        await fetch(server, path)
    assert caught.value.kind == "outcome_unknown"


async def test_an_image_has_a_greatest_size(
    server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetched_images, "MAX_BYTES", 1_000_000)

    with pytest.raises(UpstreamFault, match="more than 1000000 bytes"):
        await fetch(server, "/endless")


async def test_images_have_a_greatest_size_together(
    server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetched_images, "MAX_BYTES", 9)

    with pytest.raises(UpstreamFault, match="more than 9 bytes"):
        await fetch(server, "/fox", "/fox")


async def test_an_image_may_not_take_longer_than_the_call(server: TestServer) -> None:
    with pytest.raises(UpstreamFault, match="TimeoutError"):
        await fetch(server, "/stuck", seconds=0.05)


async def test_an_image_without_a_url_is_left_as_it_is(server: TestServer) -> None:
    call = UpstreamRequest(str(server.make_url("/")), {}, b"")
    result = CallResult((GeneratedImage(b"YQ=="),))
    async with open_session(Egress(Reach.LOOPBACK)) as session:
        assert await fetched(result, call, session, 60) == result
