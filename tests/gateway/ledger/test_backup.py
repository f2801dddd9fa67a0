"""A backup has the whole ledger, of either engine, and is restored into either."""

import asyncio
import gzip
import json
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.ledger.archiving import KilledError, MortalSession, archived, moment
from tintype_gateway.accounts import AccountSpec, Budget
from tintype_gateway.ledger import (
    Caller,
    Hold,
    Idempotency,
    IdempotentJobError,
    Ledger,
    LedgerError,
    Policy,
)
from tintype_gateway.ledger.archive.run import archive
from tintype_gateway.ledger.archive.session import open_session
from tintype_gateway.ledger.backup.columns import SKIPPED, Column, in_order
from tintype_gateway.ledger.backup.file import Rows, read_backup, summary_of
from tintype_gateway.ledger.backup.postgres import postgres_source
from tintype_gateway.ledger.backup.run import BackupError, backup, restore
from tintype_gateway.ledger.backup.sqlite import sqlite_source
from tintype_gateway.ledger.jobs import JobEnd, JobEvent, JobResult
from tintype_gateway.ledger.sealed_file import SealedFile
from tintype_testing.ledger_stores import PostgresStore, SqliteStore, Store
from tintype_testing.ledgers import LIMITS, Clock, submit, take
from tintype_testing.postgres import PostgresServer, find_programs

