"""Signals of jobs: those who wait for a job hear of its changes, by any gateway (PostgreSQL)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tintype_gateway.ledger import Caller, JobLostError, Ledger, LedgerUnavailableError
from tintype_gateway.ledger.instrumented import instrumented
from tintype_gateway.ledger.job_signals import MISSED, MOST_SIGNALS, JobSignals, SignalQueue
from tintype_gateway.ledger.jobs import JobEnd, JobEvent, JobSignal
from tintype_testing.ledger_stores import PostgresStore
from tintype_testing.ledgers import LIMITS, Clock, submit

LONG = 120
"""More seconds than any signal takes."""


async def heard(signals: JobSignals, count: int) -> list[tuple[str, str | None]]:
    """Return the next signals."""
    found: list[JobSignal] = []
    while len(found) < count:
        more = await signals.wait(LONG)
        assert more, "no signal came"
        found += more
    return [(each.kind, each.job_id) for each in found]


@pytest.fixture
async def signals(ledger: Ledger) -> AsyncIterator[JobSignals]:
    """The signals of a ledger that is measured, as that of a gateway is."""
    async with instrumented(ledger).job_signals() as signals:
        assert await heard(signals, 1) == [("missed", None)]
        yield signals


async def test_every_change_of_a_job_is_signalled(
    ledger: Ledger, caller: Caller, signals: JobSignals
) -> None:
    job = await submit(ledger, caller)
    assert await heard(signals, 1) == [("queued", job.id)]
    await ledger.claim_jobs("worker", 1, 60, LIMITS)
    assert await heard(signals, 1) == [("started", job.id)]
    await ledger.add_job_event(job.id, "worker", JobEvent(kind="completed"))
    assert await heard(signals, 1) == [("event", job.id)]
    await ledger.cancel_job("studio", job.id)
    assert await heard(signals, 1) == [("cancel", job.id)]
    await ledger.hand_back_job(job.id, "worker")
    assert await heard(signals, 1) == [("queued", job.id)]
    await ledger.claim_jobs("worker", 1, 60, LIMITS)
    await ledger.end_job(job.id, "worker", JobEnd(status="failed"))
    assert await heard(signals, 2) == [("started", job.id), ("ended", job.id)]
    cancelled = await submit(ledger, caller)
    await ledger.cancel_job("studio", cancelled.id)
    assert await heard(signals, 2) == [("queued", cancelled.id), ("ended", cancelled.id)]


async def test_what_is_refused_is_not_signalled(
    ledger: Ledger, caller: Caller, signals: JobSignals
) -> None:
    with pytest.raises(JobLostError):
        await ledger.hand_back_job("job_unknown", "worker")
    job = await submit(ledger, caller)

    assert await heard(signals, 1) == [("queued", job.id)]


async def test_waiting_ends_without_a_signal(ledger: Ledger, signals: JobSignals) -> None:
    assert await signals.wait(0.01) == ()


async def test_nobody_hears_signals_after_the_end(
    ledger: Ledger, caller: Caller, signals: JobSignals
) -> None:
    async with ledger.job_signals() as brief:
        await heard(brief, 1)
    job = await submit(ledger, caller)

    assert await heard(signals, 1) == [("queued", job.id)]
    assert await brief.wait(0.01) == ()


async def test_another_gateway_hears_the_signals(
    postgresql_store: PostgresStore, clock: Clock
) -> None:
    ours, theirs = postgresql_store.open(clock), postgresql_store.open(clock)
    await ours.create_account("studio", unlimited=True)
    async with theirs.job_signals() as signals:
        await heard(signals, 1)
        job = await submit(ours, Caller("studio", "key"))

        assert await heard(signals, 1) == [("queued", job.id)]
    await ours.close()
    await theirs.close()


async def test_a_lost_connection_is_told_and_made_again(
    postgresql_store: PostgresStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tintype_gateway.ledger.postgres.job_signals.RECONNECT_SECONDS", 0.01)
    ledger = postgresql_store.open(clock)
    await ledger.create_account("studio", unlimited=True)
    async with ledger.job_signals() as signals:
        await heard(signals, 1)
        await postgresql_store.server.disconnect_all(postgresql_store.name)

        assert await heard(signals, 1) == [("missed", None)]
        job = await submit(ledger, Caller("studio", "key"))
        assert await heard(signals, 1) == [("queued", job.id)]
    await ledger.close()


async def test_a_connection_that_does_nothing_is_tried(
    postgresql_store: PostgresStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tintype_gateway.ledger.postgres.job_signals.CHECK_SECONDS", 0.01)
    ledger = postgresql_store.open(clock)
    await ledger.create_account("studio", unlimited=True)
    async with ledger.job_signals() as signals:
        await heard(signals, 1)
        assert await signals.wait(0.05) == ()
        job = await submit(ledger, Caller("studio", "key"))

        assert await heard(signals, 1) == [("queued", job.id)]
    await ledger.close()


async def test_a_closed_ledger_gives_no_signals(
    postgresql_store: PostgresStore, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = postgresql_store.open()
    await ledger.close()
    async with ledger.job_signals() as signals:
        assert await signals.wait(0.05) == ()
    with pytest.raises(LedgerUnavailableError):
        await ledger.check()

    assert [record.message for record in caplog.records] == [
        "no signals of jobs: they are looked for now and then"
    ]


async def test_too_many_signals_are_one_that_others_were_missed() -> None:
    queue = SignalQueue()
    for number in range(MOST_SIGNALS + 1):
        queue.put(JobSignal("queued", str(number)))
    queue.put(JobSignal("queued", "last"))

    assert await queue.take(0) == (MISSED, JobSignal("queued", "last"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.take(LONG), 0.01)
