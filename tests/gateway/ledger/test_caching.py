import pytest

from tintype_gateway.ledger import (
    Account,
    AccountSpec,
    AccountSuspendedError,
    KeyNotFoundError,
    KeyRevokedError,
    Ledger,
    Policy,
)
from tintype_gateway.ledger.caching import cached
from tintype_testing.ledgers import Clock


@pytest.fixture(autouse=True)
async def studio(ledger: Ledger) -> Account:
    return await ledger.create_account("studio")


@pytest.fixture
def remembered(ledger: Ledger, clock: Clock) -> Ledger:
    return cached(ledger, clock)


async def test_a_key_is_asked_about_once_in_a_second(
    ledger: Ledger, remembered: Ledger, clock: Clock
) -> None:
    key, secret = await ledger.create_key("studio")
    caller = await remembered.authenticate(secret)
    await ledger.revoke_key(key.id)  # as another process does

    assert await remembered.authenticate(secret) == caller

    clock.advance(1)
    with pytest.raises(KeyRevokedError):
        await remembered.authenticate(secret)


async def test_a_key_that_this_process_revokes_ends_at_once(remembered: Ledger) -> None:
    key, secret = await remembered.create_key("studio")
    await remembered.authenticate(secret)

    await remembered.revoke_key(key.id)

    with pytest.raises(KeyRevokedError):
        await remembered.authenticate(secret)


async def test_a_policy_that_this_process_sets_holds_at_once(remembered: Ledger) -> None:
    _, secret = await remembered.create_key("studio")
    await remembered.authenticate(secret)

    await remembered.set_policy("studio", Policy(models=frozenset({"canvas"})))

    caller = await remembered.authenticate(secret)
    assert caller.may_use("canvas")
    assert not caller.may_use("other")


async def test_an_account_that_another_process_suspends_is_refused_within_a_second(
    ledger: Ledger, remembered: Ledger, clock: Clock
) -> None:
    _, secret = await ledger.create_key("studio")
    await remembered.authenticate(secret)

    await ledger.put_account("studio", AccountSpec(suspended=True))
    clock.advance(1)

    with pytest.raises(AccountSuspendedError):
        await remembered.authenticate(secret)


async def test_an_account_that_this_process_suspends_is_refused_at_once(
    remembered: Ledger,
) -> None:
    _, secret = await remembered.create_key("studio")
    await remembered.authenticate(secret)

    await remembered.put_account("studio", AccountSpec(suspended=True))

    with pytest.raises(AccountSuspendedError):
        await remembered.authenticate(secret)


async def test_an_unknown_secret_is_not_cached(remembered: Ledger) -> None:
    for _ in range(2):
        with pytest.raises(KeyNotFoundError):
            await remembered.authenticate("tt-unknown")


async def test_everything_else_is_the_ledgers_own(remembered: Ledger) -> None:
    await remembered.grant("studio", 7, reason="test")

    assert (await remembered.account("studio")).balance == 7
