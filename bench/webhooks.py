"""How many webhooks of jobs a second a gateway delivers: `python -m bench.webhooks`.

The receiver is another process on this machine, verifies nothing, and fails half of the requests,
at random, or none. A message has eleven attempts, so that one in 2,048 is given up then; it is due
again at once, so that its pauses are not measured. One process sends, whose CPU time is that of an
attempt; the messages are those of jobs of eight accounts that were cancelled in the queue.
"""

import argparse
import asyncio
import itertools
import logging
import multiprocessing
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from aiohttp import web

from tintype_catalog.addresses import Reach
from tintype_catalog.egress_policy import EgressPolicy
from tintype_gateway.accounts import Policy
from tintype_gateway.jobs.sealing import Sealing
from tintype_gateway.jobs.webhook_endpoints import open_job_endpoints
from tintype_gateway.jobs.webhook_secrets import WebhookSecrets
from tintype_gateway.ledger.changes import UNNAMED
from tintype_gateway.ledger.factory import migrate_ledger
from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.ledger.outbox import MAX_PAGE
from tintype_gateway.webhooks.endpoints import ByDestination
from tintype_gateway.webhooks.sender import Sender
from tintype_testing.ledger_stores import PostgresStore, SqliteStore, Store
from tintype_testing.ledgers import submit
from tintype_testing.postgres import running_postgres

ACCOUNTS = 8

POLICY = Policy(webhooks=True)

DUE_NOW = """
UPDATE webhook_delivery SET due_at = created_at
WHERE claim IS NULL AND state = 'pending' AND attempts > 0
"""
"""Ends the pauses before the next attempts."""

HEADER = (
    "engine",
    "receiver",
    "messages",
    "attempts",
    "delivered",
    "deliveries/s",
    "attempts/s",
    "CPU ms each",
)


def serve(port: "multiprocessing.Queue[int]", *, fails: bool) -> None:
    """Receive webhooks, until the process ends; half of them fail if asked for."""
    chance = random.Random(1)  # noqa: S311 - no secret

    async def receive(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=500 if fails and chance.random() < 0.5 else 204)

    async def run() -> None:
        app = web.Application()
        app.router.add_post("/hook", receive)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port.put(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(run())


@contextmanager
def receiver(*, fails: bool) -> Iterator[str]:
    """Yield the URL of a receiver in a process of its own."""
    context = multiprocessing.get_context("spawn")
    port: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=serve, args=(port,), kwargs={"fails": fails}, daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{port.get(timeout=60)}/hook"
    finally:
        process.kill()
        process.join()


async def fill(ledger: Ledger, sealing: Sealing, url: str, messages: int) -> None:
    """End jobs that name the URL."""

    def sealed(job_id: str) -> bytes:
        return sealing.seal(url.encode(), f"job:{job_id}:webhook")

    secrets = WebhookSecrets(ledger, sealing)
    for number in range(ACCOUNTS):
        name = f"account-{number}"
        await ledger.create_account(name, credits_micro=10**9, policy=POLICY)
        await secrets.create(name, author=UNNAMED)
    for number in range(messages):
        name = f"account-{number % ACCOUNTS}"
        job = await submit(ledger, POLICY.caller(name, "key-1"), webhook=sealed)
        await ledger.cancel_job(name, job.id)


async def measure(store: Store, messages: int, *, fails: bool) -> tuple[str, ...]:
    """Return the figures of a row."""
    ledger, sealing = store.open(), Sealing([bytes(32)])
    with receiver(fails=fails) as url:
        await fill(ledger, sealing, url, messages)
        policy = EgressPolicy(Reach.LOOPBACK)
        opening = open_job_endpoints(ledger, WebhookSecrets(ledger, sealing), sealing, policy)
        async with opening as endpoints:
            sender = Sender(ledger, ByDestination({"job": endpoints}), poll_seconds=0.05)
            begin, cpu_before = time.perf_counter(), time.process_time()
            running = asyncio.create_task(sender.run())
            while (await ledger.webhook_backlog())["jobs"].pending:
                await store.execute(DUE_NOW)
                await asyncio.sleep(0.1)
            seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu_before
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
    delivered, attempts = await outcome(ledger)
    await ledger.close()
    each = f"{1000 * cpu / attempts:.1f}"
    rates = (f"{delivered / seconds:.0f}", f"{attempts / seconds:.0f}", each)
    kind = "fails half of the time" if fails else "accepts all"
    return kind, str(messages), str(attempts), str(delivered), *rates


async def outcome(ledger: Ledger) -> tuple[int, int]:
    """Return how many messages were delivered, and by how many attempts."""
    delivered, attempts, after = 0, 0, None
    while page := await ledger.webhooks(after=after, limit=MAX_PAGE):
        delivered += sum(each.state == "delivered" for each in page)
        attempts += sum(each.attempts for each in page)
        after = page[-1].message.id
    return delivered, attempts


@asynccontextmanager
async def stores() -> AsyncIterator[dict[str, Callable[[], Store]]]:
    """Give what makes an empty ledger of each engine."""
    numbers = itertools.count()
    with tempfile.TemporaryDirectory() as folder, running_postgres(fsync="on") as postgres:

        def sqlite() -> Store:
            return SqliteStore(Path(folder) / f"{next(numbers)}.db")

        def postgresql() -> Store:
            return PostgresStore(postgres, postgres.create_database())

        yield {"SQLite": sqlite, "PostgreSQL": postgresql}


async def main(messages: int) -> None:
    """Print the table."""
    print(f"| {' | '.join(HEADER)} |\n|{' --- |' * len(HEADER)}")
    async with stores() as engines:
        for engine, make in engines.items():
            for fails in (False, True):
                store = await asyncio.to_thread(make)
                await migrate_ledger(store.url)
                row = await measure(store, messages, fails=fails)
                print(f"| {' | '.join((engine, *row))} |", flush=True)


if __name__ == "__main__":
    logging.disable()  # a line for each failed attempt
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2000, help="how many; by default 2000")
    asyncio.run(main(parser.parse_args().messages))
