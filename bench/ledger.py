"""How many requests a second each engine of the ledger pays for: `python -m bench.ledger`.

A request is one hold and its settlement. Clients wait for each other's locks and commits, not for
providers; one process, its database on this machine, every charge on the disk (`fsync`). A
statement is what PostgreSQL counts as a transaction: each is one, and one round trip. CPU is that
of this process, so that what a PostgreSQL server takes is not in it.
"""

import argparse
import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from tintype_gateway.holds import HoldRequest
from tintype_gateway.ledger import Caller, Ledger, open_ledger
from tintype_gateway.ledger.factory import migrate_ledger
from tintype_testing.postgres import PostgresServer, running_postgres

CLIENTS = (1, 8, 64)

ACCOUNTS = 256
"""How many are "many"."""

HEADER = (
    "engine",
    "accounts",
    "clients",
    "requests/s",
    "CPU ms each",
    "hold p50 ms",
    "p99 ms",
    "statements each",
)


@dataclass
class Result:
    """What the clients of one run did."""

    seconds: float
    cpu_seconds: float = 0
    hold_seconds: list[float] = field(default_factory=list)
    statements: int | None = None

    def cells(self) -> Sequence[str]:
        """Return the figures of a row."""
        requests = len(self.hold_seconds)
        centiles = statistics.quantiles(self.hold_seconds, n=100)
        each = "in process" if self.statements is None else f"{self.statements / requests:.2f}"
        rate, cpu = f"{requests / self.seconds:.0f}", f"{self.cpu_seconds / requests * 1000:.2f}"
        return rate, cpu, f"{centiles[49] * 1000:.1f}", f"{centiles[98] * 1000:.1f}", each


async def measure(ledger: Ledger, clients: int, accounts: int, seconds: float) -> Result:
    """Let clients pay for request after request, each of an account of its own turn."""
    result = Result(seconds)
    numbers = itertools.cycle(range(accounts))
    end, cpu_before = time.perf_counter() + seconds, time.process_time()

    async def client() -> None:
        while (begin := time.perf_counter()) < end:
            hold = await ledger.hold(
                Caller(f"account-{next(numbers)}", "key-1"),
                HoldRequest(
                    amount=10,
                    request_id="request",
                    model="gpt-image-1",
                    provider="openai",
                    lifetime_seconds=240,
                ),
            )
            result.hold_seconds.append(time.perf_counter() - begin)
            await ledger.settle(hold, 7, images=1)

    await asyncio.gather(*(client() for _ in range(clients)))
    result.cpu_seconds = time.process_time() - cpu_before
    return result


@asynccontextmanager
async def opened(url: str, accounts: int) -> AsyncIterator[Ledger]:
    """Open a ledger in which these accounts can pay."""
    ledger = open_ledger(url, busy_timeout_seconds=60)
    for number in range(accounts):
        await ledger.ensure_account(f"account-{number}", issuer="any", max_accounts=10_000)
        await ledger.grant(f"account-{number}", 10**12, reason="for the measurement")
    yield ledger
    await ledger.close()


async def run_sqlite(folder: Path, clients: int, accounts: int, seconds: float) -> Result:
    """Measure a new file."""
    url = f"sqlite:///{folder / f'{accounts}-{clients}.db'}"
    async with opened(url, accounts) as ledger:
        return await measure(ledger, clients, accounts, seconds)


async def run_postgresql(url: str, clients: int, accounts: int, seconds: float) -> Result:
    """Measure a database, and count the transactions there."""
    async with opened(url, accounts):
        pass
    before = await transactions(url)
    ledger = open_ledger(url, busy_timeout_seconds=60)
    result = await measure(ledger, clients, accounts, seconds)
    await ledger.close()
    result.statements = await transactions(url) - before
    return result


async def transactions(url: str) -> int:
    """Return how many transactions the sessions that have ended committed in a database."""
    connection = await asyncpg.connect(url)
    await asyncio.sleep(1)  # until those sessions have reported
    query = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
    count: int = await connection.fetchval(query)
    await connection.close()
    return count


@contextmanager
def postgresql_url() -> Iterator[str]:
    """Run a server that loses nothing, with an empty ledger."""
    with running_postgres(fsync="on") as server:
        yield _migrated(server)


def _migrated(server: PostgresServer) -> str:
    url = server.url(server.create_database())
    asyncio.run(migrate_ledger(url))
    return url


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.ledger", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3, help="how long each row is measured")
    seconds = parser.parse_args().seconds
    print_row(HEADER)
    rows = list(itertools.product((1, ACCOUNTS), CLIENTS))
    with tempfile.TemporaryDirectory() as folder:
        for accounts, clients in rows:
            result = asyncio.run(run_sqlite(Path(folder), clients, accounts, seconds))
            print_row(("SQLite", str(accounts), str(clients), *result.cells()))
    with postgresql_url() as url:
        for accounts, clients in rows:
            result = asyncio.run(run_postgresql(url, clients, accounts, seconds))
            print_row(("PostgreSQL", str(accounts), str(clients), *result.cells()))


def print_row(cells: Sequence[str]) -> None:
    """Print a row of a Markdown table."""
    print("|", " | ".join(f"{cell:>15}" for cell in cells), "|", flush=True)


if __name__ == "__main__":
    main()
