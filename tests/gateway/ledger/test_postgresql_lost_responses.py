"""A connection that breaks while the server works: nobody knows what it did, until it is asked.

Wherever the conversation is cut, the operation is asked for again, takes effect once, and its
caller sees no difference.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from tintype_gateway.ledger import (
    Account,
    AccountExistsError,
    AccountSpec,
    Caller,
    HoldClosedError,
    KeyRevokedError,
    Ledger,
    Policy,
    Settlement,
    open_ledger,
)
from tintype_gateway.ledger.jobs import Job, JobEnd, JobEvent, JobLimits
from tintype_gateway.ledger.postgres.job_claims import NOTE_TASKS
from tintype_testing.ledger_stores import PostgresStore
from tintype_testing.ledgers import LIMITS, submit, take
from tintype_testing.tcp_proxy import Direction, TcpProxy, proxy_to

CALLER = Caller("studio", "key-1")


@pytest.fixture
async def proxy(postgresql_store: PostgresStore) -> AsyncIterator[TcpProxy]:
    async with proxy_to(postgresql_store.server.port) as proxy:
        yield proxy


@pytest.fixture
async def sound(postgresql_store: PostgresStore) -> AsyncIterator[Ledger]:
    """A ledger without the proxy, whose account `studio` has 1000 micro-credits."""
    ledger = postgresql_store.open()
    await ledger.create_account("studio", credits_micro=1000)
    yield ledger
    assert (await ledger.audit()).problems == ()
    await ledger.close()


@pytest.fixture
async def shaky(
    postgresql_store: PostgresStore, sound: Ledger, proxy: TcpProxy
) -> AsyncIterator[Ledger]:
    """A ledger that connects through the proxy, and has connected before."""
    store = postgresql_store
    ledger = open_ledger(store.server.url(store.name, proxy.port))
    await ledger.check()
    yield ledger
    await ledger.close()


@pytest.mark.parametrize("direction", ["request", "response"])
@pytest.mark.parametrize("messages", range(7))
async def test_a_request_is_charged_once_wherever_its_first_connection_breaks(
    sound: Ledger,
    proxy: TcpProxy,
    postgresql_store: PostgresStore,
    direction: Direction,
    messages: int,
) -> None:
    store = postgresql_store
    ledger = open_ledger(store.server.url(store.name, proxy.port))
    proxy.cut(direction, messages)

    hold = await take(ledger, CALLER, 400)
    settlement = await ledger.settle(hold, 150)

    assert proxy.has_cut
    assert settlement == Settlement(150, 850, late=False, excess=0)
    assert (await sound.account("studio")).held == 0
    await ledger.close()


@pytest.fixture(params=[0, 1], ids=["before it works", "after it has worked"])
def break_off(request: pytest.FixtureRequest, proxy: TcpProxy) -> Iterator[Callable[[], None]]:
    """Cut the next response after this number of them: a statement is prepared, then executed."""
    yield lambda: proxy.cut("response", request.param)
    assert proxy.has_cut


async def test_a_hold_is_taken_once(
    sound: Ledger, shaky: Ledger, break_off: Callable[[], None]
) -> None:
    break_off()

    hold = await take(shaky, CALLER, 400)

    assert (await sound.account("studio")).held == 400
    await sound.release(hold, "provider unavailable")


async def test_a_hold_is_settled_once(
    sound: Ledger, shaky: Ledger, break_off: Callable[[], None]
) -> None:
    hold = await take(sound, CALLER, 400)
    break_off()

    settlement = await shaky.settle(hold, 150)

    assert settlement == Settlement(150, 850, late=False, excess=0)
    with pytest.raises(HoldClosedError):
        await shaky.settle(hold, 150)


async def test_a_late_settlement_is_still_reported_as_late(
    sound: Ledger, shaky: Ledger, break_off: Callable[[], None]
) -> None:
    hold = await take(sound, CALLER, 400, lifetime_seconds=0)
    await sound.expire_holds()
    break_off()

    assert (await shaky.settle(hold, 150)).late


async def test_a_hold_is_released_once(
    sound: Ledger, shaky: Ledger, break_off: Callable[[], None]
) -> None:
    hold = await take(sound, CALLER, 400)
    break_off()

    await shaky.release(hold, "provider unavailable")

    assert (await sound.account("studio")).available == 1000
    with pytest.raises(HoldClosedError):
        await shaky.release(hold, "provider unavailable")


async def test_credits_are_granted_once(shaky: Ledger, break_off: Callable[[], None]) -> None:
    break_off()

    account = await shaky.grant("studio", 500, reason="invoice 17")

    assert account.balance == 1500


async def test_a_balance_is_corrected_once(shaky: Ledger, break_off: Callable[[], None]) -> None:
    break_off()

    account = await shaky.adjust("studio", -100, reason="invoice 16")

    assert account.balance == 900


async def test_an_account_is_opened_once_and_its_opener_hears_of_it(
    shaky: Ledger, break_off: Callable[[], None]
) -> None:
    break_off()

    opened = await shaky.create_account("lab", credits_micro=70)

    assert opened == Account("lab", unlimited=False, balance=70, held=0)
    with pytest.raises(AccountExistsError):
        await shaky.create_account("lab", credits_micro=70)


async def test_an_account_that_must_be_there_gets_its_credits_once(
    shaky: Ledger, break_off: Callable[[], None]
) -> None:
    break_off()

    assert (
        await shaky.ensure_account("lab", issuer="any", max_accounts=10_000, credits_micro=70)
    ).balance == 70


async def test_a_key_is_made_once_and_its_secret_opens(
    sound: Ledger, shaky: Ledger, break_off: Callable[[], None]
) -> None:
    break_off()

    key, secret = await shaky.create_key("studio")

    assert (await sound.authenticate(secret)).key_id == key.id
    assert await sound.list_keys("studio") == [key]


async def test_a_key_is_rotated_once_and_its_secret_opens(
    sound: Ledger, shaky: Ledger, break_off: Callable[[], None]
) -> None:
    old, old_secret = await sound.create_key("studio")
    break_off()

    new, secret = await shaky.rotate_key(old.id)

    assert (await sound.authenticate(secret)).key_id == new.id
    assert {key.id for key in await sound.list_keys("studio")} == {old.id, new.id}
    with pytest.raises(KeyRevokedError):
        await sound.authenticate(old_secret)


CHANGES: dict[str, Callable[[Ledger], Awaitable[Any]]] = {
    "put_account": lambda ledger: ledger.put_account("lab", AccountSpec(display_name="Lab")),
    "adopt": lambda ledger: ledger.put_account("studio", AccountSpec(), owner="a cluster"),
    "set_policy": lambda ledger: ledger.set_policy("studio", Policy(requests_per_minute=5)),
    "put_key": lambda ledger: ledger.put_key("key-web", "studio", b"2" * 32),
    "revoke_key": lambda ledger: ledger.revoke_key("key-old"),
    "put_grant": lambda ledger: ledger.put_grant("may", "studio", 500, "May"),
    "grant": lambda ledger: ledger.grant("studio", 500, reason="May"),
}


@pytest.mark.parametrize("responses", range(7))
@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_is_made_and_recorded_once_wherever_its_connection_breaks(
    sound: Ledger, shaky: Ledger, proxy: TcpProxy, name: str, responses: int
) -> None:
    await sound.put_key("key-old", "studio", b"1" * 32)
    before = len(await sound.changes())
    proxy.cut("response", responses)

    made = await CHANGES[name](shaky)

    assert proxy.has_cut
    assert len(await sound.changes()) == before + 1
    if isinstance(made, tuple):
        assert made[1] == (name != "adopt")  # new, though the first attempt made it


REPEATABLE: dict[str, Callable[[Ledger], Awaitable[Any]]] = {
    "set_policy": lambda ledger: ledger.set_policy("studio", Policy(requests_per_minute=5)),
    "account": lambda ledger: ledger.account("studio"),
    "accounts": lambda ledger: ledger.accounts(),
    "expire_holds": lambda ledger: ledger.expire_holds(),
}


@pytest.mark.parametrize("name", REPEATABLE)
async def test_what_can_be_repeated_anyway_is_repeated(
    sound: Ledger, shaky: Ledger, break_off: Callable[[], None], name: str
) -> None:
    break_off()

    assert await REPEATABLE[name](shaky) == await REPEATABLE[name](sound)


async def test_a_job_is_submitted_once(
    sound: Ledger, shaky: Ledger, break_off: Callable[[], None]
) -> None:
    break_off()

    job = await submit(shaky, CALLER, 100)

    assert [each.id for each in await sound.jobs("studio")] == [job.id]
    assert await sound.job("studio", job.id) == job
    assert (await sound.account("studio")).held == 100


async def test_a_full_queue_takes_a_job_whose_submission_is_repeated(
    sound: Ledger, shaky: Ledger, break_off: Callable[[], None]
) -> None:
    break_off()

    job = await submit(shaky, CALLER, 100, limits=JobLimits(queued=1, running=1))

    assert (await sound.job("studio", job.id)).status == "queued"


async def test_jobs_of_a_lost_claim_are_queued_again_after_their_lease(
    sound: Ledger, shaky: Ledger, break_off: Callable[[], None]
) -> None:
    job = await submit(sound, CALLER, 100)
    break_off()
    await shaky.claim_jobs("worker", 1, 0, LIMITS)

    (claimed,) = await shaky.claim_jobs("worker", 1, 60, LIMITS)

    assert (claimed.job.id, claimed.mode) == (job.id, "run")
    assert (await sound.audit()).running_jobs == 1


@pytest.fixture
async def running(sound: Ledger) -> Job:
    """A job that `worker` has claimed."""
    job = await submit(sound, CALLER, 100)
    await sound.claim_jobs("worker", 1, 60, LIMITS)
    return job


async def test_a_job_is_ended_and_charged_once(
    sound: Ledger, shaky: Ledger, break_off: Callable[[], None], running: Job
) -> None:
    break_off()

    ended, settlement = await shaky.end_job(
        running.id, "worker", JobEnd(status="completed", cost=70, images=1)
    )

    assert settlement == Settlement(70, 930, late=False, excess=0)
    assert ended == await sound.job("studio", running.id)
    assert (await sound.account("studio")).balance == 930


async def test_an_event_is_added_once(
    sound: Ledger, shaky: Ledger, break_off: Callable[[], None], running: Job
) -> None:
    break_off()

    assert await shaky.add_job_event(running.id, "worker", JobEvent(kind="partial_image")) == 1
    assert await sound.add_job_event(running.id, "worker", JobEvent(kind="completed")) == 2
    kinds = [each.kind for each in await sound.job_events("studio", running.id)]
    assert kinds == ["partial_image", "completed"]


JOB_STEPS: dict[str, Callable[[Ledger, str], Awaitable[Any]]] = {
    "note_sent": lambda ledger, job: ledger.note_sent(job, "worker"),
    "note_tasks": lambda ledger, job: ledger.note_tasks(job, "worker", b"tasks"),
    "renew": lambda ledger, job: ledger.renew_jobs("worker", [job], 60),
    "hand_back": lambda ledger, job: ledger.hand_back_job(job, "worker"),
    "cancel": lambda ledger, job: ledger.cancel_job("studio", job),
}


@pytest.mark.parametrize("name", JOB_STEPS)
async def test_a_step_of_a_job_that_is_repeated_is_one_step(
    sound: Ledger, shaky: Ledger, break_off: Callable[[], None], running: Job, name: str
) -> None:
    break_off()

    await JOB_STEPS[name](shaky, running.id)

    audit = await sound.audit()
    assert audit.queued_jobs + audit.running_jobs == 1


async def test_a_note_that_arrives_late_changes_no_newer_one(
    postgresql_store: PostgresStore, sound: Ledger, running: Job
) -> None:
    await sound.note_tasks(running.id, "worker", b"old")
    await sound.note_tasks(running.id, "worker", b"new")

    statement = (
        NOTE_TASKS.replace("$1", f"'{running.id}'")
        .replace("$2", "'worker'")
        .replace("$3", "1")
        .replace("$4", "'old'")
    )
    assert await postgresql_store.query(statement) == []
    assert await postgresql_store.query("SELECT tasks FROM job") == [(b"new",)]
