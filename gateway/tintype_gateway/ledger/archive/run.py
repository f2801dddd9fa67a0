"""Archive runs: list old postings, write them to a file, then delete them.

A run is a row of `archive_run`, and there is one unfinished run at most. Its steps are transactions
of bounded size, while the gateways serve:

1. The ids of its postings are listed in `archived_posting`.
2. The file is written and synced. The run then gets the SHA-256 of the file, if the file has as
   many postings as are listed. Before that the triggers let nothing be deleted; afterwards only
   what is listed.
3. Postings, entries and holds are deleted. The same transaction adds their sums to `archived_sum`,
   and to a posting of the kind `carried_forward`, of which there is one for each account and side.
   So every snapshot passes the audit, and no balance changes.

A run that was interrupted is taken up by the next one at its first step that is not done, with its
own date. Two processes in one run lock its row in each transaction, so that each step happens once.

Holds of requests go with their charge. None of them still protects an idempotency key, because no
run takes what is not older than `YOUNGEST_SECONDS`. Grants with an idempotency key stay, because
such keys never expire.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tintype_gateway.ledger.archive.file import ArchiveFile, Line, read_file
from tintype_gateway.ledger.archive.session import Row, Session
from tintype_gateway.ledger.archive.statements import (
    ADD_SUM,
    BEGIN_RUN,
    CARRY,
    CARRYING,
    DELETE,
    END_RUN,
    INSERT_CARRYING,
    INSERT_CARRYING_ENTRY,
    LIST,
    LISTED,
    LISTED_LINES,
    LOCK_RUN,
    POSTING_END,
    SEAL,
    SUMS,
    UNFINISHED,
)
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.validation import IDEMPOTENCY_KEPT_SECONDS

YOUNGEST_SECONDS = 2 * IDEMPOTENCY_KEPT_SECONDS
"""The least age of what is archived. The clocks of two hosts differ by far less than half of it."""

LIST_BATCH = 5000
DELETE_BATCH = 500
"""How many postings are listed or deleted in one transaction: a few milliseconds of work."""


class ArchiveError(LedgerError):
    """The run cannot go on. Whatever is not in a complete file is still in the ledger."""


@dataclass(frozen=True)
class Report:
    """What a run did."""

    run_id: str
    file: str
    """The path that its file had when it was written."""
    postings: int
    before: datetime
    is_resumed: bool
    """Whether an earlier command had begun it."""


async def archive(
    session: Session, before: datetime, target: Path, now: datetime | None = None
) -> Report:
    """Complete the interrupted run, or else archive what was posted before a time.

    `target` is the path of the new file, or a folder to make it in. A run that had its file before
    it was interrupted leaves `target` alone. `now` is the time of the host unless given.

    Raises:
        ValueError: `before` is too late.
        FileExistsError: there is a file of this name.
        OSError: the file cannot be written.
        ArchiveError: the ledger contradicts itself, or another process wrote the file of the run.
    """
    now = now or datetime.now(UTC)
    if before > now - timedelta(seconds=YOUNGEST_SECONDS):
        raise ValueError("the date must be at least two days ago: later charges protect their keys")
    unfinished = await session.fetch(UNFINISHED)
    _check_target(target, unfinished[0]["id"] if unfinished else None)
    new_id = f"run-{secrets.token_hex(8)}"
    await session.fetch(BEGIN_RUN, new_id, session.stored(before), session.stored(now))
    (run,) = await session.fetch(UNFINISHED)
    if run["sha256"] is None:
        await _list(session, run)
        await _write(session, run, _path_in(target, session, run))
        (run,) = await session.fetch(UNFINISHED)
    while await _delete_batch(session, run["id"], now):
        pass
    return Report(
        run["id"],
        run["file"],
        run["postings"],
        session.moment(run["older_than"]),
        is_resumed=run["id"] != new_id,
    )


def _check_target(target: Path, run_id: str | None) -> None:
    """Check that the file can be made, unless a killed run has left it behind."""
    if not target.is_dir() and not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {target.absolute().parent}")
    if target.is_file() and not _is_left_behind(target, run_id):
        raise FileExistsError(f"{target} exists already")


def _path_in(target: Path, session: Session, run: Row) -> Path:
    if target.is_dir():
        day = session.moment(run["older_than"]).date().isoformat()
        target = target / f"ledger-before-{day}-{run['id']}.jsonl.gz"
    _check_target(target, run["id"])
    return target.absolute()


def _is_left_behind(path: Path, run_id: str | None) -> bool:
    """Return whether a run was killed just before its file counted."""
    try:
        return read_file(path).run_id == run_id
    except ValueError:
        return False


@asynccontextmanager
async def _step(session: Session, run_id: str) -> AsyncIterator[Row | None]:
    """Lock a run for a transaction; give its row, None if it is finished.

    The gateways get the database for as long as the transaction took.
    """
    started = time.perf_counter()
    async with session.transaction():
        await session.fetch(LOCK_RUN, run_id)
        rows = await session.fetch(UNFINISHED)
        yield rows[0] if rows and rows[0]["id"] == run_id else None
    await asyncio.sleep(time.perf_counter() - started)


async def _list(session: Session, run: Row) -> None:
    """List the postings of the run, in the order of their ids."""
    last = session.before_all
    while page := await session.fetch(POSTING_END, last, LIST_BATCH):
        async with _step(session, run["id"]) as current:
            if current is None or current["sha256"] is not None:
                return
            await session.fetch(LIST, run["id"], last, page[0]["id"], run["older_than"])
        last = page[0]["id"]


async def _write(session: Session, run: Row, path: Path) -> None:
    """Write the listed postings to the file, and seal the run with it."""
    file = ArchiveFile(path, run["id"], _timestamp(session, run["older_than"]) or "")
    try:
        last = session.before_all
        while page := await session.fetch(LISTED_LINES, last, LIST_BATCH):
            for row in page:
                if row["id"] == last:
                    raise ArchiveError(f"posting {last} has more than two entries: run an audit")
                file.add(_line(session, row))
                last = row["id"]
        sha256 = file.finish()
        async with _step(session, run["id"]) as current:
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


def _line(session: Session, row: Row) -> Line:
    if row["amount"] + row["counter_amount"] != 0:
        raise ArchiveError(f"the entries of posting {row['id']} do not add up to 0: run an audit")
    if row["hold_id"] is not None and row["state"] != "settled":
        raise ArchiveError(f"{row['hold_id']} is {row['state']} and has a charge: run an audit")
    line: Line = {
        "posting": str(row["id"]),
        "kind": row["kind"],
        "reason": row["reason"],
        "created_at": _timestamp(session, row["created_at"]),
        "entries": {row["account"]: row["amount"], row["counterpart"]: row["counter_amount"]},
        "hold": None,
    }
    if row["hold_id"] is not None:
        line["hold"] = {
            "id": row["hold_id"],
            "amount": row["held"],
            "key_id": row["key_id"],
            "request_id": row["request_id"],
            "model": row["model"],
            "provider": row["provider"],
            "images": row["images"],
            "created_at": _timestamp(session, row["held_at"]),
            "delivered_at": _timestamp(session, row["delivered_at"]),
        }
    return line


def _timestamp(session: Session, stored: object) -> str | None:
    if stored is None:
        return None
    return session.moment(stored).isoformat().replace("+00:00", "Z")


async def _delete_batch(session: Session, run_id: str, now: datetime) -> bool:
    """Delete some of the listed postings; return False once the run is finished."""
    async with _step(session, run_id) as current:
        if current is None:
            return False
        pairs = await session.fetch(SUMS, DELETE_BATCH)
        if not pairs:
            await session.fetch(END_RUN, run_id, session.stored(now))
            return False
        for pair in pairs:
            await _carry_forward(session, run_id, pair, now)
        for statement in DELETE:
            await session.fetch(statement, DELETE_BATCH)
    return True


async def _carry_forward(session: Session, run_id: str, pair: Row, now: datetime) -> None:
    """Add the sum of some postings to the one that carries them forward."""
    account, counterpart, amount = pair["account"], pair["counterpart"], pair["amount"]
    carrying = await session.fetch(CARRYING, account, counterpart)
    if carrying:
        posting_id = carrying[0]["posting_id"]
    else:
        posting_id = await session.new_posting_id()
        await session.fetch(INSERT_CARRYING, posting_id, session.stored(now))
        for name in (account, counterpart):
            await session.fetch(INSERT_CARRYING_ENTRY, posting_id, name)
    await session.fetch(
        ADD_SUM, account, counterpart, run_id, posting_id, pair["postings"], amount, pair["images"]
    )
    await session.fetch(CARRY, posting_id, account, amount)
    await session.fetch(CARRY, posting_id, counterpart, -amount)