DAY = 24 * 3600


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Another empty ledger, of each engine."""
    if request.param == "sqlite":
        return SqliteStore(tmp_path / "other" / "ledger.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    return PostgresStore(server, server.create_database(request.getfixturevalue("migrated")))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.backup.jsonl.gz"


@dataclass(frozen=True)
class Life:
    """What remains to be done after a history."""

    secret: str
    open_hold: Hold
    expired_hold: Hold


@pytest.fixture
async def life(ledger: Ledger, clock: Clock, store: Store, tmp_path: Path) -> Life:
    """A history with everything that a ledger knows, some of it archived."""
    policy = Policy(frozenset({"canvas", "sketch"}), 600, 700, "openai", 800)
    await ledger.create_account("studio", credits_micro=1000, policy=policy)
    await ledger.create_account("Zoë's & Søn", unlimited=True)
    await ledger.put_account(
        "team", AccountSpec(display_name="The team", suspended=True), owner="a:b/c"
    )
    budgets = [Budget("day", 900, alerts=(1, 2)), Budget("month", 900, model="gpt-image-1")]
    await ledger.set_budgets("studio", "Europe/Berlin", budgets)
    key, secret = await ledger.create_key("studio", expires_at=moment(clock() + 900 * DAY))
    await ledger.rotate_key((await ledger.create_key("studio"))[0].id, keep_old_for_seconds=60)
    await ledger.revoke_key((await ledger.create_key("studio"))[0].id)
    caller = Caller("studio", key.id)
    for number in range(3):
        await ledger.settle(await take(ledger, caller, 10), number, images=number)
    clock.advance(5 * DAY)
    await archived(store, clock, tmp_path / "archive.jsonl.gz")
    once = Idempotency("invoice-7", "digest")
    await ledger.grant("studio", 500, reason="a gift", idempotency=once)
    await ledger.put_grant("may", "studio", 5, "a promise")
    await ledger.adjust("Zoë's & Søn", -70, reason="a 'slip'; --")
    settled = await take(ledger, caller, 40, idempotency=Idempotency("poster", "digest"))
    await ledger.settle(settled, 30, images=2)
    await ledger.mark_delivered([settled])
    late = await take(ledger, caller, 20, lifetime_seconds=1)
    expired = await take(ledger, caller, 25, lifetime_seconds=1)
    clock.advance(2)
    await ledger.expire_holds()
    await ledger.settle(late, 20)
    await ledger.release(await take(ledger, caller, 5), "timeout", outcome_unknown=True)
    await ledger.release(await take(ledger, caller, 5), "refused")
    job = await submit(ledger, caller, 9)
    await ledger.claim_jobs("worker", 1, 60, LIMITS)
    await ledger.add_job_event(job.id, "worker", JobEvent(kind="completed", name="events/1"))
    done = JobEnd(status="completed", cost=4, images=1, result=JobResult("answers/1.json", 1))
    await ledger.end_job(job.id, "worker", done)
    still_open = await take(ledger, caller, 33, lifetime_seconds=10_000)
    return Life(secret, still_open, expired)


def content(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each table."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for part in read_backup(file):
        if isinstance(part, Rows):
            rows = [dict(zip(part.columns, row, strict=True)) for row in part.rows]
            tables.setdefault(part.table, []).extend(rows)
    return tables


def comparable(file: Path) -> dict[str, list[str]]:
    """Return the rows without their order, and without what a restore makes anew.

    These are the ids of PostgreSQL's postings, and the turns of accounts with jobs.
    """
    lost = {"posting": "id", "archived_sum": "posting_id"}
    return {
        table: sorted(json.dumps({**row, lost.get(table, "_"): ""}, sort_keys=True) for row in rows)
        for table, rows in content(file).items()
        if table != "job_queue"
    }


async def test_a_backup_is_restored_with_everything_that_an_audit_sees(
    ledger: Ledger, life: Life, store: Store, other: Store, file: Path, tmp_path: Path
) -> None:
    before = await ledger.audit()
    await backup(store.url, file)

    audit = await restore(other.url, file)

    assert audit == before
    assert audit.problems == ()
    again = tmp_path / "again.backup.jsonl.gz"
    await backup(other.url, again)
    assert comparable(again) == comparable(file)
    assert {*content(file)} >= {
        *("account", "api_key", "archive_run", "archived_sum", "archived_spent", "budget_alert"),
        *("change", "change_line", "daily_usage", "hold", "model_spent", "posting"),
        *("job", "job_event", "job_queue"),
    }


async def test_a_restored_ledger_goes_on(
    life: Life, store: Store, other: Store, clock: Clock, file: Path
) -> None:
    await backup(store.url, file)
    await restore(other.url, file)
    ledger = other.open(clock)

    caller = await ledger.authenticate(life.secret)
    assert caller.models == frozenset({"canvas", "sketch"})
    before = await ledger.account("studio")
    assert (await ledger.settle(life.open_hold, 30)).charged == 30
    assert (await ledger.settle(life.expired_hold, 5)).late
    once = Idempotency("invoice-7", "digest")
    await ledger.grant("studio", 500, reason="a gift", idempotency=once)
    _, is_new = await ledger.put_grant("may", "studio", 5, "a promise")
    assert not is_new
    await ledger.grant("studio", 100, reason="more")
    await ledger.create_account("another", credits_micro=1)
    await ledger.settle(await take(ledger, caller, 10), 10)

    after = await ledger.account("studio")
    assert after.balance == before.balance - 30 - 5 + 100 - 10
    assert [each.spent for each in after.windows] == [
        each.spent - 33 + 30 + 5 + 10 for each in before.windows
    ]
    assert (await ledger.audit()).problems == ()
    await ledger.close()


async def test_a_job_that_had_not_ended_is_not_run_again_after_a_restore(
    ledger: Ledger, caller: Caller, store: Store, other: Store, clock: Clock, file: Path
) -> None:
    key = Idempotency("poster", "digest")
    jobs = [await submit(ledger, caller, 100, idempotency=key)]
    jobs += [await submit(ledger, caller, 100) for _ in range(3)]
    await ledger.claim_jobs("worker", 3, 60, LIMITS)
    await ledger.note_sent(jobs[1].id, "worker")
    await ledger.note_tasks(jobs[2].id, "worker", b"tasks")
    await backup(store.url, file)
    assert all("payload" not in row and "tasks" not in row for row in content(file)["job"])

    audit = await restore(other.url, file)

    assert (audit.problems, audit.queued_jobs, audit.running_jobs) == ((), 0, 0)
    assert (audit.open_holds, audit.unknown_outcomes) == (0, 4)
    restored = other.open(clock)
    clock.advance(10 * DAY)
    assert await restored.claim_jobs("worker", 10, 60, LIMITS) == []
    assert {each.status for each in await restored.jobs("studio")} == {"outcome_unknown"}
    assert (await restored.account("studio")).available == 1000
    await submit(restored, caller, 100)
    assert len(await restored.claim_jobs("worker", 10, 60, LIMITS)) == 1
    assert (await restored.audit()).problems == ()
    await restored.close()


async def test_a_key_of_a_job_that_had_not_ended_starts_no_second_one_after_a_restore(
    ledger: Ledger, caller: Caller, store: Store, other: Store, clock: Clock, file: Path
) -> None:
    key = Idempotency("poster", "digest")
    job = await submit(ledger, caller, 100, idempotency=key)
    await backup(store.url, file)
    await restore(other.url, file)
    restored = other.open(clock)

    with pytest.raises(IdempotentJobError) as repeated:
        await submit(restored, caller, 100, idempotency=key)

    assert repeated.value.job_id == job.id
    await restored.close()


@pytest.fixture
def brought_back(postgres: PostgresServer) -> PostgresStore:
    """A database without tables."""
    return PostgresStore(postgres, postgres.create_database())


@pytest.fixture
def empty(postgres: PostgresServer, migrated: str) -> PostgresStore:
    """An empty ledger, in which nothing else is."""
    return PostgresStore(postgres, postgres.create_database(migrated))


async def test_a_job_in_a_database_of_pg_dump_is_not_run_after_a_backup_and_a_restore(
    postgresql_store: PostgresStore,
    brought_back: PostgresStore,
    empty: PostgresStore,
    clock: Clock,
    file: Path,
) -> None:
    ledger = postgresql_store.open(clock)
    await ledger.create_account("studio", unlimited=True)
    job = await submit(ledger, Caller("studio", "key"))
    await ledger.close()

    dumped = await _run("pg_dump", "--format=custom", postgresql_store.url)
    await _run("pg_restore", f"--dbname={brought_back.url}", given=dumped)
    await backup(brought_back.url, file)
    await restore(empty.url, file)

    again, restored = brought_back.open(clock), empty.open(clock)
    assert (await again.job("studio", job.id)).status == "queued"
    assert (await restored.job("studio", job.id)).status == "outcome_unknown"
    assert await restored.claim_jobs("worker", 10, 60, LIMITS) == []
    await again.close()
    await restored.close()


async def _run(*command: str, given: bytes = b"") -> bytes:
    """Run a program of PostgreSQL, and return what it writes."""
    programs, pipe = find_programs(), asyncio.subprocess.PIPE
    assert programs is not None
    process = await asyncio.create_subprocess_exec(
        programs / command[0], *command[1:], stdin=pipe, stdout=pipe
    )
    written, _ = await process.communicate(given)
    assert process.returncode == 0
    return written


async def test_what_was_restored_is_append_only_again(
    life: Life, store: Store, other: Store, file: Path
) -> None:
    await backup(store.url, file)
    await restore(other.url, file)

    for statement in ("UPDATE entry SET amount = 0", "DELETE FROM posting", "DELETE FROM change"):
        with pytest.raises(other.refusal, match="append-only"):
            await other.execute(statement)


async def test_an_archive_run_goes_on_after_a_restore(
    ledger: Ledger,
    caller: Caller,
    store: Store,
    other: Store,
    clock: Clock,
    file: Path,
    tmp_path: Path,
) -> None:
    for _ in range(5):
        await ledger.settle(await take(ledger, caller, 10), 1)
    clock.advance(5 * DAY)
    now = moment(clock())
    async with open_session(store.url) as session:
        with pytest.raises(KilledError):
            await archive(
                MortalSession(session, 11), now - timedelta(days=2), tmp_path / "a.gz", now
            )
    assert (await ledger.audit()).unfinished_archive_runs == 1

    await backup(store.url, file)
    await restore(other.url, file)

    report = await archived(other, clock, tmp_path / "b.gz")
    assert report.is_resumed
    restored = other.open(clock)
    audit = await restored.audit()
    await restored.close()
    assert (audit.problems, audit.unfinished_archive_runs) == ((), 0)
    assert audit.archived_postings == report.postings


async def test_a_backup_under_load_is_one_moment(
    ledger: Ledger, caller: Caller, store: Store, other: Store, tmp_path: Path
) -> None:
    await ledger.grant("studio", 1_000_000, reason="load")
    stopped = asyncio.Event()

    async def client() -> int:
        done = 0
        while not stopped.is_set():
            hold = await take(ledger, caller, 10)
            await (ledger.release(hold, "no") if done % 3 == 0 else ledger.settle(hold, 3))
            done += 1
        return done

    clients = [asyncio.create_task(client()) for _ in range(4)]
    sizes = []
    for number in range(5):
        file = tmp_path / f"{number}.gz"
        await asyncio.to_thread(asyncio.run, backup(store.url, file))
        sizes.append(summary_of(file).rows["hold"])
    stopped.set()
    await asyncio.gather(*clients)

    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]
    audit = await restore(other.url, file)
    assert audit.problems == ()


async def test_more_rows_than_a_batch_are_restored(
    ledger: Ledger, caller: Caller, store: Store, other: Store, file: Path
) -> None:
    await ledger.grant("studio", 100_000, reason="much")
    for _ in range(30):
        holds = await asyncio.gather(*(take(ledger, caller, 1) for _ in range(40)))
        await asyncio.gather(*(ledger.settle(hold, 1) for hold in holds))

    _, summary = await backup(store.url, file)

    assert summary.rows["hold"] == 1200
    assert await restore(other.url, file) == await ledger.audit()


def text_of(file: Path) -> str:
    return gzip.decompress(file.read_bytes()).decode()


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def partial_files(folder: Path) -> list[Path]:
    return list(folder.glob(".*.partial"))


async def test_a_backup_has_hashes_of_keys_only_and_is_for_its_owner(
    ledger: Ledger, life: Life, store: Store, file: Path
) -> None:
    await backup(store.url, file)

    text = text_of(file)
    assert life.secret not in text
    assert life.secret.removeprefix("sk-tintype-") not in text
    assert mode_of(file) == 0o600
    assert not partial_files(file.parent)


async def test_a_folder_gets_a_file_with_the_time(
    ledger: Ledger, caller: Caller, store: Store, tmp_path: Path
) -> None:
    path, summary = await backup(store.url, tmp_path)

    assert path.parent == tmp_path
    assert path.name.startswith(f"ledger-{datetime.now(UTC):%Y-}")
    assert summary_of(path) == summary


async def test_a_file_that_is_there_is_not_overwritten(
    ledger: Ledger, caller: Caller, store: Store, file: Path
) -> None:
    _, first = await backup(store.url, file)
    await ledger.create_account("another")

    with pytest.raises(FileExistsError):
        await backup(store.url, file)
    assert summary_of(file) == first


def cut(file: Path, kept: float) -> None:
    """Keep a part, or a number of bytes, of a file."""
    data = file.read_bytes()
    file.write_bytes(data[: int(kept * len(data)) if kept < 1 else int(kept)])


def changed_files(file: Path) -> Iterator[Path]:
    """Change one byte after another of some twenty of a file."""
    data = file.read_bytes()
    for place in range(len(data) // 20, len(data), len(data) // 20):
        file.write_bytes(data[:place] + bytes([data[place] ^ 16]) + data[place + 1 :])
        yield file


async def is_empty(store: Store) -> bool:
    ledger = store.open()
    audit, accounts = await ledger.audit(), await ledger.accounts()
    await ledger.close()
    return audit.entries == 0 and not accounts


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kept", [0, 1, 20, 0.5, 0.99])
async def test_a_cut_file_is_refused(
    life: Life, store: Store, other: Store, file: Path, kept: float
) -> None:
    await backup(store.url, file)
    cut(file, kept)

    with pytest.raises(ValueError, match="is no complete backup"):
        await restore(other.url, file)
    assert await is_empty(other)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_changed_byte_is_refused(life: Life, store: Store, file: Path) -> None:
    await backup(store.url, file)

    for changed in changed_files(file):
        with pytest.raises(ValueError, match="is no complete backup"):
            summary_of(changed)


def rewritten(file: Path, change: Any) -> None:
    """Write the lines anew, with a hash that fits, after a change of theirs."""
    lines = [json.loads(line) for line in text_of(file).splitlines()]
    change(lines)
    file.unlink()
    sealed = SealedFile(file)
    for line in lines[:-1]:
        sealed.write(line)
    sealed.seal({name: value for name, value in lines[-1].items() if name != "sha256"})
    sealed.publish()


def _line(lines: list[Any], table: str) -> int:
    return next(
        number
        for number, line in enumerate(lines)
        if isinstance(line, dict) and line.get("table") == table
    )


def _newer_format(lines: list[Any]) -> None:
    lines[0]["backup"] = 2


def _no_backup(lines: list[Any]) -> None:
    lines[0] = {"archive": 1}


def _lost_row(lines: list[Any]) -> None:
    del lines[_line(lines, "account") + 1]


def _balance(lines: list[Any]) -> None:
    number = _line(lines, "account")
    lines[number + 1][lines[number]["columns"].index("balance")] += 1


def _entries(lines: list[Any]) -> None:
    lines[_line(lines, "posting") + 1][-2] = {"studio": 5, "sys:funding": -5}


def _unknown_column(lines: list[Any]) -> None:
    lines[_line(lines, "account")]["columns"][0] = "mood"


def _unknown_table(lines: list[Any]) -> None:
    lines[-1]["rows"]["mood"] = lines[-1]["rows"].pop("account")
    lines[_line(lines, "account")]["table"] = "mood"


def _wrong_value(lines: list[Any]) -> None:
    number = _line(lines, "hold")
    lines[number + 1][lines[number]["columns"].index("created_at")] = "soon"


def _other_figures(lines: list[Any]) -> None:
    lines[-1]["audit"]["late_charges"] += 1


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_newer_format, "its format is 2"),
        (_no_backup, "its first line is none of a backup"),
        (_lost_row, "its rows are not those"),
        (_balance, "has the balance"),
        (_entries, "the audit of what the backup has found|cannot be restored"),
        (_unknown_column, r"does not know account\.mood"),
        (_unknown_table, "does not know mood"),
        (_wrong_value, "rows of `hold` cannot be restored"),
        (_other_figures, "late_charges"),
    ],
)
async def test_a_file_that_contradicts_itself_is_refused(
    life: Life, store: Store, other: Store, file: Path, change: Any, said: str
) -> None:
    await backup(store.url, file)
    rewritten(file, change)

    with pytest.raises((ValueError, BackupError), match=said):
        await restore(other.url, file)
    assert await is_empty(other)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_backup_of_an_earlier_version_lacks_columns(
    life: Life, store: Store, other: Store, file: Path
) -> None:
    await backup(store.url, file)

    def without_display_names(lines: list[Any]) -> None:
        number = _line(lines, "account")
        place = lines[number]["columns"].index("display_name")
        for line in lines[number : _line(lines, "api_key")]:
            del (line["columns"] if isinstance(line, dict) else line)[place]

    rewritten(file, without_display_names)

    assert (await restore(other.url, file)).problems == ()


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_ledger_that_is_not_empty_is_refused_and_stays(
    ledger: Ledger, caller: Caller, store: Store, other: Store, file: Path
) -> None:
    await backup(store.url, file)
    there = other.open()
    await there.create_account("mine", credits_micro=7)
    before = await there.audit()

    with pytest.raises(LedgerError, match="the ledger is not empty"):
        await restore(other.url, file)

    assert await there.audit() == before
    await there.close()


def kinds(columns: Sequence[Column]) -> dict[str, str]:
    return {column.name: column.kind.name for column in columns}


async def test_both_engines_have_the_same_tables_columns_and_kinds(
    sqlite_store: SqliteStore, postgresql_store: PostgresStore
) -> None:
    """A migration that adds a boolean or JSON to SQLite has to name it in `columns.py`."""
    await sqlite_store.open().close()
    async with (
        sqlite_source(sqlite_store.path) as sqlite,
        postgres_source(postgresql_store.url) as postgres,
    ):
        ours, theirs = await sqlite.tables(), await postgres.tables()

    assert in_order(ours) == in_order(theirs)
    for table in in_order(ours):
        assert kinds(ours[table]) == kinds(theirs[table]), table
    assert {*ours} - {*in_order(ours)} <= SKIPPED
