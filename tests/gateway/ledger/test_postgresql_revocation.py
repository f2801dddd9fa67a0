"""A key that is revoked while it is looked up, in a database that serves both at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from tintype_gateway.ledger import KeyRevokedError, Ledger, Policy, open_ledger
from tintype_gateway.ledger.caching import cached
from tintype_testing.ledger_stores import PostgresStore
from tintype_testing.tcp_proxy import TcpProxy, proxy_to
from tintype_testing.waiting import eventually

BLOCKED = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"


@pytest.fixture
async def proxy(postgresql_store: PostgresStore) -> AsyncIterator[TcpProxy]:
    async with proxy_to(postgresql_store.server.port) as proxy:
        yield proxy


@pytest.fixture
async def ledger(postgresql_store: PostgresStore, proxy: TcpProxy) -> AsyncIterator[Ledger]:
    """A ledger as a gateway opens it, with the account `studio`."""
    store = postgresql_store
    ledger = cached(open_ledger(store.server.url(store.name, proxy.port)))
    await ledger.create_account("studio")
    yield ledger
    await ledger.close()


@pytest.fixture(params=["revoked", "rotated"])
async def ended(request: pytest.FixtureRequest, ledger: Ledger) -> Callable[[str], Awaitable[None]]:
    """Ends a key, in each way that there is."""

    async def revoke(key_id: str) -> None:
        await ledger.revoke_key(key_id)

    async def rotate(key_id: str) -> None:
        await ledger.rotate_key(key_id)

    return {"revoked": revoke, "rotated": rotate}[request.param]


async def test_a_look_up_during_a_revocation_is_not_remembered_after_it(
    ledger: Ledger, postgresql_store: PostgresStore, ended: Callable[[str], Awaitable[None]]
) -> None:
    key, secret = await ledger.create_key("studio")
    other = await asyncpg.connect(postgresql_store.url)

    async def it_waits() -> bool:
        return bool(await other.fetchval(BLOCKED))

    async with other.transaction():
        await other.execute("SELECT FROM api_key FOR UPDATE")
        ending = asyncio.ensure_future(ended(key.id))
        await eventually(it_waits)
        await ledger.authenticate(secret)  # which the lock does not stop: the key is still valid
    await ending

    with pytest.raises(KeyRevokedError):
        await ledger.authenticate(secret)
    await other.close()


async def test_a_look_up_that_began_before_a_revocation_is_refused_after_it(
    ledger: Ledger, proxy: TcpProxy, ended: Callable[[str], Awaitable[None]]
) -> None:
    key, secret = await ledger.create_key("studio")
    _, another = await ledger.create_key("studio")
    await ledger.authenticate(another)  # so that the statement is prepared
    released = proxy.hold("response")
    looking_up = asyncio.ensure_future(ledger.authenticate(secret))
    await proxy.holding.wait()

    await ended(key.id)
    released.set()

    with pytest.raises(KeyRevokedError):
        await looking_up
    with pytest.raises(KeyRevokedError):
        await ledger.authenticate(secret)


async def test_a_look_up_that_began_before_a_policy_was_set_returns_the_new_one(
    ledger: Ledger, proxy: TcpProxy
) -> None:
    _, secret = await ledger.create_key("studio")
    _, another = await ledger.create_key("studio")
    await ledger.authenticate(another)
    released = proxy.hold("response")
    looking_up = asyncio.ensure_future(ledger.authenticate(secret))
    await proxy.holding.wait()

    await ledger.set_policy("studio", Policy(models=frozenset({"canvas"})))
    released.set()

    assert (await looking_up).models == frozenset({"canvas"})
