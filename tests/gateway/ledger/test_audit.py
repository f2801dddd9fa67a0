import pytest

from tintype_gateway.ledger import Audit, Caller, Ledger
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import Clock, take

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
