from datetime import UTC, datetime, timedelta

import pytest

from tintype_gateway.ledger import (
    KeyExpiredError,
    KeyNotFoundError,
    KeyRevokedError,
    Ledger,
)
from tintype_testing.ledgers import Clock


@pytest.fixture(autouse=True)
async def studio(ledger: Ledger) -> None:
    await ledger.create_account("studio")


async def test_a_new_key_takes_the_place_of_the_old_one(ledger: Ledger) -> None:
    old, old_secret = await ledger.create_key("studio")

    new, secret = await ledger.rotate_key(old.id)

    caller = await ledger.authenticate(secret)
    assert (caller.account, caller.key_id) == ("studio", new.id)
    with pytest.raises(KeyRevokedError):
        await ledger.authenticate(old_secret)


async def test_the_old_key_can_live_on_for_a_while(ledger: Ledger, clock: Clock) -> None:
    old, secret = await ledger.create_key("studio")
    await ledger.rotate_key(old.id, keep_old_for_seconds=60)

    clock.advance(59)
    await ledger.authenticate(secret)
    clock.advance(1)

    with pytest.raises(KeyExpiredError):
        await ledger.authenticate(secret)


async def test_the_old_key_does_not_outlive_its_own_end(ledger: Ledger, clock: Clock) -> None:
    end = datetime.fromtimestamp(clock.now, UTC) + timedelta(seconds=10)
    old, _ = await ledger.create_key("studio", expires_at=end)

    await ledger.rotate_key(old.id, keep_old_for_seconds=60)

    assert {key.expires_at for key in await ledger.list_keys("studio")} == {end}


async def test_a_new_key_expires_with_the_old_one_or_as_requested(
    ledger: Ledger, clock: Clock
) -> None:
    end = datetime.fromtimestamp(clock.now, UTC) + timedelta(days=1)
    old, _ = await ledger.create_key("studio", expires_at=end)
    new, _ = await ledger.rotate_key(old.id)
    newest, _ = await ledger.rotate_key(new.id, expires_at=end + timedelta(days=90))

    assert (new.expires_at, newest.expires_at) == (end, end + timedelta(days=90))


async def test_a_key_that_has_ended_is_not_brought_back(ledger: Ledger, clock: Clock) -> None:
    revoked, _ = await ledger.create_key("studio")
    await ledger.revoke_key(revoked.id)
    end = datetime.fromtimestamp(clock.now + 1, UTC)
    expired, _ = await ledger.create_key("studio", expires_at=end)
    clock.advance(1)

    with pytest.raises(KeyRevokedError):
        await ledger.rotate_key(revoked.id)
    with pytest.raises(KeyExpiredError):
        await ledger.rotate_key(expired.id)

    assert len(await ledger.list_keys("studio")) == 2


async def test_a_key_that_never_was_cannot_be_rotated(ledger: Ledger) -> None:
    with pytest.raises(KeyNotFoundError):
        await ledger.rotate_key("key-0")


async def test_a_rotation_that_cannot_be_meant_is_refused(ledger: Ledger) -> None:
    key, secret = await ledger.create_key("studio")

    with pytest.raises(ValueError, match="-1 seconds"):
        await ledger.rotate_key(key.id, keep_old_for_seconds=-1)
    with pytest.raises(ValueError, match="time zone"):
        await ledger.rotate_key(key.id, expires_at=datetime(2030, 1, 1))

    await ledger.authenticate(secret)
