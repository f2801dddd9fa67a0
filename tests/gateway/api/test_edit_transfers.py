"""Uploads on their way: into the gateway, to providers once or again, and out of it at each end."""

import asyncio
import errno
import io
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.gateway.http.raw import Connection, connected
from tintype_gateway.http.bodies.images import READING_BYTES
from tintype_gateway.http.connection_limits import BodyPace, ConnectionLimits
from tintype_gateway.runtime.memory_budget import Memory, MemoryBudget
from tintype_gateway.values.upstream_body import STEP_BYTES
from tintype_testing.edit_requests import Part, editing_canvas, form, hole, media_type, square
from tintype_testing.gateway import CREDITS_MICRO, Gateway, running_gateway
from tintype_testing.manifests import Manifest, per_image, provider_binding
from tintype_testing.metrics import metric
from tintype_testing.recording_simulator import (
    RecordedCall,
    RecordingSimulator,
    recording_simulator,
)
from tintype_testing.waiting import eventually

EDITS = "/v1/images/edits"
PRICE = 640_000
EDGE = 700
BUSY = {"error": "openai/server_is_overloaded"}
GIB = 1024**3

SPOOLS = {"memory": "tintype_spool_memory_bytes", "disk": "tintype_spool_bytes"}
"""Where uploads of more than a MiB are, and what counts them there."""


@cache
def noise() -> bytes:
    """Return a square PNG of more bytes than a spool keeps in memory where that is short."""
    pixels = random.Random(1).randbytes(3 * EDGE * EDGE)  # noqa: S311 - no secret
    file = io.BytesIO()
    Image.frombytes("RGB", (EDGE, EDGE), pixels).save(file, "png", compress_level=0)
    return file.getvalue()


TEXTS = (Part("model", "canvas"), Part("prompt", "a red fox"))


def edit(image: bytes | None = None, *more: Part) -> bytes:
    """Return a form that asks for an edit of a large image."""
    return form([*TEXTS, Part("image", noise() if image is None else image, "1.png"), *more])


def edits(provider: RecordingSimulator) -> list[RecordedCall]:
    """Return the edits that a provider was asked for."""
    return [call for call in provider.calls if call.path == EDITS]


FORM = {"Content-Type": media_type()}


@pytest.fixture
async def provider() -> AsyncIterator[RecordingSimulator]:
    async with recording_simulator() as simulator:
        yield simulator


@asynccontextmanager
async def serving(
    folder: Path,
    provider: RecordingSimulator,
    *more: Manifest,
    limits: ConnectionLimits | None = None,
    spool: str = "memory",
) -> AsyncIterator[Gateway]:
    """Run a gateway that has plenty of memory for uploads, or enough to read them."""
    used = 0 if spool == "memory" else 3 * GIB // 5
    async with running_gateway(
        folder,
        *editing_canvas(),
        *more,
        simulator=provider.url,
        connection_limits=limits,
        memory=MemoryBudget(Memory(GIB, lambda: used)),
    ) as gateway:
        yield gateway
        await eventually(lambda: not any(map(metric, SPOOLS.values())))


@pytest.fixture(params=SPOOLS)
def spool(request: pytest.FixtureRequest) -> str:
    place: str = request.param
    return place


@pytest.fixture
async def gateway(
    tmp_path: Path, provider: RecordingSimulator, spool: str
) -> AsyncIterator[Gateway]:
    async with serving(tmp_path, provider, spool=spool) as gateway:
        yield gateway


async def test_a_call_that_was_not_processed_is_sent_again_with_all_its_files(
    gateway: Gateway, provider: RecordingSimulator
) -> None:
    await gateway.script(BUSY, BUSY)

    async with gateway.http() as http:
        response = await http.post(EDITS, content=edit(), headers=FORM)

    assert response.status_code == 200, response.text
    first, second, third = edits(provider)
    assert first.parts == second.parts == third.parts
    assert all(each.content_length == len(each.body) for each in (first, second, third))
    assert len(first.body) == len(second.body) == len(third.body) > len(noise())
    (image,) = (part.content for part in third.parts if part.name == "image")
    assert image == noise()
    assert (await gateway.account()).balance == CREDITS_MICRO - PRICE


