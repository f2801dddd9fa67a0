"""Files of JSON Lines in gzip whose last line has the SHA-256 of all lines before it.

A file has its name only once it is complete and on the disk; a file that was cut or changed since
is recognized.
"""

import gzip
import hashlib
import json
import os
import secrets
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Line = Mapping[str, Any]

DAMAGES = (
    *(AttributeError, EOFError, IndexError, KeyError, TypeError, ValueError),
    *(OverflowError, gzip.BadGzipFile, zlib.error),
)
"""What reading a damaged file raises."""


class SealedFile:
    """Writes a file, and gives it its name in the end.

    Raises:
        OSError: The folder is missing or not writable, or the disk is full.
    """

    def __init__(self, path: Path, mode: int = 0o666) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        self._raw = os.fdopen(os.open(self._partial, flags, mode), "wb")
        self._gzip = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, mtime=0)
        self._digest = hashlib.sha256()

    def write(self, line: object) -> None:
        """Write a line of JSON."""
        data = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._digest.update(data)
        self._gzip.write(data)

    def seal(self, line: Line) -> str:
        """Write the last line with the SHA-256 of the others, wait for the disk, and return it."""
        sha256 = self._digest.hexdigest()
        self.write({**line, "sha256": sha256})
        self._gzip.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._raw.close()
        return sha256

    def publish(self) -> None:
        """Give the sealed file its name, and wait for the disk."""
        self._partial.rename(self._path)
        _sync_folder(self._path.parent)

    def discard(self) -> None:
        """Remove what was written, unless it was published."""
        self._gzip.close()
        self._raw.close()
        self._partial.unlink(missing_ok=True)


def read_sealed(path: Path) -> Iterator[Any]:
    """Yield the lines, and check before the last one that the others are as they were written.

    Raises:
        ValueError: The last line does not fit, or a line is no JSON. Other `DAMAGES` may be raised.
        OSError: The file cannot be read.
    """
    digest, last = hashlib.sha256(), b""
    with gzip.open(path, "rb") as file:
        for line in file:
            if last:
                digest.update(last)
                yield json.loads(last)
            last = line
    end = json.loads(last)
    if not isinstance(end, dict) or end.get("sha256") != digest.hexdigest():
        raise ValueError("its lines are not those that its last line counts")
    yield end


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
