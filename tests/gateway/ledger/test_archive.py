"""Old postings move to a file, and the books stay as they were, on both engines."""

import asyncio
import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.ledger.archiving import DAY, KilledError, archived
from tintype_gateway.ledger import (
    Caller,
    HoldClosedError,
    Idempotency,
    IdempotencyReplayError,
    Ledger,
    LedgerUnavailableError,
)
from tintype_gateway.ledger.archive.run import Report
from tintype_gateway.ledger.archive.session import open_session
from tintype_gateway.ledger.archive.step import ArchiveError
from tintype_gateway.ledger.archive.verification import verify
from tintype_testing.ledger_stores import SqliteStore, Store
from tintype_testing.ledgers import Clock, take


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "archive.jsonl.gz"


async def charge(ledger: Ledger, caller: Caller, *amounts: int) -> None:
    for amount in amounts:
        hold = await take(ledger, caller, amount)
        await ledger.settle(hold, amount, images=1)
        await ledger.mark_delivered([hold])


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.open(path, "rt", encoding="utf-8")]


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def files_of(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.glob("*.gz*"))


async def problems_of(store: Store, path: Path) -> list[str]:
    async with open_session(store.url) as session:
        return list(await verify(session, path))


async def test_old_postings_go_to_the_file_with_their_entries_and_holds(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock, target: Path
) -> None:
    await charge(ledger, caller, 150)
    clock.advance(3 * DAY)
    await charge(ledger, caller, 70)

    report = await archived(store, clock, target)

    header, *postings, end = lines(target)
    assert (header["run"], end["postings"], report.postings) == (report.run_id, 2, 2)
    assert end["sha256"] == (await store.query("SELECT sha256 FROM archive_run"))[0][0]
    by_kind = {posting["kind"]: posting for posting in postings}
    assert by_kind["grant"]["entries"] == {"studio": 1000, "sys:funding": -1000}
    assert by_kind["grant"]["reason"] == "account created"
    assert by_kind["charge"]["entries"] == {"studio": -150, "sys:revenue": 150}
    hold = by_kind["charge"]["hold"]
    assert (hold["amount"], hold["images"], hold["model"]) == (150, 1, "gpt-image-1")
    assert by_kind["charge"]["created_at"] == hold["delivered_at"] == "2027-01-15T08:00:00Z"


async def test_balances_use_and_audit_stay_as_they_were(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock, target: Path
) -> None:
    await charge(ledger, caller, 150, 0, 50)
    clock.advance(3 * DAY)
    await charge(ledger, caller, 70)
    before = await ledger.account("studio"), await ledger.usage(date(2027, 1, 1))

    await archived(store, clock, target)

    audit = await ledger.audit()
    assert (await ledger.account("studio"), await ledger.usage(date(2027, 1, 1))) == before
    assert (audit.problems, audit.archive_runs, audit.archived_postings) == ((), 1, 4)
    kinds = await store.query("SELECT kind, count(*) FROM posting GROUP BY kind ORDER BY kind")
    assert kinds == [("carried_forward", 2), ("charge", 1)]
    assert await store.query("SELECT count(*) FROM hold") == [(1,)]


async def test_the_usage_of_archived_charges_is_checked_by_their_model(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock, target: Path
) -> None:
    await charge(ledger, caller, 150)
    clock.advance(3 * DAY)
    await archived(store, clock, target)

    await store.execute("UPDATE daily_usage SET model = 'another'")

    (problem,) = (await ledger.audit()).problems
    assert problem == (
        "the charges of account studio for gpt-image-1, with those in archives, are 150"
        " micro-credits above its daily usage"
    )


async def test_later_runs_add_to_what_is_carried_forward(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock, tmp_path: Path
) -> None:
    for _ in range(3):
        await charge(ledger, caller, 100, 10)
        clock.advance(3 * DAY)
        await archived(store, clock, tmp_path)

    files = files_of(tmp_path / "any")
    assert [await problems_of(store, tmp_path / name) for name in files] == [[], [], []]
    carried = await store.query(
        "SELECT amount FROM entry JOIN posting ON posting.id = posting_id"
        " WHERE kind = 'carried_forward' AND account = 'studio' ORDER BY amount"
    )
    assert carried == [(-330,), (1000,)]
    assert (await ledger.audit()).problems == ()


async def test_a_key_of_a_request_is_protected_for_its_time_and_that_of_a_grant_for_good(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock, target: Path
) -> None:
    first = Idempotency("gift", "digest")
    await ledger.grant("studio", 5, reason="gift", idempotency=first)
    clock.advance(3 * DAY)
    key = Idempotency("poster-7", "digest")
    await ledger.settle(await take(ledger, caller, 70, idempotency=key), 70)
    clock.advance(0.9 * DAY)

    await archived(store, clock, target)

    with pytest.raises(IdempotencyReplayError):
        await take(ledger, caller, 70, idempotency=key)
    await ledger.grant("studio", 5, reason="gift", idempotency=first)
    assert (await ledger.account("studio")).balance == 1000 + 5 - 70


async def test_an_archived_hold_cannot_be_charged_again(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock, target: Path
) -> None:
    hold = await take(ledger, caller, 70)
    await ledger.settle(hold, 70)
    clock.advance(3 * DAY)
    await archived(store, clock, target)

    with pytest.raises(HoldClosedError):
        await ledger.settle(hold, 70)


