"""Connections that are kept, and how often the server is asked."""

from collections.abc import AsyncIterator

import pytest

from tintype_gateway.ledger import Caller, Ledger, open_ledger
from tintype_testing.ledger_stores import PostgresStore
from tintype_testing.ledgers import take
from tintype_testing.tcp_proxy import TcpProxy, proxy_to

CALLER = Caller("studio", "key-1")

SESSIONS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'tintype'
"""


@pytest.fixture
async def proxy(postgresql_store: PostgresStore) -> AsyncIterator[TcpProxy]:
    async with proxy_to(postgresql_store.server.port) as proxy:
        yield proxy


@pytest.fixture
async def ledger(postgresql_store: PostgresStore, proxy: TcpProxy) -> AsyncIterator[Ledger]:
    """A ledger that has served a request before."""
    ledger = open_ledger(postgresql_store.server.url(postgresql_store.name, proxy.port))
    await ledger.create_account("studio", credits_micro=1000)
    await pay(ledger)
    yield ledger
    await ledger.close()


async def pay(ledger: Ledger) -> None:
    await ledger.settle(await take(ledger, CALLER, 10), 7, images=1)


async def test_a_request_costs_two_round_trips(ledger: Ledger, proxy: TcpProxy) -> None:
    before = proxy.requests

    await pay(ledger)

    assert proxy.requests == before + 2


async def test_a_connection_serves_one_request_after_another(
    ledger: Ledger, postgresql_store: PostgresStore
) -> None:
    first = await postgresql_store.query(SESSIONS)

    await pay(ledger)

    assert await postgresql_store.query(SESSIONS) == first
