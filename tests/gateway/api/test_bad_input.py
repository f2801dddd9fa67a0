"""No input of a client causes a 5xx or a charge."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tintype_testing.gateway import Gateway, canvas, running_gateway

GENERATIONS = "/v1/images/generations"

FIELDS = (
    *("model", "prompt", "n", "size", "quality", "style", "background", "output_format"),
    *("output_compression", "moderation", "seed", "negative_prompt", "user", "stream"),
    *("safety_identifier", "response_format", "partial_images", "textToImageParams", "__proto__"),
)

WORDS = st.sampled_from(
    (
        "canvas",
        "openai/canvas",
        "bedrock/canvas",
        "/",
        "auto",
        "high",
        "1024x1024",
        "1x99999",
        "png",
    )
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
BODIES = st.dictionaries(st.sampled_from(FIELDS) | st.text(), VALUES, max_size=6).map(
    lambda fields: {"model": "canvas", "prompt": "a red fox"} | fields
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ("X-Quantized-Provider", "X-Tintype-Provider", "Prefer", "Idempotency-Key", "Accept")
    ),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f")),
)

torrent = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, *canvas(), unlimited=True) as gateway:
        yield gateway


def check(response: httpx2.Response) -> None:
    """Fail unless this is a success, or an error of the client's in OpenAI's envelope."""
    assert response.status_code < 500, response.text
    if response.status_code != 200:
        assert response.json()["error"].keys() == {"message", "type", "param", "code"}


@torrent
@given(body=BODIES, headers=HEADERS)
@example({"model": "canvas", "prompt": "\ud800"}, {})
@example({"model": "canvas", "prompt": "x", "seed": 10**400}, {})
@example({"model": "canvas", "prompt": "x", "n": float("inf")}, {})
@example({"model": "canvas", "prompt": "\x00", "user": "\r\nX-Evil: 1"}, {})
async def test_any_body_and_header(
    gateway: Gateway, body: dict[str, Any], headers: dict[str, str]
) -> None:
    content = json.dumps(body).encode()
    sent = {name.encode(): text.encode("latin-1") for name, text in headers.items()}
    async with gateway.http() as http:
        response = await http.post(
            GENERATIONS, content=content, headers={b"Content-Type": b"application/json"} | sent
        )

    check(response)


@torrent
@given(content=st.binary(max_size=200))
@example(b"[" * 50_000)
@example(b'{"a":' * 10_000)
@example(b"\xef\xbb\xbf{}")
@example(b'{"n": 1' + b"0" * 5000 + b"}")
async def test_any_bytes(gateway: Gateway, content: bytes) -> None:
    async with gateway.http() as http:
        response = await http.post(
            GENERATIONS, content=content, headers={"Content-Type": "application/json"}
        )

    check(response)


@torrent
@given(name=st.binary(max_size=40))
@example(b"../../../etc/passwd")
@example(b"openai/openai/canvas")
async def test_any_name_of_a_model(gateway: Gateway, name: bytes) -> None:
    async with gateway.http() as http:
        response = await http.get(f"/v1/models/{quote(name)}")

    check(response)


BROKEN = {
    "no HTTP at all": b"hello\r\n\r\n",
    "an unknown method": b"BREW /v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
    "an unknown version": b"GET /v1/models HTTP/9.9\r\nHost: a\r\n\r\n",
    "a control character in a header": b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
    "an endless header": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000 + b"\r\n\r\n",
    "a URL that is none": b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a key of bytes": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \xff\r\n\r\n",
    "an empty key": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \r\n\r\n",
    "a chunk of no size": b"POST /v1/images/generations HTTP/1.1\r\nHost: a\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "two lengths": b"POST /v1/images/generations HTTP/1.1\r\nHost: a\r\n"
    b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a negative length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "a strange expectation": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n",
}


@pytest.mark.parametrize("case", BROKEN)
async def test_invalid_http_is_a_clients_error_too(gateway: Gateway, case: str) -> None:
    address = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(BROKEN[case])
    async with asyncio.timeout(60):
        status_line = await reader.readline()
    writer.close()
    await writer.wait_closed()

    assert status_line.split()[1].startswith(b"4")
    assert (await gateway.generate()).status_code == 200
