"""How many jobs a second each engine of the ledger queues and finishes: `python -m bench.jobs`.

A job is one submission, its share of a claim, one note that it was sent, and one end with a charge:
all that the ledger does for it. Clients submit as fast as they can, and a worker runs as many jobs
at once, and claims as many as it has room for; one process, its database on this machine, every
charge on the disk (`fsync`). Then 10,000 jobs of 1,000 accounts are queued, and single claims,
reads and the depths of the queues are measured.
"""

import argparse
import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from bench.ledger import postgresql_url, print_row
from tintype_gateway.holds import HoldRequest
from tintype_gateway.ledger import Caller, Ledger, open_ledger
from tintype_gateway.ledger.jobs import JobEnd, JobLimits, NewJob
from tintype_gateway.ledger.ordered_ids import ordered_hex

CLIENTS = (1, 8, 64)

ACCOUNTS = 1000

QUEUED = 10_000

LIMITS = JobLimits(queued=1_000_000, running=1_000_000)

LEASE_SECONDS = 60

WORKER = "worker"
"""The claim of the worker."""

IDLE_SECONDS = 0.05
"""After how long a worker looks for jobs without being woken."""

REPEATS = 200
"""How often a single operation is measured."""

COMPLETED = JobEnd(status="completed", cost=7, images=1)


async def submit(ledger: Ledger, account: int) -> str:
    """Queue a job with the request of an ordinary size."""
    job = NewJob(
        id=f"job_{ordered_hex()}",
        operation="generations",
        model="gpt-image-1",
        summary={"size": "1024x1024", "n": 1},
        payload=b"x" * 1000,
    )
    request = HoldRequest(amount=10, request_id="request", model="gpt-image-1", provider="openai")
    await ledger.submit_job(Caller(f"account-{account}", "key-1"), request, job, LIMITS)
    return job.id


async def finish(ledger: Ledger, job: str) -> None:
    """Do all that the ledger does for a job that the worker has."""
    await ledger.note_sent(job, WORKER)
    await ledger.end_job(job, WORKER, COMPLETED)


async def throughput(ledger: Ledger, clients: int, seconds: float) -> float:
    """Return the finished jobs a second of clients and a worker at the same time."""
    numbers = itertools.cycle(range(ACCOUNTS))
    begin = time.perf_counter()
    submitted = finished = running = 0
    wake = asyncio.Event()

    async def client() -> None:
        nonlocal submitted
        while time.perf_counter() < begin + seconds:
            await submit(ledger, next(numbers))
            submitted += 1
            wake.set()

    async def run(job: str) -> None:
        nonlocal finished, running
        await finish(ledger, job)
        finished, running = finished + 1, running - 1
        wake.set()

    async def worker(runs: asyncio.TaskGroup) -> None:
        nonlocal running
        while time.perf_counter() < begin + seconds or finished < submitted:
            wake.clear()
            free = clients - running
            claimed = await ledger.claim_jobs(WORKER, free, LEASE_SECONDS, LIMITS) if free else ()
            running += len(claimed)
            for each in claimed:
                runs.create_task(run(each.job.id))
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    await wake.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(worker(group))
        for _ in range(clients):
            group.create_task(client())
    return finished / (time.perf_counter() - begin)


async def milliseconds(operation: Callable[[], Awaitable[object]]) -> Sequence[str]:
    """Return the median and the 99th centile of an operation, one after another."""
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        await operation()
        times.append((time.perf_counter() - begin) * 1000)
    centiles = statistics.quantiles(times, n=100)
    return f"{centiles[49]:.2f}", f"{centiles[98]:.2f}"


async def measure(engine: str, url: str, seconds: float) -> None:
    """Measure an empty ledger."""
    ledger = open_ledger(url, busy_timeout_seconds=60)
    try:
        await asyncio.gather(
            *(ledger.create_account(f"account-{n}", unlimited=True) for n in range(ACCOUNTS))
        )
        for clients in CLIENTS:
            rate = await throughput(ledger, clients, seconds)
            print_row((engine, f"{clients} clients", "jobs/s", f"{rate:.0f}", ""))
        limit = asyncio.Semaphore(64)

        async def queue(number: int) -> str:
            async with limit:
                return await submit(ledger, number % ACCOUNTS)

        jobs = await asyncio.gather(*(queue(number) for number in range(QUEUED)))
        operations: dict[str, Callable[[], Awaitable[object]]] = {
            "claim one": lambda: ledger.claim_jobs("worker", 1, LEASE_SECONDS, LIMITS),
            "claim 16": lambda: ledger.claim_jobs("worker", 16, LEASE_SECONDS, LIMITS),
            "read a job": lambda: ledger.job("account-7", jobs[7]),
            "list 20 jobs": lambda: ledger.jobs("account-7"),
            "queue depths": ledger.job_queues,
        }
        for name, operation in operations.items():
            print_row((engine, f"{QUEUED} queued", f"{name}, ms", *await milliseconds(operation)))
    finally:
        await ledger.close()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.jobs", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3, help="how long each row is measured")
    seconds = parser.parse_args().seconds
    print_row(("engine", "load", "figure", "value or p50", "p99"))
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure("SQLite", f"sqlite:///{Path(folder) / 'ledger.db'}", seconds))
    with postgresql_url() as url:
        asyncio.run(measure("PostgreSQL", url, seconds))


if __name__ == "__main__":
    main()
