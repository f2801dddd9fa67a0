"""What polls cost a gateway whose queue is long: `python -m bench.job_polls`.

A gateway takes jobs and runs none; its database is on this machine, with every change on the disk.
A client looks at jobs over HTTP on loopback, one after another, with one job in the queue and then
with 10,000, which eight clients submit by HTTP. Memory and CPU are those of the gateway's process.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import aiohttp

from bench.ledger import postgresql_url, print_row
from bench.processes import cpu_seconds, forget_peak, memory_bytes, peak_memory_bytes
from tintype_gateway.accounts import Policy
from tintype_gateway.ledger import open_ledger
from tintype_gateway.ledger.factory import migrate_ledger
from tintype_testing.job_fleet import JobFleet

CLIENTS = 8

ACCOUNT = "studio"

JOBS = "/v1/images/jobs"

NOWHERE = "http://127.0.0.1:9"
"""No provider is called."""

HEADER = ("engine", "queued", "what", "each a second", "CPU ms each", "p50 ms", "p99 ms", "MiB")


class Bench:
    """One gateway, and the client of its jobs."""

    def __init__(self, engine: str, fleet: JobFleet, http: aiohttp.ClientSession) -> None:
        self._engine = engine
        self._fleet = fleet
        self._http = http
        self._jobs: list[str] = []

    async def submit(self, number: int) -> None:
        """Submit a job."""
        body = {"model": "canvas", "prompt": f"image {number} of a hedgehog"}
        url = f"{self._fleet.urls[0]}/v1/images/generations"
        async with self._http.post(url, json=body, headers={"Prefer": "respond-async"}) as response:
            response.raise_for_status()
            self._jobs.append((await response.json())["id"])

    async def look(self, number: int) -> None:
        """Look at a job."""
        await self._get(f"/{self._jobs[number % len(self._jobs)]}")

    async def list(self, number: int) -> None:
        """Look at a page of 20 jobs."""
        await self._get("?status=queued")

    async def _get(self, path: str) -> None:
        async with self._http.get(f"{self._fleet.urls[0]}{JOBS}{path}") as response:
            response.raise_for_status()
            await response.read()

    async def row(
        self, what: str, work: Callable[[int], Awaitable[None]], count: int, clients: int = 1
    ) -> None:
        """Do something often, and print what it took."""
        pid, times = self._fleet.pid(0), []
        queued, numbers = len(self._jobs), iter(range(count))
        forget_peak(pid)

        async def client() -> None:
            for number in numbers:
                begin = time.perf_counter()
                await work(number)
                times.append(time.perf_counter() - begin)

        cpu, begin = cpu_seconds(pid), time.perf_counter()
        await asyncio.gather(*(client() for _ in range(clients)))
        seconds, cpu = time.perf_counter() - begin, cpu_seconds(pid) - cpu
        centiles = statistics.quantiles(times, n=100)
        self._print(
            queued,
            what,
            f"{count / seconds:.0f}",
            f"{1000 * cpu / count:.2f}",
            f"{1000 * centiles[49]:.1f}",
            f"{1000 * centiles[98]:.1f}",
            f"{peak_memory_bytes(pid) / 2**20:.0f}",
        )

    async def waiting(self, clients: int, seconds: int) -> None:
        """Let clients wait for the ends of jobs, which do not come."""
        pid = self._fleet.pid(0)

        async def wait(number: int) -> None:
            url = f"{self._fleet.urls[0]}{JOBS}/{self._jobs[number % len(self._jobs)]}"
            async with self._http.get(url, headers={"Prefer": f"wait={seconds}"}) as response:
                response.raise_for_status()

        cpu = cpu_seconds(pid)
        await asyncio.gather(*(wait(number) for number in range(clients)))
        share = (cpu_seconds(pid) - cpu) / seconds
        memory = f"{memory_bytes(pid) / 2**20:.0f}"
        self._print(
            len(self._jobs), f"{clients} long polls", f"{100 * share:.0f} % CPU", "", "", "", memory
        )

    def _print(self, queued: int, *cells: str) -> None:
        print_row((self._engine, str(queued), *cells))


async def measure(engine: str, url: str, queued: int, polls: int) -> None:
    """Measure a gateway with an empty ledger."""
    ledger = open_ledger(url)
    limits = Policy(queued_jobs=1_000_000, calls_per_minute=1_000_000)
    await ledger.create_account(ACCOUNT, unlimited=True, policy=limits)
    _, key = await ledger.create_key(ACCOUNT)
    await ledger.close()
    headers = {"Authorization": f"Bearer {key}"}
    connector = aiohttp.TCPConnector(limit=0)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        fleet = JobFleet(Path(folder), NOWHERE, NOWHERE, url, 1, TINTYPE_JOBS_CONCURRENCY="0")
        fleet.launch(0)
        stack.callback(fleet.end)
        async with aiohttp.ClientSession(headers=headers, connector=connector) as http:
            await fleet.wait_until_ready(http)
            bench = Bench(engine, fleet, http)
            await bench.submit(0)
            await bench.row("look at a job", bench.look, polls)
            await bench.row("submit a job", bench.submit, queued, CLIENTS)
            await bench.row("look at a job", bench.look, polls)
            await bench.row("list 20 jobs", bench.list, polls)
            await bench.waiting(500, 60)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.job_polls", description=__doc__)
    parser.add_argument("--queued", type=int, default=10_000, help="how many jobs wait")
    parser.add_argument("--polls", type=int, default=2000, help="how many of each are measured")
    arguments = parser.parse_args()
    given = arguments.queued, arguments.polls
    print_row(HEADER)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'ledger.db'}"
        asyncio.run(migrate_ledger(url))
        asyncio.run(measure("SQLite", url, *given))
    with postgresql_url() as url:
        asyncio.run(measure("PostgreSQL", url, *given))


if __name__ == "__main__":
    main()
