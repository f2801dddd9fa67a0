"""Traffic on a server that is crashed, and whose connections are cut, again and again.

`bench/ledger_torture.py` does the same for longer, and kills the clients too.
"""

import asyncio
import signal
import time

from tintype_gateway.ledger import Caller, Ledger, LedgerUnavailableError
from tintype_testing.ledger_stores import PostgresStore
from tintype_testing.ledgers import take
from tintype_testing.postgres import PostgresServer
from tintype_testing.waiting import eventually

CALLER = Caller("studio", "key-1")


class Traffic:
    """Requests, one after another by each of some clients, and what they heard."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._over = asyncio.Event()
        self.acknowledged: dict[str, int] = {}
        self.unconfirmed: set[str] = set()

    async def client(self, cost: int) -> None:
        while not self._over.is_set():
            try:
                hold = await take(self._ledger, CALLER, 10)
            except LedgerUnavailableError:
                continue
            try:
                await self._ledger.settle(hold, cost)
            except LedgerUnavailableError:
                self.unconfirmed.add(hold.id)
            else:
                self.acknowledged[hold.id] = cost

    async def go_on(self) -> None:
        """Wait until 50 more requests were served."""
        goal = len(self.acknowledged) + 50

        async def reached() -> bool:
            await asyncio.sleep(0.01)
            return len(self.acknowledged) >= goal

        await eventually(reached)

    def end(self) -> None:
        self._over.set()


async def test_what_was_acknowledged_is_charged_once_and_nothing_else_is(
    postgresql_store: PostgresStore, postgres: PostgresServer
) -> None:
    ledger = postgresql_store.open()
    await ledger.create_account("studio", unlimited=True)
    traffic = Traffic(ledger)
    async with asyncio.TaskGroup() as clients:
        for cost in range(1, 9):
            clients.create_task(traffic.client(cost))
        for _ in range(3):
            await traffic.go_on()
            await postgres.disconnect_all(postgresql_store.name)
        await traffic.go_on()
        await asyncio.to_thread(crash_and_restart, postgres)
        await traffic.go_on()
        traffic.end()
    await ledger.close()

    ledger = postgresql_store.open(clock=lambda: time.time() + 3600)
    await ledger.expire_holds()
    charged = dict(
        await postgresql_store.query(
            "SELECT hold_id, amount FROM posting JOIN entry ON posting.id = posting_id"
            " WHERE account = 'sys:revenue'"
        )
    )
    account = await ledger.account("studio")
    assert charged.items() >= traffic.acknowledged.items()
    assert charged.keys() - traffic.acknowledged.keys() <= traffic.unconfirmed
    assert (account.balance, account.held) == (-sum(charged.values()), 0)
    assert (await ledger.audit()).problems == ()
    await ledger.close()


def crash_and_restart(server: PostgresServer) -> None:
    server.stop(signal.SIGQUIT)
    server.start()
