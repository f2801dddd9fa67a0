import pytest

from tintype_gateway.ledger import Audit, Caller, Ledger
from tintype_gateway.ledger.jobs import JobEnd
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import LIMITS, Clock, submit, take

GIFT = "INSERT INTO posting (id, kind, reason, created_at) SELECT {new}, kind, reason, created_at"
GIFT += " FROM posting WHERE kind = 'grant'"


@pytest.fixture(autouse=True)
async def traffic(ledger: Ledger, caller: Caller, clock: Clock) -> None:
    """A hold that expired, one settled after that, one settled in time, one whose outcome is not
    known, one that is open; and a correction."""
    await take(ledger, caller, 100, lifetime_seconds=1)
    late = await take(ledger, caller, 100, lifetime_seconds=1)
    clock.advance(1)
    await ledger.expire_holds()
    await ledger.settle(late, 0)
    await ledger.settle(await take(ledger, caller, 400), 150, images=2)
    await ledger.release(await take(ledger, caller, 30), "timeout", outcome_unknown=True)
    await take(ledger, caller, 70)
    await ledger.adjust("studio", -50, reason="an invoice of June")


async def test_a_sound_ledger_has_no_problems(ledger: Ledger) -> None:
    assert await ledger.audit() == Audit(
        accounts=1,
        entries=8,
        open_holds=1,
        expired_holds=1,
        unknown_outcomes=1,
        late_charges=1,
        undelivered_charges=2,
        queued_jobs=0,
        running_jobs=0,
        archive_runs=0,
        unfinished_archive_runs=0,
        archived_postings=0,
        problems=(),
    )


async def test_charges_are_undelivered_until_the_delivery_is_recorded(
    ledger: Ledger, caller: Caller
) -> None:
    settled = [await take(ledger, caller, 10) for _ in range(3)]
    for hold in settled:
        await ledger.settle(hold, 10)

    await ledger.mark_delivered(settled[:2])
    await ledger.mark_delivered(settled[:1])

    assert (await ledger.audit()).undelivered_charges == 2 + 1


async def test_what_was_not_charged_cannot_be_delivered(ledger: Ledger, caller: Caller) -> None:
    hold = await take(ledger, caller, 10)

    await ledger.mark_delivered([hold])
    await ledger.settle(hold, 10)

    assert (await ledger.audit()).undelivered_charges == 2 + 1


@pytest.mark.parametrize(
    ("tampering", "problem"),
    [
        (
            "UPDATE account SET balance = balance + 1 WHERE name = 'studio'",
            "account studio has the balance 801, its entries add up to 800",
        ),
        (
            "UPDATE account SET held = 0 WHERE name = 'studio'",
            "account studio has 0 held, its open holds add up to 70",
        ),
        (
            "INSERT INTO entry (posting_id, account, amount)"
            " SELECT id, 'sys:revenue', 5 FROM posting WHERE kind = 'grant'",
            "has 3 entries that add up to 5",
        ),
        (
            "INSERT INTO entry (posting_id, account, amount)"
            " SELECT id, 'sys:revenue', 5 FROM posting WHERE kind = 'grant'",
            "all entries add up to 5",
        ),
        (GIFT, "has 0 entries that add up to 0"),
        (
            f"{GIFT}; INSERT INTO entry (posting_id, account, amount)"  # noqa: S608 - our own words
            " VALUES ({new}, 'studio', 5), ({new}, 'sys:funding', -4)",
            "has 2 entries that add up to 1",
        ),
        (
            "UPDATE hold SET {reopened} WHERE amount = 400",
            "is open and has 1 charges",
        ),
        (
            "UPDATE hold SET id = 'it' WHERE state = 'open';"
            "UPDATE hold SET {settled} WHERE state = 'open'",
            "it is settled and has 0 charges",
        ),
        ("UPDATE hold SET amount = 149 WHERE amount = 400", "of 149 was charged 150"),
        (
            "UPDATE daily_usage SET requests = requests + 1, charged = charged - 9",
            "account studio has 1 requests, 0 images and -9 micro-credits more in its daily usage",
        ),
        (
            "DELETE FROM daily_usage",
            "account studio has -2 requests, -2 images and -150 micro-credits more",
        ),
    ],
)
async def test_a_contradiction_is_a_problem(
    ledger: Ledger, store: Store, tampering: str, problem: str
) -> None:
    names = {"new": store.new_posting_id, "settled": store.settled, "reopened": store.reopened}
    await store.execute(tampering.format_map(names))

    problems = (await ledger.audit()).problems

    assert any(problem in sentence for sentence in problems), problems


@pytest.fixture
async def jobs(ledger: Ledger, caller: Caller) -> None:
    """A completed job, one that runs and two that are queued."""
    done = await submit(ledger, caller, 20, model="done")
    running = await submit(ledger, caller, 20, model="running")
    for _ in range(2):
        await submit(ledger, caller, 20, model="queued")
    await ledger.claim_jobs("worker", 2, 60, LIMITS)
    await ledger.note_tasks(running.id, "worker", b"tasks")
    await ledger.end_job(done.id, "worker", JobEnd(status="completed", cost=15, images=1))


async def test_jobs_are_counted_and_sound(ledger: Ledger, jobs: None) -> None:
    audit = await ledger.audit()

    assert (audit.queued_jobs, audit.running_jobs, audit.problems) == (2, 1, ())
    assert audit.undelivered_charges == 2, "the images of a completed job are in the store"


@pytest.mark.parametrize(
    ("tampering", "problem"),
    [
        (
            "DELETE FROM hold WHERE model = 'running'",
            "is in_progress, and its hold is missing",
        ),
        (
            "UPDATE hold SET {released} WHERE model = 'running'",
            "is in_progress, and its hold is released",
        ),
        ("UPDATE job SET amount = 7 WHERE model = 'running'", "and its hold is missing"),
        (
            "UPDATE job SET status = 'failed', lease_until = NULL, finished_at = created_at,"
            " expires_at = created_at WHERE model = 'running'",
            "is failed, and its hold is open",
        ),
        (
            "UPDATE job SET charged = 14 WHERE model = 'done'",
            "is completed and was charged 14, its hold 15",
        ),
        (
            "UPDATE job SET status = 'failed', charged = NULL WHERE model = 'done'",
            "is failed and was charged 0, its hold 15",
        ),
        (
            "UPDATE job SET payload = (SELECT payload FROM job WHERE model = 'running')"
            " WHERE model = 'done'",
            "is completed and still has its request",
        ),
        (
            "UPDATE job SET tasks = (SELECT tasks FROM job WHERE model = 'running')"
            " WHERE model = 'done'",
            "is completed and still has its request",
        ),
        (
            "UPDATE job_queue SET running = 3",
            "account studio has 2 queued and 3 running jobs in its queue, but 2 and 1 of them",
        ),
        (
            "DELETE FROM job_queue",
            "account studio has 0 queued and 0 running jobs in its queue, but 2 and 1 of them",
        ),
    ],
)
async def test_a_contradiction_of_a_job_is_a_problem(
    ledger: Ledger, jobs: None, store: Store, tampering: str, problem: str
) -> None:
    await store.execute(tampering.replace("{released}", store.released))

    problems = (await ledger.audit()).problems

    assert any(problem in sentence for sentence in problems), problems
