"""Bodies of `multipart/form-data` (RFC 7578), whose files are read while they are sent."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO

PIECE_BYTES = 256 * 1024

_LINE_END = b"\r\n"


class FileChangedError(Exception):
    """A file became shorter while it was sent."""


@dataclass(frozen=True)
class Form:
    """A form of texts and of open files, as pairs of a field's name and its value."""

    texts: Sequence[tuple[str, str]]
    files: Sequence[tuple[str, BinaryIO]]
    boundary: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def content_type(self) -> str:
        """The media type, with the boundary."""
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def length(self) -> int:
        """The bytes of the whole body."""
        heads = sum(len(head) + len(_LINE_END) for head, _ in self._file_parts())
        return len(self._text_parts()) + heads + sum(self._sizes) + len(self._end())

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body in pieces.

        Raises:
            FileChangedError: A file became shorter.
        """
        yield self._text_parts()
        for (head, file), size in zip(self._file_parts(), self._sizes, strict=True):
            yield head
            yield from _pieces(file, size)
            yield _LINE_END
        yield self._end()

    @cached_property
    def _sizes(self) -> Sequence[int]:
        """The bytes of each file, which must not change once they are announced."""
        return [file.seek(0, os.SEEK_END) for _, file in self.files]

    def _text_parts(self) -> bytes:
        return b"".join(
            self._head(name) + _LINE_END + text.encode() + _LINE_END for name, text in self.texts
        )

    def _file_parts(self) -> Iterator[tuple[bytes, BinaryIO]]:
        """Yield each file with the head of its part, which does not tell the file's own name."""
        for name, file in self.files:
            head = self._head(name, '; filename="image"')
            yield head + b"Content-Type: application/octet-stream\r\n\r\n", file

    def _head(self, name: str, more: str = "") -> bytes:
        # the escapes of HTML's forms, which WHATWG describes
        escaped = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        disposition = f'Content-Disposition: form-data; name="{escaped}"{more}\r\n'
        return f"--{self.boundary}\r\n{disposition}".encode()

    def _end(self) -> bytes:
        return f"--{self.boundary}--\r\n".encode()


def _pieces(file: BinaryIO, remaining: int) -> Iterator[bytes]:
    file.seek(0)
    while remaining:
        piece = file.read(min(PIECE_BYTES, remaining))
        if not piece:
            raise FileChangedError(f"{file.name} became shorter while it was sent")
        remaining -= len(piece)
        yield piece


def form_texts(fields: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the values of a JSON object as the gateway reads them from the texts of a form."""
    for name, value in fields.items():
        yield from _texts(name, value)


def _texts(name: str, value: object) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            return
        case dict():
            for key, member in value.items():
                yield from _texts(f"{name}[{key}]", member)
        case list():
            for item in value:
                yield from _texts(f"{name}[]", item)
        case str():
            yield name, value
        case _:
            yield name, json.dumps(value)
