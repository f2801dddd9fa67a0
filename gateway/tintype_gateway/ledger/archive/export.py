"""Writes the postings of a run to its file."""

from datetime import datetime
from pathlib import Path

from tintype_gateway.ledger.archive.file import ArchiveFile, Line, read_file
from tintype_gateway.ledger.archive.session import Row, Session
from tintype_gateway.ledger.archive.statements import (
    LIST,
    LISTED,
    LISTED_LINES,
    POSTING_END,
    SEAL,
)
from tintype_gateway.ledger.archive.step import ArchiveError, step
from tintype_gateway.ledger.rows import moment

LIST_BATCH = 5000
"""How many postings are listed in one transaction: a few milliseconds of work."""


async def list_postings(session: Session, run: Row) -> None:
    """List the postings of the run, in the order of their ids."""
    last = session.before_all
    while page := await session.fetch(POSTING_END, last, LIST_BATCH):
        async with step(session, run["id"]) as current:
            if current is None or current["sha256"] is not None:
                return
            await session.fetch(LIST, run["id"], last, page[0]["id"], run["older_than"])
        last = page[0]["id"]


async def write_file(session: Session, run: Row, path: Path) -> None:
    """Write the listed postings to the file, and seal the run with it.

    Raises:
        OSError: the file cannot be written.
        ArchiveError: the ledger contradicts itself, or another process wrote the file of the run.
    """
    file = ArchiveFile(path, run["id"], _timestamp(run["older_than"]) or "")
    try:
        await _add_lines(session, file)
        sha256 = file.finish()
        async with step(session, run["id"]) as current:
            if current is None or current["sha256"] is not None:
                raise ArchiveError("another process has written the file of this run: run it again")
            (listed,) = await session.fetch(LISTED)
            if listed["postings"] != file.postings:
                raise ArchiveError(
                    f"{listed['postings']} postings are to be archived, and {file.postings} of them"
                    " have two entries: run an audit"
                )
            file.publish()
            await session.fetch(SEAL, run["id"], str(path), sha256, file.postings)
    finally:
        file.discard()


async def _add_lines(session: Session, file: ArchiveFile) -> None:
    """Write a line for each listed posting, in the order of their ids."""
    last = session.before_all
    while page := await session.fetch(LISTED_LINES, last, LIST_BATCH):
        for row in page:
            if row["id"] == last:
                raise ArchiveError(f"posting {last} has more than two entries: run an audit")
            file.add(_line(row))
            last = row["id"]


def _line(row: Row) -> Line:
    """Return the line of a posting, with the hold that it charged."""
    if row["amount"] + row["counter_amount"] != 0:
        raise ArchiveError(f"the entries of posting {row['id']} do not add up to 0: run an audit")
    if row["hold_id"] is not None and row["state"] != "settled":
        raise ArchiveError(f"{row['hold_id']} is {row['state']} and has a charge: run an audit")
    return {
        "posting": str(row["id"]),
        "kind": row["kind"],
        "reason": row["reason"],
        "created_at": _timestamp(row["created_at"]),
        "entries": {row["account"]: row["amount"], row["counterpart"]: row["counter_amount"]},
        "hold": None if row["hold_id"] is None else _hold(row),
    }


def _hold(row: Row) -> Line:
    return {
        "id": row["hold_id"],
        "amount": row["held"],
        "key_id": row["key_id"],
        "request_id": row["request_id"],
        "model": row["model"],
        "provider": row["provider"],
        "images": row["images"],
        "created_at": _timestamp(row["held_at"]),
        "delivered_at": _timestamp(row["delivered_at"]),
    }


def _timestamp(stored: float | datetime | None) -> str | None:
    at = moment(stored)
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def check_target(target: Path, run_id: str | None) -> None:
    """Check that the file can be made; one that a killed run has left behind is made anew.

    Raises:
        FileNotFoundError: there is no folder for it.
        FileExistsError: there is a file of this name.
    """
    if not target.is_dir() and not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {target.absolute().parent}")
    if target.is_file() and not _is_left_behind(target, run_id):
        raise FileExistsError(f"{target} exists already")


def path_in(target: Path, run: Row) -> Path:
    """Return the absolute path of the file of a run: `target`, or a new name in this folder.

    Raises:
        FileNotFoundError, FileExistsError: as `check_target`.
    """
    if target.is_dir():
        day = moment(run["older_than"]).date().isoformat()
        target = target / f"ledger-before-{day}-{run['id']}.jsonl.gz"
    check_target(target, run["id"])
    return target.absolute()


def _is_left_behind(path: Path, run_id: str | None) -> bool:
    """Return whether a run was killed just before its file counted."""
    try:
        return read_file(path).run_id == run_id
    except ValueError:
        return False
