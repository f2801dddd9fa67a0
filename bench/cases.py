"""The cases of the benchmark: requests, and prebuilt responses of the upstream."""

import base64
import json
import random
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

Dialect = Literal[
    "openai-images",
    "bedrock-amazon",
    "bedrock-stability",
    "google-predict",
    "google-generate-content",
]

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
"""The measured protocols: those of providers that respond with the image itself. Only the first
one streams upstream."""

Manifest = Literal["first", "last", "absent", "undeclared"]
"""Where an image has its C2PA manifest: before its pixels, behind them, or nowhere, although its
model declares one or, with `undeclared`, as its model says."""

MANIFESTS: tuple[Manifest, ...] = get_args(Manifest)

KIB, MIB = 1024, 1024 * 1024

SIZES = {"64 KiB": 64 * KIB, "1.5 MiB": 3 * MIB // 2, "6 MiB": 6 * MIB}
"""Bytes of an image, before base64 makes them a third more."""

PREVIEWS = 2
"""Partial images of a stream, each as large as the image itself."""

CHUNK_BYTES = 8192
"""The content of each chunk of pixels: libpng's default. Go writes 32 KiB, Pillow 64 KiB."""

COUNT = 4
"""The images of a response with several."""

_BOUNDARY = "tintype-benchmark"

_EDGE = 1024

_SPARE_BYTES = 16 * KIB
"""What all but the pixels takes in a file of 6 MiB: the heads of some 770 chunks."""


@dataclass(frozen=True)
class Case:
    """One kind of request, at one concurrency."""

    dialect: Dialect
    size: str
    concurrency: int
    stream: bool = False
    delay_ms: int = 0
    manifest: Manifest = "first"
    count: int = 1
    """The images of a response. More than one only of OpenAI's dialect."""

    is_edit: bool = False
    """Whether the request uploads the same image."""

    @property
    def image_bytes(self) -> int:
        """The size of the image."""
        return SIZES[self.size]

    @property
    def response_bytes(self) -> int:
        """What any whole response must hold at least: its images, as base64."""
        images = 1 + PREVIEWS if self.stream and self.dialect == "openai-images" else self.count
        return images * len(image_base64(self.image_bytes, self.manifest))

    @property
    def model(self) -> str:
        """The id of the model that a gateway must offer for this case."""
        return model_id(self.dialect, self.image_bytes, self.delay_ms, self.manifest, self.count)

    @property
    def upstream_path(self) -> str:
        """The path at which the upstream itself serves this case."""
        selected = (self.dialect, self.image_bytes, self.delay_ms, self.manifest, self.count)
        return upstream_prefix(*selected) + self.path

    @property
    def path(self) -> str:
        """The path of OpenAI's API."""
        return f"/v1/images/{'edits' if self.is_edit else 'generations'}"

    @property
    def content_type(self) -> str:
        """The media type of the request."""
        return f"multipart/form-data; boundary={_BOUNDARY}" if self.is_edit else "application/json"

    @property
    def title(self) -> str:
        """The case in a few words, without its concurrency."""
        kind = f"{', edit' if self.is_edit else ''}{', stream' if self.stream else ''}"
        images = "" if self.count == 1 else f"{self.count} x "
        manifest = "" if self.manifest == "first" else f", manifest {self.manifest}"
        return f"{self.dialect}{kind}, {images}{self.size}{manifest}"

    @property
    def clients(self) -> str:
        """Its concurrency in words."""
        return f"{self.concurrency} clients"

    def body(self) -> bytes:
        """Return the request, as OpenAI's clients send it to any target."""
        fields: dict[str, object] = {"model": self.model, "prompt": "a red fox", "quality": "low"}
        if self.count > 1:
            fields["n"] = self.count
        if self.stream:
            fields |= {"stream": True, "partial_images": PREVIEWS}
        return self._form(fields) if self.is_edit else json.dumps(fields).encode()

    def _form(self, fields: Mapping[str, object]) -> bytes:
        part = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="'
        texts = [f'{part}{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
        head = f'{part}image"; filename="image.png"\r\nContent-Type: image/png\r\n\r\n'
        image = base64.b64decode(image_base64(self.image_bytes, self.manifest))
        return "".join([*texts, head]).encode() + image + f"\r\n--{_BOUNDARY}--\r\n".encode()


def model_id(
    dialect: Dialect,
    image_bytes: int,
    delay_ms: int = 0,
    manifest: Manifest = "first",
    count: int = 1,
) -> str:
    """Return the name of the model for a response of the upstream after a delay in milliseconds."""
    name = f"{dialect}-{image_bytes}" + (f"-{delay_ms}" if delay_ms else "")
    name += f"-x{count}" if count > 1 else ""
    return name if manifest == "first" else f"{name}-{manifest}"


def upstream_prefix(
    dialect: Dialect,
    image_bytes: int,
    delay_ms: int = 0,
    manifest: Manifest = "first",
    count: int = 1,
) -> str:
    """Return the first part of the path, which selects the response of the upstream."""
    images = f"x{count}" if count > 1 else ""
    place = "" if manifest == "first" else f"-{manifest}"
    return f"/{dialect}/{image_bytes}{images}{place}/{delay_ms}"


@cache
def image_base64(image_bytes: int, manifest: Manifest = "first") -> bytes:
    """Return a PNG of exactly this number of bytes in base64: noise, in chunks as libpng's."""
    rows = (image_bytes - _SPARE_BYTES) // (_EDGE + 1)
    header = struct.pack(">IIBBBBB", _EDGE, rows, 8, 0, 0, 0, 0)
    # The first byte of each row is the number of its filter.
    noise = random.Random(image_bytes).randbytes(rows * _EDGE)  # noqa: S311 - no secret
    lines = (b"\0" + noise[row * _EDGE : (row + 1) * _EDGE] for row in range(rows))
    pixels = zlib.compress(b"".join(lines), 0)
    parts = [pixels[at : at + CHUNK_BYTES] for at in range(0, len(pixels), CHUNK_BYTES)]
    image = b"".join(_chunk(b"IDAT", part) for part in parts)
    signature = _chunk(b"caBX", b"c2pa")
    before = signature if manifest == "first" else b""
    start = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + before
    end = (signature if manifest == "last" else b"") + _chunk(b"IEND", b"")
    padding = bytes(image_bytes - len(start) - len(image) - len(end) - len(_chunk(b"tEXt", b"")))
    return base64.b64encode(start + _chunk(b"tEXt", padding) + image + end)


@cache
def upstream_response(
    dialect: Dialect,
    image_bytes: int,
    stream: bool,
    manifest: Manifest = "first",
    count: int = 1,
) -> bytes:
    """Return a whole HTTP response, as this provider would write it."""
    encoded = image_base64(image_bytes, manifest).decode()
    if stream and dialect == "openai-images":
        frames = b"".join(_frames(encoded))
        return _head("text/event-stream", "Transfer-Encoding: chunked") + frames
    body = json.dumps(_document(dialect, encoded, count)).encode()
    return _head("application/json", f"Content-Length: {len(body)}") + body


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def _head(content_type: str, framing: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{framing}\r\n\r\n".encode()


_TOKENS = {
    "input_tokens": 4,
    "output_tokens": 272,
    "total_tokens": 276,
    "input_tokens_details": {"text_tokens": 4, "image_tokens": 0},
}


def _document(dialect: Dialect, encoded: str, count: int) -> dict[str, object]:
    match dialect:
        case "openai-images":
            described = {"size": "1024x1024", "quality": "low", "background": "opaque"}
            data = [{"b64_json": encoded}] * count
            return {"created": 1795000000, "data": data, "usage": _TOKENS} | described
        case "bedrock-amazon":
            return {"images": [encoded], "error": None}
        case "bedrock-stability":
            return {"seeds": [1], "finish_reasons": [None], "images": [encoded]}
        case "google-predict":
            return {"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": encoded}]}
        case "google-generate-content":
            part = {"inlineData": {"mimeType": "image/png", "data": encoded}}
            content = {"role": "model", "parts": [part]}
            counts = {"promptTokenCount": 4, "candidatesTokenCount": 1120, "totalTokenCount": 1124}
            return {
                "candidates": [{"content": content, "finishReason": "STOP"}],
                "usageMetadata": counts,
            }
        case _:
            raise ValueError(f"the benchmark has no responses of the dialect {dialect}")


def _frames(encoded: str) -> Iterator[bytes]:
    """Yield the events of a stream, each in an HTTP chunk of its own, and the last chunk."""
    common = {
        "b64_json": encoded,
        "created_at": 1795000000,
        "size": "1024x1024",
        "quality": "low",
        "background": "opaque",
        "output_format": "png",
    }
    for index in range(PREVIEWS):
        partial = {"type": "image_generation.partial_image", "partial_image_index": index}
        yield _frame(partial | common)
    yield _frame({"type": "image_generation.completed", "usage": _TOKENS} | common)
    yield b"0\r\n\r\n"


def _frame(event: dict[str, object]) -> bytes:
    text = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(text), text)
