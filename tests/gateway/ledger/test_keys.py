import hashlib
import re
from datetime import UTC, datetime, timedelta

import pytest

from tintype_gateway.ledger import (
    AccountNotFoundError,
    Caller,
    KeyExpiredError,
    KeyNotFoundError,
    KeyRevokedError,
    Ledger,
)
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import Clock


@pytest.fixture(autouse=True)
async def studio(ledger: Ledger) -> None:
    await ledger.create_account("studio")


async def test_a_secret_says_who_calls(ledger: Ledger) -> None:
    key, secret = await ledger.create_key("studio")

    assert await ledger.authenticate(secret) == Caller(account="studio", key_id=key.id)


async def test_each_secret_is_its_own(ledger: Ledger) -> None:
    first, first_secret = await ledger.create_key("studio")
    second, second_secret = await ledger.create_key("studio")

    assert (await ledger.authenticate(first_secret)).key_id == first.id
    assert (await ledger.authenticate(second_secret)).key_id == second.id


async def test_a_secret_can_be_recognized_and_not_guessed(ledger: Ledger) -> None:
    _, secret = await ledger.create_key("studio")

    assert re.fullmatch(r"sk-tintype-[A-Za-z0-9_-]{43}", secret)


async def test_the_database_knows_the_digest_and_not_the_secret(
    ledger: Ledger, store: Store
) -> None:
    _, secret = await ledger.create_key("studio")

    stored = await store.stored()

    assert hashlib.sha256(secret.encode()).digest() in stored
    assert secret.removeprefix("sk-tintype-").encode() not in stored


async def test_a_key_says_when_it_begins_and_ends(ledger: Ledger, clock: Clock) -> None:
    begin = datetime.fromtimestamp(clock.now, UTC)

    key, _ = await ledger.create_key("studio", expires_at=begin + timedelta(days=1))

    assert (key.account, key.created_at, key.expires_at, key.revoked_at) == (
        "studio",
        begin,
        begin + timedelta(days=1),
        None,
    )


async def test_a_key_for_an_unknown_account_is_refused(ledger: Ledger) -> None:
    with pytest.raises(AccountNotFoundError):
        await ledger.create_key("nobody")


async def test_an_end_date_without_time_zone_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="time zone"):
        await ledger.create_key("studio", expires_at=datetime(2030, 1, 1))


@pytest.mark.parametrize("secret", ["", "sk-tintype-" + "A" * 43, "\udcff\ud800", "ключ"])
async def test_an_unknown_secret_is_refused(ledger: Ledger, secret: str) -> None:
    await ledger.create_key("studio")

    with pytest.raises(KeyNotFoundError):
        await ledger.authenticate(secret)


async def test_a_key_works_until_it_expires(ledger: Ledger, clock: Clock) -> None:
    end = datetime.fromtimestamp(clock.now + 60, UTC)
    _, secret = await ledger.create_key("studio", expires_at=end)

    clock.advance(59)
    await ledger.authenticate(secret)
    clock.advance(1)

    with pytest.raises(KeyExpiredError):
        await ledger.authenticate(secret)


async def test_a_revoked_key_ends_at_once(ledger: Ledger) -> None:
    key, secret = await ledger.create_key("studio")

    await ledger.revoke_key(key.id)

    with pytest.raises(KeyRevokedError):
        await ledger.authenticate(secret)


async def test_revoking_one_key_leaves_the_others(ledger: Ledger) -> None:
    key, _ = await ledger.create_key("studio")
    other, other_secret = await ledger.create_key("studio")

    await ledger.revoke_key(key.id)

    assert (await ledger.authenticate(other_secret)).key_id == other.id


async def test_a_key_stays_revoked_since_the_first_time(ledger: Ledger, clock: Clock) -> None:
    key, _ = await ledger.create_key("studio")
    await ledger.revoke_key(key.id)
    revoked_at = datetime.fromtimestamp(clock.now, UTC)
    clock.advance(60)

    await ledger.revoke_key(key.id)

    (listed,) = await ledger.list_keys("studio")
    assert listed.revoked_at == revoked_at


async def test_revoking_an_unknown_key_is_refused(ledger: Ledger) -> None:
    with pytest.raises(KeyNotFoundError):
        await ledger.revoke_key("key-0")


async def test_keys_are_listed_from_the_oldest_on_also_when_they_have_ended(
    ledger: Ledger, clock: Clock
) -> None:
    first, _ = await ledger.create_key("studio")
    clock.advance(1)
    second, _ = await ledger.create_key("studio")
    await ledger.revoke_key(first.id)
    await ledger.create_account("other")
    await ledger.create_key("other")

    assert [key.id for key in await ledger.list_keys("studio")] == [first.id, second.id]


async def test_the_keys_of_an_unknown_account_cannot_be_listed(ledger: Ledger) -> None:
    with pytest.raises(AccountNotFoundError):
        await ledger.list_keys("nobody")
