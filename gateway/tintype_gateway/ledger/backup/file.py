"""The file of a backup: gzip, JSON Lines, with nothing in it that only one engine knows.

    {"backup": 1, "created_at": "2026-11-29T03:17:00Z", "tintype": "0.1.0"}
    {"table": "account", "columns": ["name", "unlimited", "balance", ...]}
    ["studio", false, 998720000, ...]
    ...
    {"table": "posting", "columns": ["id", "kind", ..., "entries", "listed_by"]}
    ["17", "charge", ..., {"studio": -640000, "sys:revenue": 640000}, null]
    ...
    {"rows": {"account": 1, ...}, "audit": {"accounts": 1, "entries": 4, ...}, "sha256": "..."}

The last line has the number of rows of each table, the figures of the audit, and the SHA-256 of all
lines before it, without compression. `columns.py` says how values are written.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tintype_catalog.__about__ import __version__
from tintype_gateway.ledger.sealed_file import DAMAGES, SealedFile, read_sealed

FORMAT = 1
"""The number in the first line: a later format gets another one."""

PRIVATE = 0o600
"""The mode of the file: it has the names of accounts and end users, and hashes of keys."""

Figures = Mapping[str, int]


class Rows(NamedTuple):
    """Some rows of a table."""

    table: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Summary:
    """What a file says of itself."""

    rows: Figures
    """The number of rows of each table."""

    audit: Figures
    """The figures of the audit of what is in it."""

    sha256: str


class BackupFile:
    """Writes a file, which has its name only once it is complete and on the disk."""

    def __init__(self, path: Path, created_at: str) -> None:
        self._file = SealedFile(path, PRIVATE)
        self._file.write({"backup": FORMAT, "created_at": created_at, "tintype": __version__})
        self._rows: Counter[str] = Counter()
        self._table = ""

    def begin(self, table: str, columns: Sequence[str]) -> None:
        """Write the line before the rows of a table."""
        self._file.write({"table": table, "columns": list(columns)})
        self._table = table
        self._rows[table] = 0

    def add(self, row: Sequence[Any]) -> None:
        """Write a row of the table."""
        self._file.write(row)
        self._rows[self._table] += 1

    def finish(self, audit: Figures) -> Summary:
        """Write the last line, wait for the disk, and give the file its name."""
        rows = dict(self._rows)
        sha256 = self._file.seal({"rows": rows, "audit": dict(audit)})
        self._file.publish()
        return Summary(rows, audit, sha256)

    def discard(self) -> None:
        """Remove what was written, unless it is finished."""
        self._file.discard()


BATCH = 1000
"""The number of rows that are in memory at once."""


def read_backup(path: Path) -> Iterator[Rows | Summary]:
    """Yield the rows of a file, some at a time, and in the end what the file says of itself.

    Raises:
        ValueError: The file is damaged, incomplete or no backup; the message says so.
        OSError: The file cannot be read.
    """
    try:
        yield from _read(path)
    except DAMAGES as error:
        raise ValueError(f"{path} is no complete backup: {error}") from error


def summary_of(path: Path) -> Summary:
    """Read a file to its end, and return what it says of itself.

    Raises:
        ValueError: The file is damaged, incomplete or no backup; the message says so.
        OSError: The file cannot be read.
    """
    *_, summary = (part for part in read_backup(path) if isinstance(part, Summary))
    return summary


def _read(path: Path) -> Iterator[Rows | Summary]:
    lines = read_sealed(path)
    header = next(lines, None)
    if not isinstance(header, dict) or "backup" not in header:
        raise ValueError("its first line is none of a backup")
    if header["backup"] != FORMAT:
        raise ValueError(f"its format is {header['backup']}, this program knows {FORMAT}")
    counts: Counter[str] = Counter()
    table, columns = "", list[str]()
    rows, end = list[list[Any]](), None
    for line in lines:
        if isinstance(line, list):
            if len(line) != len(columns):
                raise ValueError(f"a row of {table!r} has not the columns of its table")
            counts[table] += 1
            rows.append(line)
        if rows and (len(rows) == BATCH or not isinstance(line, list)):
            yield Rows(table, columns, rows)
            rows = []
        if isinstance(line, dict) and "table" in line:
            table, columns = line["table"], line["columns"]
            counts[table] = 0
        elif isinstance(line, dict):
            end = Summary(line["rows"], line["audit"], line["sha256"])
    if end is None or end.rows != counts:
        raise ValueError("its rows are not those that its last line counts")
    yield end
