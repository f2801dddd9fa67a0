"""With many jobs, nothing reads all of them: each engine finds what it needs by an index."""

from contextlib import closing
from functools import partial

import pytest

from tintype_gateway.ledger import Caller, Ledger
from tintype_gateway.ledger.jobs import JobEnd, JobEvent, JobLimits
from tintype_gateway.ledger.sqlite import job_claims, job_ends, jobs
from tintype_testing.ledger_stores import PostgresStore, SqliteStore
from tintype_testing.ledgers import Clock, connect, submit
from tintype_testing.waiting import eventually

MANY = JobLimits(queued=10_000, running=10_000)

FILL = """
INSERT INTO account (name, opened_by, unlimited, created_at)
SELECT 'account-' || n, gen_random_uuid(), true, now() FROM generate_series(0, 99) AS n;
INSERT INTO job (
    id, account, hold_id, amount, key_id, request_id, operation, model, summary, status, claim,
    retention_seconds, created_at, finished_at, expires_at, lease_until, charged
)
SELECT
    'job_' || n, 'account-' || n % 100, 'hold-' || n, 1, 'key', 'req', 'generations',
    'model-' || n % 7, '{}', status, 'worker', 60, now(),
    CASE status WHEN 'completed' THEN now() END,
    CASE status WHEN 'completed' THEN now() + interval '1 year' END,
    CASE status WHEN 'in_progress' THEN now() + interval '1 year' END,
    CASE status WHEN 'completed' THEN 1 END
FROM (
    SELECT n, CASE WHEN n % 4 = 0 THEN 'queued' WHEN n % 40 = 1 THEN 'in_progress'
        ELSE 'completed' END AS status
    FROM generate_series(1, 10000) AS n
) AS numbered;
INSERT INTO job_queue (account, queued, running)
SELECT account, count(*) FILTER (WHERE status = 'queued'),
    count(*) FILTER (WHERE status = 'in_progress')
FROM job GROUP BY account ON CONFLICT DO NOTHING;
ANALYZE;
"""

STATEMENTS = {
    name: statement
    for module in (jobs, job_claims, job_ends)
    for name, statement in vars(module).items()
    if isinstance(statement, str) and name.isupper() and " job" in statement
}
"""All of SQLite's statements on jobs that a module names."""


async def rests(store: PostgresStore) -> bool:
    """Return whether all sessions have reported what they read."""
    active = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tintype'"
    return await store.query(active) == [(0,)]


async def use_everything(ledger: Ledger, caller: Caller) -> None:
    job = await submit(ledger, caller, limits=MANY)
    await submit(ledger, caller, limits=MANY)
    await ledger.claim_jobs("worker", 16, 60, MANY, having=(job.id,))
    await ledger.job(caller.account, job.id)
    await ledger.jobs(caller.account)
    await ledger.jobs(caller.account, "queued", job.id, 5)
    await ledger.cancel_job(caller.account, job.id)
    (claimed,) = await ledger.claim_jobs("other", 1, 60, MANY)
    await ledger.note_sent(claimed.job.id, "other")
    await ledger.note_tasks(claimed.job.id, "other", b"tasks")
    await ledger.add_job_event(claimed.job.id, "other", JobEvent(kind="completed"))
    await ledger.renew_jobs("other", [claimed.job.id], 60)
    await ledger.hand_back_job(claimed.job.id, "other")
    await ledger.job_events(caller.account, job.id)
    for each in await ledger.claim_jobs("third", 1, 60, MANY):
        await ledger.renew_jobs("third", [each.job.id], 60)
    await ledger.fail_overdue_jobs(3600, 10, {"code": "job_expired"})
    await ledger.job_queues()
    await ledger.expired_jobs(10)
    await ledger.forget_jobs([job.id])


@pytest.mark.timeout(900)
async def test_postgresql_reads_no_table_of_jobs_from_end_to_end(
    postgresql_store: PostgresStore, clock: Clock
) -> None:
    store = postgresql_store
    ledger = store.open()
    await store.execute(FILL)
    await ledger.create_account("studio", unlimited=True)
    caller = Caller("studio", "key")
    mine = await submit(ledger, caller, limits=MANY)
    await ledger.close()
    counted = "SELECT seq_scan, idx_scan FROM pg_stat_user_tables WHERE relname = 'job'"
    await eventually(partial(rests, store))
    ((scans, lookups),) = await store.query(counted)
    ledger = store.open()
    await use_everything(ledger, caller)
    claimed = await ledger.claim_jobs("last", 300, 60, MANY)
    for each in claimed[:3]:
        await ledger.end_job(each.job.id, "last", JobEnd(status="failed"))
    await ledger.cancel_job("studio", mine.id)
    await ledger.close()
    await eventually(partial(rests, store))
    ((scans_after, lookups_after),) = await store.query(counted)

    assert scans_after == scans
    assert lookups_after > lookups


@pytest.mark.timeout(900)
async def test_postgresql_reads_for_a_claim_what_it_takes_however_many_jobs_wait(
    postgresql_store: PostgresStore, clock: Clock
) -> None:
    store = postgresql_store
    ledger = store.open()
    await ledger.create_account("studio", unlimited=True)
    await submit(ledger, Caller("studio", "key"), limits=MANY)
    await ledger.claim_jobs("first", 1, 60, MANY)  # is planned while the tables are empty
    await store.execute(FILL.replace("ANALYZE;", "SELECT pg_stat_reset();"))

    assert len(await ledger.claim_jobs("last", 64, 60, MANY)) == 64

    await ledger.close()
    await eventually(partial(rests, store))
    ((read,),) = await store.query(
        "SELECT sum(idx_tup_read)::integer FROM pg_stat_user_indexes"
        " WHERE indexrelname IN ('live_job', 'job_turn')"
    )
    assert read < 64 * 64


@pytest.mark.parametrize("name", STATEMENTS)
async def test_sqlite_reads_no_table_of_jobs_from_end_to_end(
    sqlite_store: SqliteStore, name: str
) -> None:
    await sqlite_store.open().close()
    statement = STATEMENTS[name]
    values: object = [None] * statement.count("?") if "?" in statement else _named(statement)
    with closing(connect(sqlite_store.path)) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()  # type: ignore[arg-type]

    plan = [row[3] for row in rows]
    assert plan or "VALUES" in statement
    scanned = [line for line in plan if line.startswith("SCAN") and " INDEX " not in line]
    assert scanned == []


def _named(statement: str) -> dict[str, None]:
    words = statement.replace(",", " ").replace(")", " ").split()
    return {word.partition(":")[2]: None for word in words if word.startswith(":")}
