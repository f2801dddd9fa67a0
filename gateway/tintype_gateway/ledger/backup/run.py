"""Writes a backup while the gateways serve, and restores one into an empty ledger.

A backup is one snapshot. A restore is one transaction, which ends only if the audit of what was
restored finds no contradiction, and the figures that the backup has. API keys are in it as SHA-256,
as they are in the ledger; calls that hold a slot are not, since they end with their gateways.
"""

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tintype_gateway.accounts import Audit
from tintype_gateway.ledger.backup.columns import SKIPPED, Column, in_order
from tintype_gateway.ledger.backup.database import ENTRIES, LISTED_BY, POSTINGS, Source, Target
from tintype_gateway.ledger.backup.file import BackupFile, Rows, Summary, read_backup, summary_of
from tintype_gateway.ledger.backup.sqlite import sqlite_source, sqlite_target
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.factory import is_postgres, path_of
from tintype_gateway.ledger.sealed_file import DAMAGES


class BackupError(LedgerError):
    """The ledger cannot be restored from this file. It is as it was."""


async def backup(url: str, target: Path) -> tuple[Path, Summary]:
    """Write a backup of the ledger at a URL, and return its path and what is in it.

    `target` is the new file, or a folder to make it in.

    Raises:
        ValueError: No engine supports this URL.
        FileExistsError: There is a file of this name.
        OSError: The file cannot be written.
        LedgerUnavailableError: The database cannot be used.
    """
    now = datetime.now(UTC)
    target = _new_file(target, now)
    file = BackupFile(target, now.isoformat(timespec="seconds").replace("+00:00", "Z"))
    try:
        async with _source(url) as source:
            tables = await source.tables()
            for table in in_order(tables):
                await _write(source, file, table, tables[table])
            figures = await source.figures()
        return target, file.finish(figures)
    finally:
        file.discard()


def _new_file(target: Path, now: datetime) -> Path:
    if target.is_dir():
        target = target / f"ledger-{now:%Y-%m-%dT%H%M%SZ}.backup.jsonl.gz"
    if target.exists():
        raise FileExistsError(f"{target} exists already")
    return target


async def restore(url: str, path: Path) -> Audit:
    """Restore a backup into the empty ledger at a URL, and return the audit of it.

    Raises:
        ValueError: No engine supports this URL, or the file is damaged, incomplete or no backup.
        OSError: The file cannot be read.
        BackupError: The ledger is not empty, or the file is of a newer version, or contradicts
            itself.
        LedgerUnavailableError: The database cannot be used.
    """
    expected = summary_of(path)
    async with _target(url) as target:
        tables = await target.tables()
        for table in tables.keys() - SKIPPED:
            if not await target.is_empty(table):
                raise BackupError(f"the ledger is not empty: its table `{table}` has rows")
        for part in read_backup(path):
            if isinstance(part, Rows):
                await _insert(target, tables, part)
            elif part != expected:
                raise BackupError(f"{path} has changed while it was read")
        await target.complete()
        audit = await target.audit()
        _check(audit, expected)
        # They may have been run since the backup, and must not be run a second time.
        if await target.end_jobs():
            audit = await target.audit()
            _require_sound(audit)
    return audit


async def _write(source: Source, file: BackupFile, table: str, columns: Sequence[Column]) -> None:
    names = [column.name for column in columns]
    if table == "posting":
        file.begin(table, [*names, ENTRIES, LISTED_BY])
        async for posting in _postings(source, columns):
            file.add(posting)
        return
    file.begin(table, names)
    where = " WHERE name NOT LIKE 'sys:%'" if table == "account" else ""
    async for rows in source.rows(f'SELECT * FROM "{table}"{where}'):  # noqa: S608 - a table's name
        for row in rows:
            file.add(_neutral(source, columns, row))


async def _postings(source: Source, columns: Sequence[Column]) -> AsyncIterator[list[Any]]:
    """Yield the postings with their entries, each of which is a row of the query."""
    current: Mapping[str, Any] | None = None
    entries: dict[str, int] = {}
    async for rows in source.rows(POSTINGS):
        for row in rows:
            if current is not None and row["id"] != current["id"]:
                yield [*_neutral(source, columns, current), entries, current[LISTED_BY]]
                entries = {}
            current = row
            if row["entry_account"] is not None:
                entries[row["entry_account"]] = row["entry_amount"]
    if current is not None:
        yield [*_neutral(source, columns, current), entries, current[LISTED_BY]]


def _neutral(source: Source, columns: Sequence[Column], row: Mapping[str, Any]) -> list[Any]:
    return [source.neutral(column, row[column.name]) for column in columns]


async def _insert(target: Target, tables: Mapping[str, Sequence[Column]], part: Rows) -> None:
    known = {column.name: column for column in tables.get(part.table, ())}
    extra = (ENTRIES, LISTED_BY) if part.table == "posting" else ()
    names = part.columns[: len(part.columns) - len(extra)]
    unknown = [name for name in names if name not in known]
    if part.table in SKIPPED or not known or unknown:
        what = ", ".join(f"{part.table}.{name}" for name in unknown) or part.table
        raise BackupError(f"a newer version wrote the backup: this one does not know {what}")
    columns = [known[name] for name in names]
    try:
        if extra:
            await target.insert_postings(columns, part.rows)
        else:
            await target.insert(part.table, columns, part.rows)
    except DAMAGES as error:
        raise BackupError(f"rows of `{part.table}` cannot be restored: {error}") from error


def _check(audit: Audit, expected: Summary) -> None:
    """Check that what was restored is sound, and what was backed up."""
    _require_sound(audit)
    figures = dataclasses.asdict(audit)
    for name, value in expected.audit.items():
        if figures.get(name) != value:
            raise BackupError(f"the backup counts {value} {name}, and has {figures.get(name)}")


def _require_sound(audit: Audit) -> None:
    if audit.problems:
        raise BackupError(f"the audit of what the backup has found: {'; '.join(audit.problems)}")


def _source(url: str) -> contextlib.AbstractAsyncContextManager[Source]:
    if is_postgres(url):
        from tintype_gateway.ledger.backup.postgres import postgres_source

        return postgres_source(url)
    return sqlite_source(path_of(url))


def _target(url: str) -> contextlib.AbstractAsyncContextManager[Target]:
    if is_postgres(url):
        from tintype_gateway.ledger.backup.postgres import postgres_target

        return postgres_target(url)
    return sqlite_target(path_of(url))
