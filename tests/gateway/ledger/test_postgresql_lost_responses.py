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
    Caller,
    HoldClosedError,
    KeyRevokedError,
    Ledger,
    Policy,
    Settlement,
    open_ledger,
)
from tintype_testing.ledger_stores import PostgresStore
from tintype_testing.ledgers import take
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
