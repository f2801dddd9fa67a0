"""Compares the file of an archive run with what the ledger knows of the run."""

from collections.abc import Sequence
from pathlib import Path

from tintype_gateway.ledger.archive.file import Pair, Sum, read_file
from tintype_gateway.ledger.archive.session import Session
from tintype_gateway.ledger.archive.statements import RUN, RUN_SUMS


async def verify(session: Session, path: Path) -> Sequence[str]:
    """Return a sentence for each contradiction between a file and its run.

    Raises:
        ValueError: the file is damaged, incomplete or no archive.
        OSError: the file cannot be read.
    """
    contents = read_file(path)
    runs = await session.fetch(RUN, contents.run_id)
    if not runs:
        return [f"{path} is of {contents.run_id}, which this ledger does not know"]
    (run,) = runs
    if run["sha256"] is None:
        return [f"{contents.run_id} was interrupted before it deleted what is in {path}"]
    if (run["sha256"], run["postings"]) != (contents.sha256, contents.postings):
        return [f"{path} is not the file that {contents.run_id} has written"]
    if run["finished_at"] is None:
        return [f"{contents.run_id} was interrupted: the next archive run completes it"]
    deleted = {
        Pair(row["account"], row["counterpart"]): Sum(row["postings"], row["amount"], row["images"])
        for row in await session.fetch(RUN_SUMS, contents.run_id)
    }
    return [
        f"account {pair.account} has {contents.sums.get(pair, Sum()).amount} with"
        f" {pair.counterpart} in {path}, {contents.run_id} has deleted"
        f" {deleted.get(pair, Sum()).amount}"
        for pair in sorted(contents.sums.keys() | deleted.keys())
        if contents.sums.get(pair) != deleted.get(pair)
    ]
