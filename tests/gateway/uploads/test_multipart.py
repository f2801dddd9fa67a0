"""A form with images is understood as its client meant it, or refused by a name."""

import asyncio
import gzip
import io
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from openai import AsyncOpenAI

from tests.gateway.uploads.conftest import UploadServer, is_refused
from tintype_gateway.http.bodies.limits import UploadLimits
from tintype_gateway.http.connection_limits import BodyPace
from tintype_testing.http import http_client
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

FORM = "multipart/form-data; boundary=b-0"
FOX, CAT, HOLE = b"a fox" * 100_000, b"a cat", b"a hole"


def part(name: str, content: bytes | str, filename: str | None = None, *headers: str) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    lines = [f'Content-Disposition: form-data; name="{name}"{file}', *headers, "", ""]
    data = content.encode() if isinstance(content, str) else content
    return b"--b-0\r\n" + "\r\n".join(lines).encode() + data + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--b-0--\r\n"


async def status_of(server: UploadServer, chunks: AsyncIterator[bytes]) -> int:
    """Send a body without a length, and return the status of the response."""
    async with aiohttp.ClientSession() as session:
        url, headers = f"{server.url}/v1/images/edits", {"Content-Type": FORM}
        async with session.post(url, data=chunks, headers=headers) as response:
            return response.status


EDIT = (part("model", "canvas"), part("prompt", "a fox"))


def client(server: UploadServer) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{server.url}/v1", api_key="x", max_retries=0)


SIXTEEN = [bytes([at]) for at in range(16)]
IMAGES: Mapping[str, tuple[Callable[[Path], Any], list[bytes]]] = {
    "a path": (lambda path: path, [FOX]),
    "bytes": (lambda path: CAT, [CAT]),
    "a BytesIO": (lambda path: io.BytesIO(CAT), [CAT]),
    "an open file": (lambda path: path.open("rb"), [FOX]),
    "a tuple": (lambda path: ("../../etc/passwd", CAT, "application/octet-stream"), [CAT]),
    "a list of one": (lambda path: [CAT], [CAT]),
    "a list of sixteen": (lambda path: SIXTEEN, SIXTEEN),
}
"""What the official SDK takes, made of the path of a file, and the files that it sends."""


@pytest.mark.parametrize("case", IMAGES)
async def test_every_image_type_of_the_official_sdk_arrives(
    server: UploadServer, tmp_path: Path, case: str
) -> None:
    path = tmp_path / "fox.png"
    path.write_bytes(FOX)
    make, sent = IMAGES[case]
    image = make(path)
    async with client(server) as openai:
        await openai.images.edit(
            model="canvas",
            prompt="a fox",
            image=image,
            mask=HOLE,
            n=2,
            stream=False,
            extra_body={"textToImageParams": {"negativeText": "a dog", "seed": 7}, "l": ["1", "a"]},
        )
    if isinstance(image, io.IOBase):
        image.close()

    document = server.document
    assert server.files == [*sent, HOLE]
    assert document.fields == {
        "model": "canvas",
        "prompt": "a fox",
        "n": 2,
        "stream": False,
        "textToImageParams": {"negativeText": "a dog", "seed": 7},
        "l": [1, "a"],
    }


async def test_the_order_of_the_fields_is_the_clients(server: UploadServer) -> None:
    parts = (part("image[]", CAT, "2.png"), part("mask", HOLE, "m.png"), *EDIT)

    response = await server.send(form(part("image", FOX, "1.png"), *parts), FORM)

    assert response.status_code == 200, response.text
    assert server.files == [FOX, CAT, HOLE]
    assert [image.param for image in server.document.images] == ["image[0]", "image[1]"]
    assert server.document.mask is not None
    assert server.document.mask.param == "mask"


@pytest.mark.parametrize(("name", "param"), [("image", "image"), ("image[]", "image[0]")])
async def test_a_single_image_is_called_as_its_client_does(
    server: UploadServer, name: str, param: str
) -> None:
    await server.send(form(part(name, CAT, "1.png")), FORM)

    assert [image.param for image in server.document.images] == [param]