async def test_open_expired_and_unknown_holds_stay(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock, target: Path
) -> None:
    await take(ledger, caller, 10, lifetime_seconds=1)
    clock.advance(1)
    await ledger.expire_holds()
    await ledger.release(await take(ledger, caller, 20), "timeout", outcome_unknown=True)
    await take(ledger, caller, 30, lifetime_seconds=9 * DAY)
    clock.advance(3 * DAY)

    await archived(store, clock, target)

    audit = await ledger.audit()
    assert (audit.open_holds, audit.expired_holds, audit.unknown_outcomes) == (1, 1, 1)
    assert audit.problems == ()


async def test_processes_that_archive_at_once_share_one_run_while_others_charge(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock, tmp_path: Path
) -> None:
    await charge(ledger, caller, *range(1, 30))
    clock.advance(3 * DAY)

    *ended, _ = await asyncio.gather(
        *(archived(store, clock, tmp_path) for _ in range(3)),
        charge(ledger, caller, *range(1, 10)),
        return_exceptions=True,
    )

    assert {type(each) for each in ended} <= {Report, ArchiveError}
    audit = await ledger.audit()
    assert (audit.problems, audit.archived_postings) == ((), 30)
    whole = [name for name in files_of(tmp_path / "any") if "partial" not in name]
    verified = [await problems_of(store, tmp_path / name) for name in whole]
    assert [] in verified
    assert (await ledger.account("studio")).balance == 1000 - sum(range(30)) - sum(range(10))


async def test_what_is_less_than_two_days_old_cannot_be_archived(
    ledger: Ledger, store: Store, clock: Clock, target: Path
) -> None:
    with pytest.raises(ValueError, match="at least two days ago"):
        await archived(store, clock, target, days=1.9)
    assert await store.query("SELECT id FROM archive_run") == []


async def test_a_file_is_never_overwritten(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock, target: Path
) -> None:
    written(target, b"the only copy of something")
    clock.advance(3 * DAY)

    with pytest.raises(FileExistsError):
        await archived(store, clock, target)
    assert content_of(target) == b"the only copy of something"
    assert await store.query("SELECT id FROM archive_run") == []


async def test_a_posting_that_does_not_add_up_is_not_archived(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock, target: Path
) -> None:
    await store.execute(
        "INSERT INTO entry (posting_id, account, amount)"
        " SELECT id, 'sys:revenue', 5 FROM posting WHERE kind = 'grant'"
    )
    clock.advance(3 * DAY)

    with pytest.raises(ArchiveError, match="run an audit"):
        await archived(store, clock, target)
    assert await store.query("SELECT count(*) FROM entry") == [(3,)]
    assert files_of(target) == []


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE entry SET amount = 0",
        "DELETE FROM entry",
        "DELETE FROM posting",
        "UPDATE posting SET reason = 'x'",
    ],
)
@pytest.mark.parametrize("killed_after", [7, None])
async def test_only_the_deletion_of_a_written_run_passes_the_triggers(
    ledger: Ledger,
    caller: Caller,
    store: Store,
    clock: Clock,
    target: Path,
    killed_after: int | None,
    tampering: str,
) -> None:
    """While the file is written, and after the end of the run, when there are carried sums."""
    clock.advance(3 * DAY)
    if killed_after is None:
        await archived(store, clock, target)
    else:
        with pytest.raises(KilledError):
            await archived(store, clock, target, killed_after=killed_after)
        assert await store.query("SELECT count(*) FROM archived_posting") == [(1,)]

    with pytest.raises(store.refusal, match="append-only"):
        await store.execute(tampering)


@pytest.mark.parametrize(
    ("tampering", "problem"),
    [
        ("UPDATE archived_sum SET amount = amount + 1", "carries"),
        ("UPDATE archive_run SET postings = 9", "has 9 postings in its file, deleted 2"),
        ("UPDATE archived_sum SET images = 7", "images"),
    ],
)
async def test_a_contradiction_of_an_archive_is_a_problem(
    ledger: Ledger,
    caller: Caller,
    store: Store,
    clock: Clock,
    target: Path,
    tampering: str,
    problem: str,
) -> None:
    await charge(ledger, caller, 150)
    clock.advance(3 * DAY)
    await archived(store, clock, target)

    await store.execute(tampering)

    problems = (await ledger.audit()).problems
    assert any(problem in sentence for sentence in problems), problems
    assert await problems_of(store, target)


async def test_a_file_that_was_changed_or_cut_fails_its_verification(
    ledger: Ledger, caller: Caller, store: Store, clock: Clock, target: Path
) -> None:
    clock.advance(3 * DAY)
    await archived(store, clock, target)
    whole = gzip.decompress(content_of(target))

    damaged = content_of(target)[:40] + bytes(20) + content_of(target)[60:]

    for content in (
        damaged,
        gzip.compress(whole.replace(b"1000", b"9000")),
        gzip.compress(whole)[:-20],
        gzip.compress(b"".join(whole.splitlines(keepends=True)[:-1])),
        gzip.compress(b""),
        b"no gzip",
    ):
        with pytest.raises(ValueError, match="no complete archive"):
            await problems_of(store, written(target, content))


async def test_an_archive_of_another_ledger_is_told_apart(
    ledger: Ledger, store: Store, tmp_path: Path, target: Path
) -> None:
    other = SqliteStore(tmp_path / "other.db")
    clock = Clock()
    await archived(other, clock, target)

    (problem,) = await problems_of(store, target)
    assert "which this ledger does not know" in problem


async def test_a_ledger_that_cannot_be_reached_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailableError):
        async with open_session("postgresql://u@127.0.0.1:1/none"):
            pass
