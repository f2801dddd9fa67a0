"""What a long history does to the ledger: `python -m bench.ledger_scale --rows 10000000`.

For each engine a ledger is filled with settled requests of the last 90 days, which takes a KB of
disk each, or three while it is archived. Then requests are held and settled, as by `bench.ledger`,
there and in a ledger that had none, in turn; the history is audited; a part of it is archived and
deleted; and it is audited again. The figures of a row are medians of its rounds.
"""

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.ledger import ACCOUNTS, Result, measure, opened, print_row
from bench.ledger_history import History, fill, recent
from tintype_gateway.ledger import open_ledger
from tintype_gateway.ledger.archive.run import archive
from tintype_gateway.ledger.archive.session import open_session
from tintype_gateway.ledger.archive.verification import verify
from tintype_gateway.ledger.factory import migrate_ledger
from tintype_testing.postgres import running_postgres

LOADS = ((1, 1), (1, 64), (ACCOUNTS, 64))
"""Accounts and clients."""

HEADER = ("engine", "accounts", "clients", "without, /s", "with, /s", "ratio", "p99 ms", "with")


@dataclass(frozen=True)
class Pair:
    """Two ledgers of an engine."""

    engine: str
    without: str
    """The URL of the one that has no history."""
    filled: str


@dataclass(frozen=True)
class Options:
    """What is measured."""

    history: History
    rounds: int
    seconds: float
    archived_share: float
    folder: Path


def main() -> None:
    """Print tables and times."""
    parser = argparse.ArgumentParser(prog="python -m bench.ledger_scale", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="settled requests")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="of a round")
    parser.add_argument("--archive", type=float, default=0.1, help="the share that is archived")
    parser.add_argument("--engine", choices=("sqlite", "postgresql", "both"), default="both")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tintype-scale-") as folder:
        options = Options(
            recent(arguments.rows, ACCOUNTS),
            arguments.rounds,
            arguments.seconds,
            arguments.archive,
            Path(folder),
        )
        if arguments.engine != "postgresql":
            asyncio.run(_measure(_sqlite(options.folder), options))
        if arguments.engine != "sqlite":
            with _postgres() as pair:
                asyncio.run(_measure(pair, options))


def _sqlite(folder: Path) -> Pair:
    return Pair("SQLite", *(f"sqlite:///{folder / name}.db" for name in ("without", "filled")))


@contextmanager
def _postgres() -> Iterator[Pair]:
    """Run a server with two empty ledgers, which waits for its disk but while one is filled."""
    with running_postgres() as server:
        urls = [server.url(server.create_database()) for _ in range(2)]
        for url in urls:
            asyncio.run(migrate_ledger(url))
        yield Pair("PostgreSQL", *urls)


async def _measure(pair: Pair, options: Options) -> None:
    for url in (pair.without, pair.filled):
        async with opened(url, ACCOUNTS):
            pass
    await _timed(f"{pair.engine}: filled", lambda: fill(pair.filled, options.history))
    print_row(HEADER)
    for accounts, clients in LOADS:
        print_row(await _row(pair, accounts, clients, options))
    await _timed(f"{pair.engine}: audited", lambda: _audit(pair.filled))
    await _timed(f"{pair.engine}: archived", lambda: _archive(pair.filled, options))
    await _timed(f"{pair.engine}: audited again", lambda: _audit(pair.filled))


async def _row(pair: Pair, accounts: int, clients: int, options: Options) -> Sequence[str]:
    results: dict[str, list[Result]] = {pair.without: [], pair.filled: []}
    for number in range(options.rounds):
        urls = list(results)
        for url in urls if number % 2 else reversed(urls):
            ledger = open_ledger(url, busy_timeout_seconds=60)
            results[url].append(await measure(ledger, clients, accounts, options.seconds))
            await ledger.close()
    rates = [statistics.median(map(_rate, results[url])) for url in results]
    slowest = [statistics.median(map(_p99, results[url])) * 1000 for url in results]
    return (
        pair.engine,
        str(accounts),
        str(clients),
        *(f"{rate:.0f}" for rate in rates),
        f"{rates[1] / rates[0]:.2f}",
        *(f"{each:.1f}" for each in slowest),
    )


def _rate(result: Result) -> float:
    return len(result.hold_seconds) / result.seconds


def _p99(result: Result) -> float:
    return statistics.quantiles(result.hold_seconds, n=100)[98]


async def _audit(url: str) -> str:
    ledger = open_ledger(url, busy_timeout_seconds=60)
    audit = await ledger.audit()
    await ledger.close()
    return f"{audit.entries} entries, problems: {list(audit.problems)}"


async def _archive(url: str, options: Options) -> str:
    """Archive the first part of the history, and check the file."""
    history = options.history
    last = history.first_at + options.archived_share * history.requests * history.seconds_apart
    folder = options.folder / "archives"
    folder.mkdir(exist_ok=True)
    async with open_session(url) as session:
        report = await archive(session, datetime.fromtimestamp(last, UTC), folder)
        problems = await verify(session, Path(report.file))
    shutil.rmtree(folder)
    return f"{report.postings} postings, problems: {list(problems)}"


async def _timed(what: str, work: Callable[[], Awaitable[str | None]]) -> None:
    begin = time.perf_counter()
    said = await work()
    print(f"{what} in {time.perf_counter() - begin:.1f} s", *filter(None, [said]), flush=True)


if __name__ == "__main__":
    main()
