"""Kills clients, crashes the server, cuts connections, and audits what is left.

    python -m bench.ledger_torture --engine postgresql --kills 1000

Each round, some processes take, settle, release and forget holds of a few accounts at random, and
say what was acknowledged; then they are killed. In rounds of their own choosing, PostgreSQL is
crashed and restarted, or its connections are cut, while they work.
"""

import argparse
import asyncio
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.ledger_torture_client import CLIENTS
from tintype_gateway.ledger import Ledger
from tintype_gateway.ledger.factory import migrate_ledger
from tintype_testing.ledger_stores import PostgresStore, SqliteStore, Store
from tintype_testing.postgres import PostgresServer, running_postgres

ACCOUNTS = tuple(f"account-{number}" for number in range(5))

PROCESSES = 3

CREDITS_MICRO = 500
"""What each account gets a round: too little for all that is asked, so that some is refused."""

SETTLE_SECONDS = 30
"""How long a server may still work on what dead clients have asked for."""


@dataclass
class Toll:
    """What happened, and what was heard of it."""

    settled: dict[str, int] = field(default_factory=dict)
    """The costs of the holds whose settlement was acknowledged."""

    counts: Counter[str] = field(default_factory=Counter)

    def hear(self, line: str) -> None:
        """Note a line of a client: `settled HOLD COST`, or a word for what else it did."""
        words = line.split()
        if words[:1] == ["settled"] and len(words) == 3:
            self.settled[words[1]] = int(words[2])
        self.counts[words[0]] += 1


def main() -> int:
    """Print the toll, and return 1 where the ledger does not add up."""
    parser = argparse.ArgumentParser(prog="python -m bench.ledger_torture", description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], required=True)
    parser.add_argument("--kills", type=int, default=100, help="how many processes are killed")
    parser.add_argument("--seed", type=int, default=0, help="of the choices that are made here")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)  # noqa: S311 - no secret
    toll = Toll()
    with open_store(arguments.engine) as store:
        asyncio.run(grant(store))
        while toll.counts["kills"] < arguments.kills:
            play_round(store, rng, toll)
            asyncio.run(grant(store))
        problems = asyncio.run(judge(store, toll))
    for name, count in sorted(toll.counts.items()):
        print(f"{name}\t{count}")
    print(*problems or ["Nothing is lost, and nothing charged twice."], sep="\n")
    return 1 if problems else 0


@contextmanager
def open_store(engine: str) -> Iterator[Store]:
    """Provide an empty ledger."""
    if engine == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield SqliteStore(Path(folder, "ledger.db"))
        return
    with running_postgres(fsync="on") as server:
        store = PostgresStore(server, server.create_database())
        asyncio.run(migrate_ledger(store.url))
        yield store


def play_round(store: Store, rng: random.Random, toll: Toll) -> None:
    """Start clients, disturb them and the server, kill them, and hear what they had to say."""
    command = [sys.executable, "-m", "bench.ledger_torture_client", store.url, *ACCOUNTS]
    clients = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
        for _ in range(PROCESSES)
    ]
    for client in clients:
        if client.stdout is not None:
            client.stdout.readline()  # it has begun
    time.sleep(rng.uniform(0.05, 0.5))
    if isinstance(store, PostgresStore):
        disturb(store.server, store.name, rng, toll)
    for client in clients:
        client.kill()
        toll.counts["kills"] += 1
        printed, _ = client.communicate()
        for line in printed.splitlines(keepends=True):
            if line.endswith("\n"):  # it was killed in the middle of a line, else
                toll.hear(line)


def disturb(server: PostgresServer, database: str, rng: random.Random, toll: Toll) -> None:
    """Crash the server, or cut its connections, or leave it in peace."""
    what = rng.choice(["crashes", "cuts", "peace"])
    toll.counts[what] += 1
    if what == "crashes":
        server.stop(signal.SIGQUIT)
        server.start()
    elif what == "cuts":
        asyncio.run(server.disconnect_all(database))
    if what != "peace":
        time.sleep(rng.uniform(0.05, 0.5))


async def grant(store: Store) -> None:
    """Give each account its credits of a round, and give back what the dead have held."""
    ledger = store.open()
    for name in ACCOUNTS:
        await ledger.ensure_account(name, issuer="any", max_accounts=10_000)
        await ledger.grant(name, CREDITS_MICRO, reason="another round")
    await ledger.expire_holds()
    await ledger.close()


async def judge(store: Store, toll: Toll) -> list[str]:
    """Compare what was heard with what the ledger says, once all holds have expired."""
    ledger = store.open(lambda: time.time() + 3600, busy_timeout_seconds=60)
    await expire_all(ledger)
    audit = await ledger.audit()
    accounts = await ledger.accounts()
    await ledger.close()
    charged = dict(
        await store.query(
            "SELECT hold_id, amount FROM posting JOIN entry ON posting.id = posting_id"
            " WHERE account = 'sys:revenue'"
        )
    )
    toll.counts["charges"] = len(charged)
    unheard = len(charged.keys() - toll.settled.keys())
    in_flight = toll.counts["kills"] * CLIENTS + toll.counts["unavailable"]
    toll.counts["charges without an acknowledgement"] = unheard
    toll.counts["holds expired"] = audit.expired_holds
    lost = {hold: cost for hold, cost in toll.settled.items() if charged.get(hold) != cost}
    return [
        *audit.problems,
        *(f"{hold} was acknowledged at {cost}" for hold, cost in lost.items()),
        *(f"{account} is overspent" for account in accounts if account.balance < 0),
        *(f"{account} still holds" for account in accounts if account.held),
        *(["more was charged unheard than was in flight"] if unheard > in_flight else []),
    ]


async def expire_all(ledger: Ledger) -> None:
    """Expire all holds, also those that a server takes for clients that are dead by now."""
    async with asyncio.timeout(SETTLE_SECONDS):
        while await ledger.expire_holds() or any(one.held for one in await ledger.accounts()):
            pass


if __name__ == "__main__":
    sys.exit(main())
