"""The page's files, as the gateway serves them."""

import gzip
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import httpx2
import pytest
from aiohttp import web

from tests.playground.places import STATIC
from tintype_gateway.http.handlers.playground import routes
from tintype_gateway.http.middleware import add_headers, enveloped, observed
from tintype_testing.gateway_process import running_process
from tintype_testing.http import http_client

NAMES = sorted(path.name for path in STATIC.iterdir())

MOST_BYTES = 60_000
"""What the whole page may weigh on the wire."""


@pytest.fixture
async def site() -> AsyncIterator[httpx2.AsyncClient]:
    """The page behind the gateway's own middleware."""
    app = web.Application(middlewares=[observed, enveloped])
    app.on_response_prepare.append(add_headers)
    app.add_routes(routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with http_client(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
        yield http
    await runner.cleanup()


async def test_the_page_may_load_and_ask_nothing_but_its_own_gateway(
    site: httpx2.AsyncClient,
) -> None:
    for path in ("/", "/playground/main.js"):
        headers = (await site.get(path)).headers
        policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
        assert policy == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": "'self' blob: data:",
            "connect-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/playground/main.js", "text/javascript; charset=utf-8"),
        ("/playground/base.css", "text/css; charset=utf-8"),
        ("/playground/icon.svg", "image/svg+xml; charset=utf-8"),
    ],
)
async def test_each_file_says_what_it_is(
    site: httpx2.AsyncClient, path: str, content_type: str
) -> None:
    response = await site.get(path)

    assert (response.status_code, response.headers["content-type"]) == (200, content_type)


async def test_a_browser_asks_whether_a_file_changed_and_gets_it_once(
    site: httpx2.AsyncClient,
) -> None:
    first = await site.get("/playground/main.js")
    again = await site.get("/playground/main.js", headers={"If-None-Match": first.headers["etag"]})
    other = await site.get("/playground/main.js", headers={"If-None-Match": 'W/"other"'})

    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["content-security-policy"]
    assert other.status_code == 200


async def test_a_visit_fills_no_access_log(
    site: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "tintype.access"):
        for path in ("/", "/playground/main.js", "/playground/missing.js"):
            await site.get(path)

    told = [record for record in caplog.records if record.name == "tintype.access"]
    assert [vars(record)["status"] for record in told] == [404]


async def test_what_is_not_there_is_the_apis_own_404(site: httpx2.AsyncClient) -> None:
    for path in ("/playground/index.html", "/playground/..%2fserving.py", "/playground/"):
        response = await site.get(path)
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "unknown_url"


def test_the_playground_can_be_disabled(tmp_path: Path) -> None:
    with (
        running_process(tmp_path, "--no-playground") as gateway,
        pytest.raises(HTTPError, match="404") as refused,
    ):
        urlopen(f"{gateway.url}/", timeout=60)  # noqa: S310 - loopback
    refused.value.close()


def test_no_file_has_an_address_of_somebody_else() -> None:
    for path in STATIC.iterdir():
        addresses = re.findall(r"https?://[^\s'\"]+", path.read_text())
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}, path.name


def test_no_script_or_style_stands_in_the_page_itself() -> None:
    page = (STATIC / "index.html").read_text()

    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", page) == []


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".js")])
def test_no_module_writes_markup(name: str) -> None:
    text = (STATIC / name).read_text()

    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text) == []


def test_the_page_is_light() -> None:
    weight = sum(len(gzip.compress(path.read_bytes())) for path in STATIC.iterdir())

    assert weight < MOST_BYTES


async def test_files_are_compressed_for_who_wants_it(site: httpx2.AsyncClient) -> None:
    response = await site.get("/playground/parts.css", headers={"Accept-Encoding": "gzip"})

    assert response.headers["content-encoding"] == "gzip"
    assert response.text == (STATIC / "parts.css").read_text()
