"""Images at URLs are fetched from public https servers only, within bounds, without redirects."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tintype_catalog.addresses import Egress, Reach
from tintype_gateway.errors import BadRequestError, GatewayError, PayloadTooLargeError
from tintype_gateway.runtime.spool import Spools, SpoolWriter
from tintype_gateway.upstream.egress import guarded_sockets
from tintype_gateway.upstream.image_urls import MAX_URL_CHARACTERS, ImageFetcher
from tintype_gateway.upstream.sessions import open_session
from tintype_testing.certificates import self_signed

FOX = b"a fox" * 100_000
MAX_BYTES = 1_000_000


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    folder = tmp_path_factory.mktemp("tls")
    names = "-addext subjectAltName=IP:127.0.0.1"
    return folder / "certificate.pem", asyncio.run(self_signed(folder, names))


@pytest.fixture
async def host(certificates: tuple[Path, ssl.SSLContext]) -> AsyncIterator[str]:
    """Serve images, and what are none, and yield the https URL of all of them."""
    app = web.Application()
    app.add_routes(
        [
            web.get("/fox.png", sending(body=FOX)),
            web.get("/moved.png", sending(status=302, headers={"Location": "/fox.png"})),
            web.get("/gone.png", sending(status=404, body=FOX)),
            web.get("/zipped.png", sending(body=FOX, headers={"Content-Encoding": "br"})),
            web.get("/large.png", sending(body=bytes(MAX_BYTES + 1))),
            web.get("/endless.png", endless),
            web.get("/stuck.png", stuck),
        ]
    )
    server = TestServer(app, scheme="https", host="127.0.0.1")
    await server.start_server(ssl=certificates[1])
    yield str(server.make_url("/")).rstrip("/")
    await server.close()


def sending(**options: Any) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def respond(request: web.Request) -> web.Response:
        return web.Response(**options)

    return respond


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(bytes(100_000))
        await asyncio.sleep(0)  # after the client has left, nothing else lets it be told


async def stuck(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"a")
    await asyncio.Event().wait()
    return response


@asynccontextmanager
async def fetching(certificate: Path | None, seconds: float = 20) -> AsyncIterator[ImageFetcher]:
    """Yield a fetcher that trusts a certificate, and may call this machine."""
    context = ssl.create_default_context(cafile=certificate)
    connector = aiohttp.TCPConnector(
        ssl=context, socket_factory=guarded_sockets(Egress(Reach.LOOPBACK))
    )
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        yield ImageFetcher(session, MAX_BYTES, seconds)


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[SpoolWriter]:
    spools = Spools(tmp_path, 2**30)
    async with spools.opened(2**30) as spool:
        yield SpoolWriter(spool)
    spools.close()


async def test_an_image_is_fetched(
    host: str, writer: SpoolWriter, certificates: tuple[Path, ssl.SSLContext]
) -> None:
    async with fetching(certificates[0]) as fetch:
        await fetch(f"{host}/fox.png", "mask.image_url", writer)

    content = await writer.finish()
    assert content.read(0, content.length) == FOX


@pytest.mark.parametrize(
    ("name", "error", "why"),
    [
        ("moved.png", BadRequestError, "redirects are not followed"),
        ("gone.png", BadRequestError, "could not be fetched"),
        ("zipped.png", BadRequestError, "could not be fetched"),
        ("large.png", PayloadTooLargeError, "at most 1000000 bytes"),
        ("endless.png", PayloadTooLargeError, "at most 1000000 bytes"),
    ],
)
async def test_a_response_without_an_image_within_the_limits_is_refused(
    host: str,
    writer: SpoolWriter,
    certificates: tuple[Path, ssl.SSLContext],
    name: str,
    error: type[GatewayError],
    why: str,
) -> None:
    async with fetching(certificates[0]) as fetch:
        with pytest.raises(error, match=why) as caught:
            await fetch(f"{host}/{name}", "mask.image_url", writer)

    assert caught.value.param == "mask.image_url"


async def test_an_image_that_does_not_come_in_time_is_given_up(
    host: str, writer: SpoolWriter, certificates: tuple[Path, ssl.SSLContext]
) -> None:
    async with fetching(certificates[0], seconds=0.5) as fetch:
        with pytest.raises(BadRequestError, match="could not be fetched"):
            await fetch(f"{host}/stuck.png", "mask.image_url", writer)


async def test_a_server_that_proves_nothing_is_refused(host: str, writer: SpoolWriter) -> None:
    async with fetching(None) as fetch:
        with pytest.raises(BadRequestError, match="could not be fetched"):
            await fetch(f"{host}/fox.png", "mask.image_url", writer)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "0",
        "a.invalid",
    ],
)
async def test_no_spelling_of_an_address_that_is_not_public_is_called(
    host: str, writer: SpoolWriter, address: str
) -> None:
    port = host.rpartition(":")[2]
    async with open_session(Egress(Reach.PUBLIC)) as session:
        fetch = ImageFetcher(session, MAX_BYTES)
        with pytest.raises(BadRequestError, match="could not be fetched") as caught:
            await fetch(f"https://{address}:{port}/fox.png", "mask.image_url", writer)

    assert (caught.value.code, caught.value.param) == ("invalid_image_url", "mask.image_url")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/", "must be an https URL"),
        ("https://", "must be an https URL"),
        ("https:///fox.png", "must be an https URL"),
        ("https://user@example.com/", "without a user"),
        ("https://:password@example.com/", "without a user"),
        ("https://example.com:port/", "must be an https URL"),
        ("https://[::1/", "must be an https URL"),
        ("https://[::1]@", "must be an https URL"),
        ("https://example.com/" + "a" * MAX_URL_CHARACTERS, "at most 4096 characters"),
        ("https://" + "a" * 64 + ".example/", "could not be fetched"),
    ],
)
async def test_an_unusable_url_is_refused(writer: SpoolWriter, url: str, why: str) -> None:
    async with open_session(Egress(Reach(0))) as session:
        with pytest.raises(BadRequestError, match=why):
            await ImageFetcher(session, MAX_BYTES)(url, "mask.image_url", writer)
