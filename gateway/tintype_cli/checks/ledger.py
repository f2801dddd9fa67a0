"""Checks the ledger: its database, its schema, its books and its jobs."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tintype_cli.checks.finding import Clock, Finding
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.factory import is_postgres, open_ledger, path_of
from tintype_gateway.ledger.interface import Audit, Ledger
from tintype_gateway.ledger.jobs import JobQueueDepth
from tintype_gateway.ledger.sqlite.database import MIGRATIONS
from tintype_gateway.settings import GatewaySettings

CHECK = "ledger"
JOBS = "jobs"

MIGRATE = "run `tintype ledger migrate` with the version of the gateways"

LONG_SECONDS = 600
"""After how many seconds in the queue a job waits for longer than an image takes."""

IDLE_SECONDS = 60
"""After how many seconds a queued job that no gateway has taken shows that none runs jobs."""

CONNECT_SECONDS = 10


async def check_ledger(
    settings: GatewaySettings, *, with_audit: bool
) -> tuple[list[Finding], list[Clock]]:
    """Return what is to be said of the ledger, and the clock of its server.

    It changes nothing: a database that is missing or of an older version is only reported.
    """
    url = settings.ledger_url
    try:
        if not is_postgres(url) and (refusal := _file_finding(path_of(url))):
            return [refusal], []
        ledger = open_ledger(url)
    except (LedgerError, ValueError) as error:
        return [_unusable(error)], []
    try:
        found = await _findings(ledger, settings, with_audit=with_audit)
        return found, await _clocks(url) if is_postgres(url) else []
    except (LedgerError, ValueError) as error:
        return [_unusable(error)], []
    finally:
        await ledger.close()


def _unusable(error: Exception) -> Finding:
    advice = f"check TINTYPE_DATABASE_URL and the server; {MIGRATE} if the schema is old"
    return Finding(CHECK, "problem", str(error), advice)


def _file_finding(path: Path) -> Finding | None:
    """Return why a SQLite file cannot be opened without a change of it."""
    if not path.exists():
        advice = "nothing, if no gateway has run yet: its first start makes it; otherwise set "
        advice += "TINTYPE_DATA_DIR or TINTYPE_DATABASE_URL as the gateway has them"
        return Finding(CHECK, "warning", f"{path} does not exist", advice)
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        return Finding(CHECK, "problem", f"{path}: {error}", "restore the file from a backup")
    if version != MIGRATIONS.newest:
        message = f"{path} has schema {version}, this version needs {MIGRATIONS.newest}"
        return Finding(CHECK, "problem", message, MIGRATE)
    return None


async def _findings(
    ledger: Ledger, settings: GatewaySettings, *, with_audit: bool
) -> list[Finding]:
    await ledger.check()
    engine = "PostgreSQL" if is_postgres(settings.ledger_url) else "SQLite"
    found = [Finding(CHECK, "ok", f"{engine} is reachable, with the schema of this version")]
    if with_audit:
        found += _audit_findings(await ledger.audit())
    return [*found, *job_findings(await ledger.job_queues())]


def _audit_findings(audit: Audit) -> Iterator[Finding]:
    for problem in audit.problems:
        advice = "stop changes by hand, keep a backup, and report it: the books do not balance"
        yield Finding(CHECK, "problem", problem, advice)
    if audit.expired_holds:
        message = f"{audit.expired_holds} holds have expired and are not released"
        yield Finding(CHECK, "warning", message, "start a gateway: it releases them")
    if not audit.problems:
        counts = f"{audit.accounts} accounts, {audit.entries} entries, {audit.open_holds} holds"
        yield Finding(CHECK, "ok", f"the books balance: {counts}")


def job_findings(queues: Sequence[JobQueueDepth]) -> Iterator[Finding]:
    """Yield what the queues of all models say of the gateways that run jobs."""
    queued, running = sum(each.queued for each in queues), sum(each.running for each in queues)
    oldest = max((each.oldest_seconds for each in queues), default=0.0)
    waits = f"{queued} queued, the oldest for {round(oldest)} seconds, {running} running"
    if queued and not running and oldest > IDLE_SECONDS:
        advice = "start a gateway with TINTYPE_JOBS_CONCURRENCY above 0, and the key of the jobs"
        yield Finding(JOBS, "problem", f"no gateway runs jobs: {waits}", advice)
    elif oldest > LONG_SECONDS:
        yield Finding(JOBS, "warning", waits, "add gateways, or raise TINTYPE_JOBS_CONCURRENCY")
    else:
        yield Finding(JOBS, "ok", waits)


async def _clocks(url: str) -> list[Clock]:
    """Return the clock of a PostgreSQL server."""
    from tintype_gateway.ledger.postgres.connecting import connect

    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await connect(url)
            try:
                query = "SELECT extract(epoch FROM clock_timestamp())::float8"
                return [Clock("the database", await connection.fetchval(query) - time.time())]
            finally:
                await connection.close()
    except (OSError, TimeoutError):  # the check of the ledger has told why
        return []