async def test_another_provider_gets_all_files_where_the_first_fails(
    tmp_path: Path, provider: RecordingSimulator
) -> None:
    async with recording_simulator() as other:
        second = provider_binding(
            "second",
            endpoint=other.url,
            priority=1,
            upstreamModel="dall-e-2",
            pricing=per_image("0.060"),
        )
        async with serving(tmp_path, provider, second) as gateway:
            await gateway.script(BUSY)
            async with gateway.http() as http:
                response = await http.post(EDITS, content=edit(), headers=FORM)

    assert response.headers["Tintype-Route"] == "openai/global/second"
    assert [call.parts for call in edits(provider)] == [call.parts for call in edits(other)]


@pytest.mark.parametrize("spool", ["disk"])
async def test_an_upload_that_the_disk_loses_was_not_processed_and_its_key_is_free(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, read = {"Idempotency-Key": "order-17"}, os.pread

    def failing(file: int, length: int, offset: int) -> bytes:
        if length == STEP_BYTES <= offset:  # the second step of what is sent
            raise OSError(errno.EIO, "Input/output error")
        return read(file, length, offset)

    async with gateway.http() as http:
        monkeypatch.setattr(os, "pread", failing)
        lost = await http.post(EDITS, content=edit(), headers=FORM | key)
        monkeypatch.setattr(os, "pread", read)
        served = await http.post(EDITS, content=edit(), headers=FORM | key)

    assert lost.status_code == 503
    assert lost.json()["error"]["code"] == "upload_storage_unavailable"
    assert lost.headers["x-should-retry"] == "true"
    assert served.status_code == 200, served.text
    assert (await gateway.account()).balance == CREDITS_MICRO - PRICE


def head(gateway: Gateway, length: int, *headers: str, key: str | None = None) -> bytes:
    """Return the head of an edit whose body is still to come."""
    lines = [
        f"POST {EDITS} HTTP/1.1",
        "Host: gateway",
        f"Authorization: Bearer {gateway.key if key is None else key}",
        f"Content-Type: {media_type()}",
        f"Content-Length: {length}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def test_a_client_that_leaves_during_its_upload_leaves_nothing(
    gateway: Gateway, spool: str
) -> None:
    body = edit()
    async with connected(gateway) as connection:
        await connection.send(head(gateway, len(body)) + body[:-100])
        await eventually(lambda: metric(SPOOLS[spool]) == len(body))
        assert metric("tintype_memory_reserved_bytes") == READING_BYTES

    await eventually(lambda: metric(SPOOLS[spool]) == 0)
    await eventually(lambda: metric("tintype_memory_reserved_bytes") == 0)
    assert await gateway.upstream_calls() == []


@pytest.mark.parametrize("fields", [(), (Part("stream", "true"),)], ids=["plain", "stream"])
async def test_a_client_that_leaves_during_the_call_releases_upload_and_hold(
    gateway: Gateway, provider: RecordingSimulator, spool: str, fields: tuple[Part, ...]
) -> None:
    await gateway.script({"hang": True})
    body = edit(None, *fields)
    async with connected(gateway) as connection:
        await connection.send(head(gateway, len(body)) + body)
        await eventually(lambda: bool(edits(provider)))
        assert metric(SPOOLS[spool]) == len(body if spool == "memory" else noise())
        assert (await gateway.account()).held == PRICE

    await eventually(lambda: metric(SPOOLS[spool]) == 0)
    await eventually(lambda: metric("tintype_memory_reserved_bytes") == 0)
    account = await gateway.account()
    assert (account.balance, account.held) == (CREDITS_MICRO, 0)


async def test_a_hold_equals_the_quote_with_input_tokens(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway, gateway.http() as http:
        files = [Part("image[]", square(edge=edge), "1.png") for edge in (64, 800)]
        mask = Part("mask", hole(), "mask.png")
        texts = {"model": "gpt-image-2", "prompt": "a red fox", "n": "2", "quality": "high"}
        body = form([*(Part(*each) for each in texts.items()), *files, mask])
        quote = (await http.post(f"{EDITS}/quote", content=body, headers=FORM)).json()
        await gateway.script({"hang": True}, {"hang": True})

        bought = asyncio.create_task(http.post(EDITS, content=body, headers=FORM))
        await eventually(lambda: metric("tintype_holds_outstanding") == 1)

        assert (await gateway.account()).held == quote["credits_ceiling"]
        bought.cancel()
        await asyncio.gather(bought, return_exceptions=True)
        await eventually(lambda: metric("tintype_memory_reserved_bytes") == 0)


async def has_error(connection: Connection, status: int, code: str) -> None:
    response = await connection.response()
    assert (response.status, response.error()["code"]) == (status, code)


@pytest.mark.parametrize("expect", [(), ("Expect: 100-continue",)], ids=["plain", "expecting"])
async def test_an_upload_with_a_wrong_key_is_refused_before_its_body(
    gateway: Gateway, expect: tuple[str, ...]
) -> None:
    async with connected(gateway) as connection:
        await connection.send(head(gateway, 50_000_000, *expect, key="tt_wrong"))

        await has_error(connection, 401, "invalid_api_key")


@pytest.mark.parametrize("expect", [(), ("Expect: 100-continue",)], ids=["plain", "expecting"])
async def test_an_upload_that_is_too_large_is_refused_before_its_body(
    gateway: Gateway, expect: tuple[str, ...]
) -> None:
    async with connected(gateway) as connection:
        await connection.send(head(gateway, 2**40, *expect))

        await has_error(connection, 413, "payload_too_large")


async def test_a_client_that_expects_to_be_asked_is_asked_for_its_upload(gateway: Gateway) -> None:
    body = edit()
    async with connected(gateway) as connection:
        await connection.send(head(gateway, len(body), "Expect: 100-continue"))
        assert (await connection.response()).status == 100
        await connection.send(body)

        assert (await connection.response()).status == 200


async def test_curl_edits_a_large_image(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(noise())
    process = await asyncio.create_subprocess_exec(
        *("curl", "-sS", "--fail-with-body", "--expect100-timeout", "30"),
        *("-H", f"Authorization: Bearer {gateway.key}", "-H", "Expect: 100-continue"),
        *("-F", "image[]=@photo.png", "-F", "prompt=a red fox", "-F", "model=canvas"),
        *("-o", "response.json", "-w", "%{http_code}", f"{gateway.url}{EDITS}"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()

    assert (out, err) == (b"200", b""), (tmp_path / "response.json").read_text()


async def test_a_compressed_upload_is_refused(gateway: Gateway) -> None:
    async with connected(gateway) as connection:
        await connection.send(head(gateway, 1000, "Content-Encoding: gzip") + bytes(1000))

        await has_error(connection, 415, "unsupported_media_type")


async def test_an_upload_that_arrives_too_slowly_is_a_request_timeout(
    tmp_path: Path, provider: RecordingSimulator
) -> None:
    limits = ConnectionLimits(body=BodyPace(grace_seconds=0.2))
    async with (
        serving(tmp_path, provider, limits=limits) as gateway,
        connected(gateway) as connection,
    ):
        await connection.send(head(gateway, 50_000_000) + edit()[:1000])

        await has_error(connection, 408, "request_timeout")


BROKEN: dict[str, bytes] = {
    "no boundary": b"x" * 5000,
    "another boundary": edit(square()).replace(b"b-0", b"b-1"),
    "no end": edit(square())[:-8],
    "LF": edit(square()).replace(b"\r\n", b"\n"),
    "a field twice": form([*TEXTS, *TEXTS]),
    "JSON": b"{}",
    "nothing": b"",
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_broken_form_is_the_clients_error(gateway: Gateway, case: str) -> None:
    async with gateway.http() as http:
        response = await http.post(EDITS, content=BROKEN[case], headers=FORM)

    error: dict[str, Any] = response.json()["error"]
    assert response.status_code == 400
    assert error["code"] in ("invalid_multipart", "duplicate_parameter")
    assert await gateway.upstream_calls() == []
