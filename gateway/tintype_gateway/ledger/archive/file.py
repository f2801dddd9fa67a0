"""The file of an archive run: gzip, JSON Lines.

The first line names the run, the last one has the number of postings, and the SHA-256 of all lines
before it, without compression. Between them is a line for each posting, with its entries and the
hold that it charged. Amounts are micro-credits, times are UTC as in RFC 3339.
"""

import gzip
import hashlib
import json
import os
import secrets
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tintype_gateway.ledger.validation import SYSTEM_PREFIX

FORMAT = 1
"""The number in the first line: a later format gets another one."""

Line = dict[str, Any]


class Pair(NamedTuple):
    """An account, and the account of the ledger on the other side of its postings."""

    account: str
    counterpart: str


class Sum(NamedTuple):
    """What the postings of a pair add up to; the amount is that on the account."""

    postings: int = 0
    amount: int = 0
    images: int = 0


@dataclass(frozen=True)
class Contents:
    """What a complete file holds."""

    run_id: str
    postings: int
    sha256: str
    sums: Mapping[Pair, Sum]


class ArchiveFile:
    """Writes a file, which has its name only once it is complete and on the disk."""

    def __init__(self, path: Path, run_id: str, older_than: str) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
        self._raw = self._partial.open("wb")
        self._gzip = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, mtime=0)
        self._digest = hashlib.sha256()
        self._write({"archive": FORMAT, "run": run_id, "before": older_than})
        self.postings = 0

    def add(self, posting: Line) -> None:
        """Write the line of a posting."""
        self._write(posting)
        self.postings += 1

    def finish(self) -> str:
        """Write the last line, wait for the disk, and return the SHA-256 of the lines."""
        sha256 = self._digest.hexdigest()
        self._write({"postings": self.postings, "sha256": sha256})
        self._gzip.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._raw.close()
        return sha256

    def publish(self) -> None:
        """Give the finished file its name, and wait for the disk."""
        self._partial.rename(self._path)
        _sync_folder(self._path.parent)

    def discard(self) -> None:
        """Remove what was written, unless it was published."""
        self._gzip.close()
        self._raw.close()
        self._partial.unlink(missing_ok=True)

    def _write(self, line: Line) -> None:
        data = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._digest.update(data)
        self._gzip.write(data)


def read_file(path: Path) -> Contents:
    """Read a file to its end, and check that it is as it was written.

    Raises:
        ValueError: the file is damaged, incomplete or no archive; the message says so.
        OSError: the file cannot be read.
    """
    try:
        return _contents(path)
    except (EOFError, gzip.BadGzipFile, KeyError, TypeError, ValueError, zlib.error) as error:
        raise ValueError(f"{path} is no complete archive: {error}") from error


def _contents(path: Path) -> Contents:
    digest, last, first = hashlib.sha256(), b"", b""
    sums: dict[Pair, Sum] = defaultdict(Sum)
    postings = 0
    for line in _lines(path):
        if last:
            digest.update(last)
            if first:
                _add(sums, json.loads(last))
                postings += 1
            first = first or last
        last = line
    header, end = json.loads(first or last), json.loads(last)
    if header["archive"] != FORMAT:
        raise ValueError(f"its format is {header['archive']}, this program knows {FORMAT}")
    if (end["postings"], end["sha256"]) != (postings, digest.hexdigest()):
        raise ValueError("its lines are not those that its last line counts")
    return Contents(header["run"], postings, end["sha256"], sums)


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as file:
        yield from file


def _add(sums: dict[Pair, Sum], posting: Line) -> None:
    entries: Mapping[str, int] = posting["entries"]
    (account,) = (name for name in entries if not name.startswith(SYSTEM_PREFIX))
    (counterpart,) = entries.keys() - {account}
    images = posting["hold"]["images"] if posting["hold"] else 0
    before = sums[Pair(account, counterpart)]
    sums[Pair(account, counterpart)] = Sum(
        before.postings + 1, before.amount + entries[account], before.images + images
    )


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
