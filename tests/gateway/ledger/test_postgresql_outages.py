"""A server that is away, hangs, crashes or comes back: callers hear of it in bounded time."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator

import pytest

from tintype_gateway.ledger import Caller, Ledger, LedgerUnavailableError, open_ledger
from tintype_testing.ledger_stores import PostgresStore
from tintype_testing.ledgers import take
from tintype_testing.postgres import PostgresServer
from tintype_testing.tcp_proxy import TcpProxy, proxy_to
from tintype_testing.waiting import eventually

CALLER = Caller("studio", "key-1")

SOON = 3.0
"""Seconds that an impatient ledger waits."""


@pytest.fixture
def store(postgresql_store: PostgresStore) -> PostgresStore:
    return postgresql_store


@pytest.fixture(autouse=True)
async def studio(store: PostgresStore) -> None:
    ledger = store.open()
    await ledger.create_account("studio", credits_micro=1000)
    await ledger.close()


@pytest.fixture
async def ledger(store: PostgresStore) -> AsyncIterator[Ledger]:
    """A ledger that has been used before."""
    ledger = store.open()
    await ledger.check()
    yield ledger
    await ledger.close()


@pytest.fixture
async def proxy(store: PostgresStore) -> AsyncIterator[TcpProxy]:
    async with proxy_to(store.server.port) as proxy:
        yield proxy


@pytest.fixture
async def distant(store: PostgresStore, proxy: TcpProxy) -> AsyncIterator[Ledger]:
    """A ledger with short time limits that connects through the proxy."""
    url = store.server.url(store.name, proxy.port)
    ledger = open_ledger(url, busy_timeout_seconds=SOON)
    yield ledger
    await ledger.close()


@pytest.fixture
def stopped(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A server that may be stopped, and runs again afterwards."""
    yield postgres
    if not postgres.is_running:
        postgres.start()


async def test_a_server_that_is_away_is_unavailable_and_may_come_later(
    store: PostgresStore, stopped: PostgresServer
) -> None:
    stopped.stop()
    ledger = store.open(busy_timeout_seconds=SOON)

    async with asyncio.timeout(60):
        with pytest.raises(LedgerUnavailableError, match=r"no response in 3 seconds"):
            await ledger.account("studio")
        with pytest.raises(LedgerUnavailableError):
            await ledger.audit()
    stopped.start()

    assert (await ledger.account("studio")).balance == 1000
    await ledger.close()


async def test_operations_during_a_crash_complete_once_the_server_is_back(
    ledger: Ledger, stopped: PostgresServer
) -> None:
    hold = await take(ledger, CALLER, 400)
    stopped.stop(signal.SIGQUIT)
    settling = [asyncio.create_task(ledger.settle(hold, 150))]
    taking = [asyncio.create_task(take(ledger, CALLER, 10)) for _ in range(20)]
    await asyncio.to_thread(stopped.start)

    assert [settlement.charged for settlement in await asyncio.gather(*settling)] == [150]
    assert len({hold.id for hold in await asyncio.gather(*taking)}) == 20
    assert (await ledger.account("studio")).available == 1000 - 150 - 20 * 10


async def test_cut_connections_are_replaced_without_errors(
    ledger: Ledger, store: PostgresStore
) -> None:
    holds = [await take(ledger, CALLER, 10) for _ in range(3)]
    assert await store.server.disconnect_all(store.name) >= 1

    await asyncio.gather(*(ledger.settle(hold, 10) for hold in holds))

    assert (await ledger.account("studio")).balance == 970


async def test_a_server_that_hangs_is_unavailable_until_it_responds_again(
    distant: Ledger, proxy: TcpProxy
) -> None:
    await distant.check()
    proxy.is_silent = True

    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(
            *(distant.account("studio") for _ in range(100)), return_exceptions=True
        )
    proxy.is_silent = False

    assert {type(outcome) for outcome in outcomes} == {LedgerUnavailableError}
    assert (await distant.account("studio")).balance == 1000


async def test_a_server_that_hangs_from_the_first_word_on_is_unavailable_too(
    distant: Ledger, proxy: TcpProxy
) -> None:
    proxy.is_silent = True

    async with asyncio.timeout(60):
        with pytest.raises(LedgerUnavailableError):
            await distant.account("studio")
        with pytest.raises(LedgerUnavailableError):
            await distant.audit()


async def test_a_ledger_can_be_closed_while_the_server_hangs(
    distant: Ledger, proxy: TcpProxy
) -> None:
    await distant.check()
    proxy.is_silent = True
    task = asyncio.create_task(distant.account("studio"))
    await asyncio.sleep(0)

    async with asyncio.timeout(60):
        await distant.close()

    with pytest.raises(LedgerUnavailableError):
        await task


async def test_a_hold_whose_response_was_lost_is_released(
    distant: Ledger, proxy: TcpProxy, store: PostgresStore
) -> None:
    await distant.release(await take(distant, CALLER, 10), "so that all is prepared")
    proxy.is_deaf = True  # the server hears, and nobody hears the server
    with pytest.raises(LedgerUnavailableError):
        await take(distant, CALLER, 400)
    proxy.is_deaf = False

    async def released() -> bool:
        return await store.query("SELECT state FROM hold WHERE amount = 400") == [("released",)]

    await eventually(released)


async def test_a_hold_that_waits_for_a_lock_too_long_holds_nothing_in_the_end(
    ledger: Ledger, store: PostgresStore
) -> None:
    impatient = store.open(busy_timeout_seconds=SOON)
    async with store.locked():
        with pytest.raises(LedgerUnavailableError):
            await take(impatient, CALLER, 400)
        await store.nobody_waits()

    await impatient.close()
    assert (await ledger.account("studio")).held == 0


async def test_a_database_that_is_not_there_is_named_at_once_and_without_the_password(
    postgres: PostgresServer,
) -> None:
    url = postgres.url("nowhere").replace("tintype@", "tintype:hunter2@")
    ledger = open_ledger(url, busy_timeout_seconds=1000)

    with pytest.raises(LedgerUnavailableError, match="nowhere") as refusal:
        await ledger.check()

    assert "hunter2" not in str(refusal.value)
    await ledger.close()


async def test_a_text_that_postgresql_cannot_keep_is_no_outage(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="cannot keep"):
        await ledger.grant("studio", 1, reason="a \0 byte")


@pytest.mark.parametrize("url", ["postgresql://host:port/", "postgresql://?sslmode=maybe"])
async def test_a_url_that_makes_no_sense_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)url of the database|database's url"):
        await open_ledger(url, busy_timeout_seconds=1000).check()