async def test_the_same_parts_have_the_same_digest_however_they_are_packed(
    server: UploadServer,
) -> None:
    image, mask = part("image", CAT, "1.png", "Content-Type: image/png"), part("mask", HOLE, "m")
    first = form(*EDIT, image, mask)
    for body, content_type in [
        (first, FORM),
        (first.replace(b"b-0", b"other"), "multipart/form-data; boundary=other"),
        (first.replace(b"1.png", b"photo.jpg").replace(b"image/png", b"x/y"), FORM),
        (form(mask, *reversed(EDIT), image), FORM),
    ]:
        assert (await server.send(body, content_type)).status_code == 200

    assert len({document.digest for document in server.documents}) == 1


async def test_a_file_that_a_browsers_user_did_not_choose_is_left_out(server: UploadServer) -> None:
    body = form(*EDIT, part("image", CAT, "1.png"), part("mask", "", ""))

    assert (await server.send(body, FORM)).status_code == 200
    assert server.document.mask is None


async def test_a_body_without_a_length_is_read_to_its_end(server: UploadServer) -> None:
    body = form(*EDIT, part("image", FOX, "1.png"))

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 70_000):
            yield body[start : start + 70_000]

    assert await status_of(server, chunks()) == 200
    assert server.files == [FOX]


IMAGE = part("image", CAT, "1.png")
MANY = [part(f"f{at}", "1") for at in range(65)]

ENCODED = part("image", "YQ==", "1.png", "Content-Transfer-Encoding: base64")
MALFORMED: Mapping[str, bytes] = {
    "no body": b"",
    "another boundary": form(*EDIT).replace(b"b-0", b"b-1"),
    "no end": form(*EDIT, IMAGE)[:-4],
    "an end within a file": form(*EDIT, IMAGE)[:-20],
    "LF": form(*EDIT).replace(b"\r\n", b"\n"),
    "JSON": b'{"prompt": "a fox"}',
    "a preamble": b"x" * 100_000 + form(*EDIT),
    "an epilogue": form(*EDIT) + b"x" * 100_000,
    "a part without a name": form(part("x", "1").replace(b'; name="x"', b"")),
    "an image without quotes": form(IMAGE.replace(b'"image"', b"image[]; a")),
    "base64 in a part": form(*EDIT, ENCODED),
    "headers without end": part("a", "1", None, "X: " + "x" * 9000),
}

REFUSED: Mapping[str, tuple[bytes, str, str]] = {
    "text for an image": (part("image", "data:image/png;base64,YQ=="), "invalid_type", "image"),
    "text for a list of images": (part("image[]", "[]"), "invalid_type", "image[]"),
    "text for a mask": (IMAGE + part("mask", "m"), "invalid_type", "mask"),
    "a file for a text": (part("prompt", "p", "p.txt"), "invalid_type", "prompt"),
    "an unknown file": (part("image2", CAT, "2.png"), "invalid_type", "image2"),
    "a field twice": (part("n", "1") + part("n", "1"), "duplicate_parameter", "n"),
    "a mask twice": (2 * part("mask", HOLE, "m"), "duplicate_parameter", "mask"),
    "seventeen images": (17 * IMAGE, "too_many_images", "image"),
    "seventeen files not chosen": (17 * part("image[]", "", ""), "too_many_images", "image[]"),
    "too many fields": (b"".join(MANY), "too_many_fields", "f63"),
    "an empty file": (part("image", "", "1.png"), "invalid_image_file", "image[0]"),
    "no UTF-8": (part("prompt", b"\xff"), "invalid_type", "prompt"),
    "a contradiction": (part("a[b]", "1") + part("a[]", "1"), "invalid_value", "a[]"),
    "a name of no form": (part("a[b", "1"), "invalid_value", "a[b"),
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_a_broken_form_is_a_bad_request(server: UploadServer, case: str) -> None:
    response = await server.send(MALFORMED[case], FORM)

    is_refused(response, 400, "invalid_multipart", None)
    assert server.documents == []
    assert metric("tintype_spool_bytes") == 0


@pytest.mark.parametrize("case", REFUSED)
async def test_a_part_that_cannot_be_taken_is_named(server: UploadServer, case: str) -> None:
    parts, code, param = REFUSED[case]

    is_refused(await server.send(form(*EDIT[:1], parts), FORM), 400, code, param)
    assert server.documents == []


async def test_a_type_without_a_boundary_is_a_bad_request(server: UploadServer) -> None:
    response = await server.send(form(*EDIT), "multipart/form-data")

    is_refused(response, 400, "invalid_multipart", None)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "multipart/mixed; boundary=b-0", "application/x-www-form-urlencoded"],
)
async def test_another_media_type_is_not_supported(server: UploadServer, content_type: str) -> None:
    response = await server.send(form(*EDIT), content_type)

    is_refused(response, 415, "unsupported_media_type", None)


