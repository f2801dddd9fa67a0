"""What the database refuses by itself, whatever the code above it does."""

import pytest

from tintype_gateway.ledger import Caller, Idempotency, Ledger
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import take


@pytest.fixture
async def database(ledger: Ledger, caller: Caller, store: Store) -> Store:
    """A ledger with a grant, a charge and an open hold."""
    await ledger.settle(await take(ledger, caller, 400), 150)
    await take(ledger, caller, 70, idempotency=Idempotency("poster-7", "digest"))
    return store


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET amount = 0",
        "DELETE FROM entry",
        "UPDATE posting SET reason = 'another' WHERE kind = 'grant'",
        "DELETE FROM posting",
    ],
)
async def test_what_was_posted_cannot_be_changed(database: Store, statement: str) -> None:
    with pytest.raises(database.refusal, match="append-only"):
        await database.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE account SET held = -1",
        "UPDATE account SET requests_per_minute = 0",
        "UPDATE account SET images_per_minute = -1",
        "UPDATE account SET response_profile = 'azure'",
        "UPDATE account SET calls_per_minute = 0",
        "UPDATE account SET queued_jobs = 0",
        "UPDATE account SET running_jobs = 0",
        "UPDATE hold SET amount = -1",
        "UPDATE hold SET images = -1",
        "UPDATE hold SET state = 'lost'",
        "UPDATE hold SET state = 'settled' WHERE state = 'open'",
    ],
)
async def test_a_figure_or_state_that_cannot_be_is_refused(database: Store, statement: str) -> None:
    with pytest.raises(database.refusal, match=r"(?i)check"):
        await database.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO entry (posting_id, account, amount)"
        " SELECT posting_id, account, 5 FROM entry WHERE account = 'studio'",
        "INSERT INTO posting (id, kind, hold_id, created_at)"
        " SELECT {new}, kind, hold_id, created_at FROM posting WHERE hold_id IS NOT NULL",
        "UPDATE hold SET idempotency_key = 'poster-7', request_digest = 'digest'",
    ],
)
async def test_a_second_entry_charge_or_use_of_a_key_is_refused(
    database: Store, statement: str
) -> None:
    with pytest.raises(database.refusal, match=r"(?i)unique"):
        await database.execute(statement.replace("{new}", database.new_posting_id))
