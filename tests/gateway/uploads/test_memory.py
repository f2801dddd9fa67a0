"""The largest uploads take hardly any memory."""

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[3]
MIB = 1024 * 1024
IMAGES = 16
MAX_EXTRA_BYTES = 16 * MIB
FORM = "multipart/form-data; boundary=b-0"
BLOCK = bytes(range(256)) * 4096


@asynccontextmanager
async def reading_process(folder: Path) -> AsyncIterator[str]:
    """Start the process, and yield its URL."""
    program = [sys.executable, "-m", "tests.gateway.uploads.reading_process", str(folder)]
    process = await asyncio.create_subprocess_exec(
        *program, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


def form(mebibytes: int) -> Iterator[bytes]:
    for _ in range(IMAGES):
        yield b'--b-0\r\nContent-Disposition: form-data; name="image[]"; filename="a"\r\n\r\n'
        yield from [BLOCK] * mebibytes
        yield b"\r\n"
    yield b"--b-0--\r\n"


def document(mebibytes: int) -> Iterator[bytes]:
    encoded = base64.b64encode(BLOCK[: MIB // 3 * 3])
    yield b'{"images": ['
    for at in range(IMAGES):
        yield b", " if at else b""
        yield b'{"image_url": "data:image/png;base64,'
        yield from [encoded] * mebibytes
        yield b'"}'
    yield b"]}"


def asked(url: str, body: Iterable[bytes] | None = None, **headers: str) -> Any:
    """Return the JSON that the process responds with. It blocks."""
    method = "GET" if body is None else "POST"
    parts = urlsplit(url)
    connection = HTTPConnection(f"{parts.hostname}:{parts.port}")
    with closing(connection):
        connection.request(method, parts.path, body, headers)
        response = connection.getresponse()
        assert response.status == 200, response.read()
        return json.load(response)


@pytest.mark.parametrize(
    ("make", "mebibytes", "content_type"),
    [(form, 50, FORM), (document, 4, "application/json")],
    ids=["form", "json"],
)
async def test_sixteen_large_images_take_hardly_any_memory(
    tmp_path: Path, make: Callable[[int], Iterator[bytes]], mebibytes: int, content_type: str
) -> None:
    length = sum(map(len, make(mebibytes)))
    headers = {"Content-Type": content_type, "Content-Length": str(length)}
    async with reading_process(tmp_path) as url:
        await asyncio.to_thread(asked, f"{url}/peak")
        idle = await asyncio.to_thread(asked, f"{url}/peak")

        uploads = await asyncio.to_thread(asked, f"{url}/", make(mebibytes), **headers)

        assert sum(uploads) > length * 0.7
        assert len(uploads) == IMAGES
        assert await asyncio.to_thread(asked, f"{url}/peak") < idle + MAX_EXTRA_BYTES
