from pathlib import Path

import pytest

from tests.gateway.ledger.support import Clock, connect, take
from tintype_gateway.ledger import Audit, Caller, Ledger


@pytest.fixture(autouse=True)
async def traffic(ledger: Ledger, caller: Caller, clock: Clock) -> None:
    """One hold that expired, one settled after that, one settled in time, one that is open."""
    await take(ledger, caller, 100, lifetime_seconds=1)
    late = await take(ledger, caller, 100, lifetime_seconds=1)
    clock.advance(1)
    await ledger.expire_holds()
    await ledger.settle(late, 0)
    await ledger.settle(await take(ledger, caller, 400), 150)
    await take(ledger, caller, 70)


async def test_a_sound_ledger_has_no_problems(ledger: Ledger) -> None:
    assert await ledger.audit() == Audit(
        accounts=1, entries=6, open_holds=1, expired_holds=1, late_charges=1, problems=()
    )


@pytest.mark.parametrize(
    ("tampering", "problem"),
    [
        (
            "UPDATE account SET balance = balance + 1 WHERE name = 'studio'",
            "account studio has the balance 851, its entries add up to 850",
        ),
        (
            "UPDATE account SET held = 0 WHERE name = 'studio'",
            "account studio has 0 held, its open holds add up to 70",
        ),
        (
            "INSERT INTO entry (posting_id, account, amount) VALUES (1, 'sys:revenue', 5)",
            "posting 1 has 3 entries that add up to 5",
        ),
        (
            "INSERT INTO entry (posting_id, account, amount) VALUES (1, 'sys:revenue', 5)",
            "all entries add up to 5",
        ),
        (
            "INSERT INTO posting (kind, reason, created_at) VALUES ('grant', 'a gift', 0)",
            "posting 4 has 0 entries that add up to 0",
        ),
        (
            "INSERT INTO posting (kind, reason, created_at) VALUES ('grant', 'a gift', 0);"
            "INSERT INTO entry VALUES (4, 'studio', 5), (4, 'sys:funding', -4)",
            "posting 4 has 2 entries that add up to 1",
        ),
        (
            "UPDATE hold SET state = 'settled', closed_at = 0, id = 'it' WHERE state = 'open'",
            "it is settled and has 0 charges",
        ),
        (
            "UPDATE hold SET state = 'open', closed_at = NULL WHERE amount = 400",
            "is open and has 1 charges",
        ),
        (
            "UPDATE hold SET amount = 149 WHERE amount = 400",
            "of 149 was charged 150",
        ),
    ],
)
async def test_a_contradiction_is_a_problem(
    ledger: Ledger, path: Path, tampering: str, problem: str
) -> None:
    other = connect(path)
    other.executescript(tampering)
    other.close()

    problems = (await ledger.audit()).problems

    assert any(problem in sentence for sentence in problems), problems
