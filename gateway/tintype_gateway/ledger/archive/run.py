"""Archive runs: list old postings, write them to a file, then delete them.

A run is a row of `archive_run`, and there is one unfinished run at most. Its steps are transactions
of bounded size, while the gateways serve:

1. The ids of its postings are listed in `archived_posting`.
2. The file is written and synced. The run then gets the SHA-256 of the file, if the file has as
   many postings as are listed. Before that the triggers let nothing be deleted; afterwards only
   what is listed.
3. Postings, entries and holds are deleted. The same transaction adds their sums to `archived_sum`,
   and to a posting of the kind `carried_forward`, of which there is one for each account and side.
   What the windows of budgets may still count is added to `archived_spent`. So every snapshot
   passes the audit, and no balance changes.

A run that was interrupted is taken up by the next one at its first step that is not done, with its
own date. Two processes in one run lock its row in each transaction, so that each step happens once.

Holds of requests go with their charge. None of them still protects an idempotency key, because no
run takes what is not older than `YOUNGEST_SECONDS`. Grants with an idempotency key or a reference
stay, because these never expire.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tintype_gateway.ledger.archive.export import check_target, list_postings, path_in, write_file
from tintype_gateway.ledger.archive.removal import Removal
from tintype_gateway.ledger.archive.session import Session
from tintype_gateway.ledger.archive.statements import BEGIN_RUN, UNFINISHED
from tintype_gateway.ledger.rows import moment
from tintype_gateway.ledger.validation import IDEMPOTENCY_KEPT_SECONDS

YOUNGEST_SECONDS = 2 * IDEMPOTENCY_KEPT_SECONDS
"""The least age of what is archived. The clocks of two hosts differ by far less than half of it."""


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
    check_target(target, unfinished[0]["id"] if unfinished else None)
    new_id = f"run-{secrets.token_hex(8)}"
    await session.fetch(BEGIN_RUN, new_id, session.stored(before), session.stored(now))
    (run,) = await session.fetch(UNFINISHED)
    if run["sha256"] is None:
        await list_postings(session, run)
        await write_file(session, run, path_in(target, run))
        (run,) = await session.fetch(UNFINISHED)
    removal = Removal(session, run["id"], now)
    while await removal.delete_batch():
        pass
    return Report(
        run["id"],
        run["file"],
        run["postings"],
        moment(run["older_than"]),
        is_resumed=run["id"] != new_id,
    )