async def test_a_compressed_body_is_refused(server: UploadServer) -> None:
    async with http_client(server.url) as http:
        headers = {"Content-Type": FORM, "Content-Encoding": "gzip"}
        body = gzip.compress(form(*EDIT))
        response = await http.post("/v1/images/edits", content=body, headers=headers)

    is_refused(response, 415, "unsupported_media_type", None)


async def test_a_text_beyond_its_bound_is_named(server: UploadServer) -> None:
    response = await server.send(form(part("prompt", "p" * 131_073)), FORM)

    is_refused(response, 413, "payload_too_large", "prompt")


SMALL = UploadLimits(total_bytes=4 * 1024**2, file_bytes=1_000_000)


async def test_a_file_beyond_its_bound_is_named(server: UploadServer) -> None:
    server.limits = SMALL
    body = form(*EDIT, IMAGE, part("image", bytes(1_000_001), "2.png"))

    response = await server.send(body, FORM)

    assert response.status_code == 413
    assert response.json()["error"]["param"] == "image[1]"
    assert "at most 1000000 bytes" in response.json()["error"]["message"]


async def test_a_body_beyond_its_bound_is_refused_before_it_is_read(server: UploadServer) -> None:
    server.limits = SMALL
    response = await server.send(bytes(4 * 1024**2 + 1), FORM)

    assert response.status_code == 413
    assert response.json()["error"]["message"] == "the body must have at most 4194304 bytes"


async def test_a_body_without_a_length_ends_at_its_bound(server: UploadServer) -> None:
    server.limits = SMALL

    async def endless() -> AsyncIterator[bytes]:
        yield part("prompt", "a fox")[:-2]
        while True:
            yield bytes(1000)

    assert await status_of(server, endless()) == 413


async def test_a_body_that_arrives_too_slowly_is_a_request_timeout(server: UploadServer) -> None:
    server.limits = UploadLimits(pace=BodyPace(grace_seconds=0.05))

    async def stuck() -> AsyncIterator[bytes]:
        yield b"--b-0\r\nContent-"
        await asyncio.Event().wait()

    assert await status_of(server, stuck()) == 408


async def test_a_client_that_leaves_leaves_nothing_behind(
    server: UploadServer, tmp_path: Path
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    body = form(part("image", bytes(5 * 1024**2), "1.png"))
    host, port = server.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = "POST /v1/images/edits HTTP/1.1\r\nHost: gateway\r\n"
    head += f"Content-Type: {FORM}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body[: 3 * 1024**2])
    await writer.drain()
    await server.is_reading.wait()
    assert metric("tintype_spool_bytes") == len(body)

    writer.transport.abort()

    await eventually(lambda: metric("tintype_spool_bytes") == 0)
    await eventually(lambda: len(os.listdir("/proc/self/fd")) <= before)
    assert server.documents == []
    assert os.listdir(tmp_path) == []
