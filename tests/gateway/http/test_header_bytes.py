"""Bytes that are no UTF-8 reach code as text with surrogates: wherever they stand, it is the
client's fault, and its response is text that every reader can decode."""

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.gateway.http.raw import Response, connected
from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.storage.links import Links
from tintype_testing.gateway import Gateway, canvas, running_gateway

TOKEN = "token-of-the-administrator"
BODY = b'{"model": "canvas", "prompt": "a red fox"}'

HEADERS = [
    *("Authorization", "Idempotency-Key", "Prefer", "X-Quantized-Provider", "X-Tintype-Provider"),
    *("X-Request-Id", "Traceparent", "Tracestate", "Baggage", "Range", "If-Range", "If-Match"),
    *("If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Accept", "Accept-Encoding"),
    *("Content-Type", "Content-Encoding", "Host", "Expect", "Cookie", "User-Agent", "Connection"),
    *("Upgrade", "Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"),
    *("Forwarded", "X-Forwarded-For", "Tintype-Profile"),
]
STARTS = [
    *(
        b"",
        b"Bearer ",
        b"Bearer sk-tintype-",
        b"Bearer a.b.",
        b"Basic ",
        b"handling=strict; ",
        b"W/",
    ),
    *(b"bytes=0-", b'"', b"application/json; charset=", b"gzip;q=", b"openai", b"http://"),
    *(b"Sat, 28 Nov 2026 00:00:00 GMT", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"),
]
BYTES = st.builds(
    lambda start, rest: start + rest,
    st.sampled_from(STARTS),
    st.lists(st.sampled_from([*range(0x20, 0x7F), *range(0x80, 0x100)]), max_size=12).map(bytes)
    | st.sampled_from(
        [b"\x93", b"\xff\xfe", "é".encode(), "\ud800".encode("utf-8", "surrogatepass")]
    ),
)
PATHS = [
    *("POST /v1/images/generations", "POST /v1/images/quote", "GET /v1/models", "GET /v1/credits"),
    *("GET /v1/models/canvas", "GET /openapi.json", "GET /", "GET /playground/main.js"),
    *("GET /nothing", "OPTIONS /v1/models"),
]
ADMIN_PATHS = [
    *("GET /metrics", "GET /status", "GET /readyz", "GET /admin/v1/accounts", "GET /nothing"),
    *("POST /admin/v1/accounts", "GET /admin/v1/usage?since=2026-11-01"),
]
UNDECODABLE_TARGETS = [
    *(
        b"/v1/models/\x93",
        b"/v1/models/%93",
        b"/v1/models/canvas?x=\x93",
        b"/\x93",
        b"/v1/%ED%A0%80",
    ),
    *(
        b"/v1/images/files/images/%s.png?expires=\x93&signature=%%93" % (b"0" * 32),
        b"/playground/\x93.js",
    ),
    b"/v1/images/files/images/%s.png?expires=1&signature=\xc3\xa9" % (b"0" * 32),
]
UNDECODABLE_ADMIN_TARGETS = [
    *(b"/admin/v1/accounts/\x93", b"/admin/v1/accounts/%93", b"/admin/v1/keys?account=\x93"),
    *(b"/admin/v1/usage?since=\x93", b"/admin/v1/usage?since=2026-11-01&account=%93", b"/\x93"),
    b"/admin/v1/keys?account=%ED%A0%80",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    images = ImageTools(store=stored_images(folder))
    async with running_gateway(
        folder, *canvas(), unlimited=True, images=images, admin_token=TOKEN
    ) as gateway:
        yield gateway


def stored_images(folder: Path, url: str = "") -> FolderStore:
    return FolderStore(folder / "images", Links(bytes(32)), url)


async def asked(gateway: Gateway, line: bytes, key: str, *headers: bytes, port: str) -> Response:
    """Return the response to a request with these headers and, if they have none, this key."""
    own = [] if _has(headers, b"authorization:") else [b"Authorization: Bearer " + key.encode()]
    kind = [] if _has(headers, b"content-type:") else [b"Content-Type: application/json"]
    host = [] if _has(headers, b"host:") else [b"Host: gateway"]
    body = BODY if line.startswith(b"POST") else b""
    length = b"Content-Length: %d" % len(body)
    lines = [line + b" HTTP/1.1", *host, *own, *kind, length, b"Connection: close", *headers]
    async with connected(gateway, port) as connection:
        await connection.send(b"\r\n".join([*lines, b"", b""]) + body)
        return await connection.response()


def _has(headers: tuple[bytes, ...], name: bytes) -> bool:
    return any(header.lower().startswith(name) for header in headers)


def check(response: Response, caplog: pytest.LogCaptureFixture) -> None:
    """Fail where the response is a defect of ours, or text that a strict reader refuses."""
    assert response.status < 500, response.body
    if response.headers.get("content-type", "").startswith("application/json"):
        json.dumps(json.loads(response.body), ensure_ascii=False).encode()
    kind = response.headers.get("content-type")
    if kind != "text/plain; charset=utf-8" and response.status != 412:  # a probe's; of `If-Match`
        assert response.status < 400 or response.error()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("value", [b"\x93", b"bytes=0-\x93", b'W/"\xff"', b"bytes=\xd9\xa1-"])
async def test_no_header_to_a_stored_image_causes_a_500(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, name: str, value: bytes
) -> None:
    store = stored_images(gateway.ledger_path.parent, gateway.url)
    await store.put(f"images/{'0' * 32}.png", b"an image", "image/png", 3600)
    url = await store.url(f"images/{'0' * 32}.png", 3600)
    target = url.removeprefix(gateway.url).encode()
    header = name.encode() + b": " + value
    check(await asked(gateway, b"GET " + target, gateway.key, header, port="api"), caplog)


FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FUZZ
@given(path=st.sampled_from(PATHS), name=st.sampled_from(HEADERS), value=BYTES)
@example(PATHS[0], "Authorization", b"Bearer sk-tintype-\x93")
@example(PATHS[0], "Authorization", b"Bearer a.b.\x93")
@example(PATHS[0], "X-Quantized-Provider", b"\x93")
@example(PATHS[0], "Idempotency-Key", b"\x93")
async def test_no_header_of_a_client_causes_a_500(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, path: str, name: str, value: bytes
) -> None:
    header = name.encode() + b": " + value
    check(await asked(gateway, path.encode(), gateway.key, header, port="api"), caplog)


@FUZZ
@given(path=st.sampled_from(ADMIN_PATHS), name=st.sampled_from(HEADERS), value=BYTES)
@example(ADMIN_PATHS[3], "Authorization", b"Bearer \x93")
async def test_no_header_to_the_admin_port_causes_a_500(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, path: str, name: str, value: bytes
) -> None:
    header = name.encode() + b": " + value
    check(await asked(gateway, path.encode(), TOKEN, header, port="admin"), caplog)


@pytest.mark.parametrize("target", UNDECODABLE_TARGETS)
async def test_no_target_causes_a_500(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, target: bytes
) -> None:
    response = await asked(gateway, b"GET " + target, gateway.key, port="api")

    check(response, caplog)
    assert response.status >= 400 or b"?x=" in target


@pytest.mark.parametrize("target", UNDECODABLE_ADMIN_TARGETS)
async def test_no_target_of_the_admin_port_causes_a_500(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, target: bytes
) -> None:
    check(await asked(gateway, b"GET " + target, TOKEN, port="admin"), caplog)


@pytest.mark.parametrize(
    "value", [b"Bearer sk-tintype-\x93", b"Bearer \xff.\xff.\xff", b"Bearer \xc3\xa9"]
)
@pytest.mark.parametrize("path", PATHS[:5])
async def test_a_key_with_other_bytes_than_ascii_is_not_valid(
    gateway: Gateway, path: str, value: bytes
) -> None:
    response = await asked(gateway, path.encode(), "", b"Authorization: " + value, port="api")

    assert (response.status, response.error()["code"]) == (401, "invalid_api_key")


async def test_an_admin_token_with_other_bytes_than_ascii_is_not_valid(gateway: Gateway) -> None:
    line, header = b"GET /admin/v1/accounts", b"Authorization: Bearer \x93"
    response = await asked(gateway, line, "", header, port="admin")

    assert (response.status, response.error()["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"X-Quantized-Provider: \x93", "unknown_provider"),
        (b"X-Tintype-Provider: openai\xff", "unknown_provider"),
        (b"Idempotency-Key: \x93", "invalid_idempotency_key"),
    ],
)
async def test_an_error_names_an_undecodable_header(
    gateway: Gateway, header: bytes, code: str
) -> None:
    response = await asked(gateway, PATHS[0].encode(), gateway.key, header, port="api")

    assert (response.status, response.error()["code"]) == (400, code)
    assert response.error()["param"] == header.partition(b":")[0].decode()
