"""The file of an archive run: gzip, JSON Lines.

The first line names the run, the last one has the number of postings, and the SHA-256 of all lines
before it, without compression. Between them is a line for each posting, with its entries and the
hold that it charged. Amounts are micro-credits, times are UTC as in RFC 3339.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tintype_gateway.ledger.sealed_file import DAMAGES, SealedFile, read_sealed
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
        self._file = SealedFile(path)
        self._file.write({"archive": FORMAT, "run": run_id, "before": older_than})
        self.postings = 0

    def add(self, posting: Line) -> None:
        """Write the line of a posting."""
        self._file.write(posting)
        self.postings += 1

    def finish(self) -> str:
        """Write the last line, wait for the disk, and return the SHA-256 of the lines."""
        return self._file.seal({"postings": self.postings})

    def publish(self) -> None:
        """Give the finished file its name, and wait for the disk."""
        self._file.publish()

    def discard(self) -> None:
        """Remove what was written, unless it was published."""
        self._file.discard()


def read_file(path: Path) -> Contents:
    """Read a file to its end, and check that it is as it was written.

    Raises:
        ValueError: the file is damaged, incomplete or no archive; the message says so.
        OSError: the file cannot be read.
    """
    try:
        return _contents(path)
    except DAMAGES as error:
        raise ValueError(f"{path} is no complete archive: {error}") from error


def _contents(path: Path) -> Contents:
    sums: dict[Pair, Sum] = defaultdict(Sum)
    lines = read_sealed(path)
    header = next(lines)
    if header["archive"] != FORMAT:
        raise ValueError(f"its format is {header['archive']}, this program knows {FORMAT}")
    postings, last = 0, header
    for line in lines:
        if last is not header:
            _add(sums, last)
            postings += 1
        last = line
    if last["postings"] != postings:
        raise ValueError("its lines are not those that its last line counts")
    return Contents(header["run"], postings, last["sha256"], sums)


def _add(sums: dict[Pair, Sum], posting: Line) -> None:
    entries: Mapping[str, int] = posting["entries"]
    (account,) = (name for name in entries if not name.startswith(SYSTEM_PREFIX))
    (counterpart,) = entries.keys() - {account}
    images = posting["hold"]["images"] if posting["hold"] else 0
    before = sums[Pair(account, counterpart)]
    sums[Pair(account, counterpart)] = Sum(
        before.postings + 1, before.amount + entries[account], before.images + images
    )
