"""Bodies of calls to providers that contain files, which are sent in steps.

A dialect describes a body as pieces, without reading the files. The length of the pieces gives the
Content-Length, and each attempt reads the files again.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pybase64

from tintype_gateway.values.content import Content

STEP_BYTES = 3 * 128 * 1024
"""The bytes that are read at once: a multiple of 3, so that the base64 has no inner padding."""


@dataclass(frozen=True, slots=True)
class FileBytes:
    """The unchanged bytes of a file."""

    content: Content

    @property
    def length(self) -> int:
        """The number of bytes in the body."""
        return self.content.length

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes. See `StreamedBody.chunks`."""
        for offset in range(0, self.content.length, STEP_BYTES):
            yield _read_step(self.content, offset)


@dataclass(frozen=True, slots=True)
class FileBase64:
    """A file as base64 with padding, as the string of a JSON document has it."""

    content: Content
    prefix: str = ""
    """ASCII text before the base64, such as `data:image/png;base64,`."""

    @property
    def length(self) -> int:
        """The number of bytes in the body."""
        return len(self.prefix) + -(-self.content.length // 3) * 4

    def chunks(self) -> Iterator[bytes]:
        """Yield the characters. See `StreamedBody.chunks`."""
        if self.prefix:
            yield self.prefix.encode("ascii")
        for offset in range(0, self.content.length, STEP_BYTES):
            yield pybase64.b64encode(_read_step(self.content, offset))


Piece = bytes | FileBytes | FileBase64

PART_BYTES = STEP_BYTES
"""The bytes that are sent at once, at least: each part of a file takes a turn of a thread."""


@dataclass(frozen=True, slots=True)
class StreamedBody:
    """A body in pieces."""

    pieces: tuple[Piece, ...] = field(repr=False)

    @property
    def length(self) -> int:
        """The number of bytes: the Content-Length."""
        return sum(
            len(piece) if isinstance(piece, bytes) else piece.length for piece in self.pieces
        )

    @property
    def is_in_memory(self) -> bool:
        """Whether to read it does not block."""
        files = (piece for piece in self.pieces if not isinstance(piece, bytes))
        return all(file.content.is_in_memory for file in files)

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes, from the start at each call.

        Unless the body is in memory, this blocks: iterate in a thread.

        Raises:
            ValueError: A file was closed with its request, or is shorter than before.
            UnavailableError: A file cannot be read.
        """
        for piece in self.pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                yield from piece.chunks()

    def parts(self) -> Iterator[bytes]:
        """Yield the same bytes in parts of at least `PART_BYTES`, but for the last. See `chunks`.

        Raises:
            ValueError: See `chunks`, and so for UnavailableError.
        """
        gathered, size = list[bytes](), 0
        for chunk in self.chunks():
            gathered.append(chunk)
            size += len(chunk)
            if size >= PART_BYTES:
                yield b"".join(gathered)
                gathered, size = [], 0
        if size:
            yield b"".join(gathered)


def json_body(document: object) -> StreamedBody:
    """Return a JSON document, any of whose values may be a `FileBase64`.

    Raises:
        TypeError: A value is not a JSON value.
        ValueError: A number is not a JSON number.
    """
    files: list[FileBase64] = []
    # A digest of all other values, so that none of them can contain it.
    marker = hashlib.sha256(_dumped(document, lambda _: None)).hexdigest()

    def mark(file: FileBase64) -> str:
        files.append(file)
        return marker

    first, *others = _dumped(document, mark).split(marker.encode())
    pieces: list[Piece] = [first]
    for file, text in zip(files, others, strict=True):
        pieces += [file, text]
    return StreamedBody(tuple(pieces))


def _dumped(document: object, of_file: Callable[[FileBase64], str | None]) -> bytes:
    def default(value: object) -> str | None:
        if not isinstance(value, FileBase64):
            raise TypeError(f"{type(value).__name__} is no value of JSON")
        return of_file(value)

    return json.dumps(document, default=default, allow_nan=False).encode()


class FormPart(NamedTuple):
    """A part of a multipart body."""

    name: str
    value: str | FileBytes
    filename: str | None = None
    content_type: str | None = None
    """The media type of a file."""


class FormBody(NamedTuple):
    """A multipart body, and the Content-Type that names its boundary."""

    body: StreamedBody
    content_type: str


def multipart_body(parts: Sequence[FormPart]) -> FormBody:
    """Return parts as multipart/form-data (RFC 7578), in their order.

    The boundary is random, so that no part can contain it.
    """
    boundary = f"tintype-{secrets.token_hex(20)}"
    pieces: list[Piece] = []
    text = b""
    for part in parts:
        text += _head(boundary, part)
        if isinstance(part.value, str):
            text += part.value.encode()
        else:
            pieces += [text, part.value]
            text = b""
        text += b"\r\n"
    pieces.append(text + f"--{boundary}--\r\n".encode())
    content_type = f"multipart/form-data; boundary={boundary}"
    return FormBody(StreamedBody(tuple(pieces)), content_type)


def _head(boundary: str, part: FormPart) -> bytes:
    lines = [
        f"--{boundary}",
        f'Content-Disposition: form-data; name="{_escaped(part.name)}"',
    ]
    if part.filename is not None:
        lines[-1] += f'; filename="{_escaped(part.filename)}"'
    if part.content_type is not None:
        lines.append(f"Content-Type: {part.content_type}")
    return "\r\n".join([*lines, "", ""]).encode()


def _escaped(text: str) -> str:
    """Return a name as browsers write it (WHATWG HTML, multipart/form-data)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _read_step(content: Content, offset: int) -> bytes:
    due = min(STEP_BYTES, content.length - offset)
    step = content.read(offset, due)
    if len(step) != due:
        raise ValueError("a file is shorter than it was")
    return step
