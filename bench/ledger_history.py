"""Fills a ledger with the rows that settled requests leave, much faster than by settling them.

The rows are those that holds, settlements and deliveries of requests one after another write, as a
test compares, and their sums are counted. The database writes them itself, in large transactions,
without the triggers and without waiting for the disk.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import asyncpg

from tintype_gateway.ledger.factory import is_postgres, path_of

MODELS = ("gpt-image-1", "gpt-image-1-mini", "imagen-4")
PROVIDER = "openai"
HELD, CHARGED = 10, 7
LIFETIME_SECONDS = 240
REQUEST_SECONDS = 8
"""How long each request takes, from its hold to its settlement."""

CHUNK = 100_000
"""How many requests are written in one transaction."""


@dataclass(frozen=True)
class History:
    """Settled requests, each some time after the one before, by accounts in turn."""

    requests: int
    accounts: int
    """The requests are those of `account-0`, `account-1` and so on, which must be there."""
    first_at: float
    """When the first one was held, in Unix seconds."""
    seconds_apart: float

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Return the first and the last number of the requests of each transaction."""
        for first in range(0, self.requests, CHUNK):
            yield first, min(first + CHUNK, self.requests) - 1


def recent(requests: int, accounts: int, days: float = 90) -> History:
    """Return requests that are spread evenly over the last days."""
    seconds = days * 24 * 3600
    return History(requests, accounts, time.time() - seconds, seconds / max(requests, 1))


async def fill(url: str, history: History) -> None:
    """Write the rows of requests to a ledger that has its accounts, and no charges.

    No other process may use the ledger meanwhile. A PostgreSQL server syncs its files afterwards
    only, and its user must be a superuser.
    """
    if is_postgres(url):
        await _fill_postgres(url, history)
    else:
        _fill_sqlite(url, history)


_SERIES = """
WITH RECURSIVE series (n) AS (
    SELECT :first UNION ALL SELECT n + 1 FROM series WHERE n < :last
), request AS (SELECT n, :first_at + n * :apart AS held_at FROM series)
"""

_MODEL = f"CASE n % 3 WHEN 0 THEN '{MODELS[0]}' WHEN 1 THEN '{MODELS[1]}' ELSE '{MODELS[2]}' END"

_SQLITE_CHUNK = (
    f"""
    INSERT INTO hold (id, account, amount, state, key_id, request_id, model, provider, images,
        created_at, expires_at, closed_at, delivered_at, day)
    {_SERIES}
    SELECT 'hold-' || printf('%012x', held_at * 1000) || lower(hex(randomblob(10))),
        'account-' || (n % :accounts), {HELD}, 'settled', 'key-1',
        'req_' || lower(hex(randomblob(16))), {_MODEL}, '{PROVIDER}', 1, held_at,
        held_at + {LIFETIME_SECONDS}, held_at + {REQUEST_SECONDS}, held_at + {REQUEST_SECONDS},
        date(held_at, 'unixepoch')
    FROM request
    """,  # noqa: S608 - our own words
    """
    INSERT INTO posting (kind, hold_id, created_at)
    SELECT 'charge', id, closed_at FROM hold WHERE rowid > :first_hold ORDER BY rowid
    """,
    f"""
    INSERT INTO entry (posting_id, account, amount)
    SELECT posting.id, CASE side WHEN 0 THEN account ELSE 'sys:revenue' END,
        CASE side WHEN 0 THEN -{CHARGED} ELSE {CHARGED} END
    FROM posting CROSS JOIN hold ON hold.id = posting.hold_id
    CROSS JOIN (SELECT 0 AS side UNION ALL SELECT 1)
    WHERE posting.id > :first_posting
    """,  # noqa: S608 - our own words
)

_ENDS = """
SELECT (SELECT coalesce(max(rowid), 0) FROM hold) AS first_hold,
    (SELECT max(id) FROM posting) AS first_posting
"""

_USAGE = f"""
INSERT INTO daily_usage (account, day, model, key_id, end_user, requests, images, charged)
SELECT account, {{day}}, model, key_id, end_user, count(*), count(*), count(*) * {CHARGED}
FROM hold GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608 - our own words

# What is spent in the windows of the last hold of each account.
_WINDOWS = f"""
UPDATE account SET
    balance = balance - counted.total,
    day_start = counted.day_start, week_start = counted.week_start,
    month_start = counted.month_start, day_spent = counted.of_day, week_spent = counted.of_week,
    month_spent = counted.of_month
FROM (
    SELECT account, day_start, week_start, month_start, sum(spent) AS total,
        sum(CASE WHEN day >= day_start THEN spent ELSE 0 END) AS of_day,
        sum(CASE WHEN day >= week_start THEN spent ELSE 0 END) AS of_week,
        sum(CASE WHEN day >= month_start THEN spent ELSE 0 END) AS of_month
    FROM (
        SELECT account, day, count(*) * {CHARGED} AS spent FROM hold GROUP BY account, day
    ) AS days
    JOIN (
        SELECT account AS own, max(day) AS day_start, {{week}} AS week_start,
            {{month}} AS month_start
        FROM hold GROUP BY account
    ) AS newest ON own = account
    GROUP BY account, day_start, week_start, month_start
) AS counted
WHERE name = counted.account
"""  # noqa: S608 - our own words

_SQLITE_SUMS = (
    _USAGE.format(day="date(closed_at, 'unixepoch')"),
    _WINDOWS.format(
        week="date(max(day), '-6 days', 'weekday 1')", month="date(max(day), 'start of month')"
    ),
    f"UPDATE account SET balance = balance + {CHARGED} * (SELECT count(*) FROM hold)"  # noqa: S608
    " WHERE name = 'sys:revenue'",
)


def _fill_sqlite(url: str, history: History) -> None:
    with closing(sqlite3.connect(path_of(url), isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = OFF")  # half of the writes
        connection.execute("PRAGMA synchronous = OFF")
        with _without_trigger(connection, "entry_changes_balance"):
            for first, last in history.chunks():
                _fill_chunk(connection, history, first, last)
        for statement in _SQLITE_SUMS:
            connection.execute(statement)
        connection.execute("PRAGMA journal_mode = WAL")


def _fill_chunk(connection: sqlite3.Connection, history: History, first: int, last: int) -> None:
    numbers = {
        "first": first,
        "last": last,
        "first_at": history.first_at,
        "apart": history.seconds_apart,
        "accounts": history.accounts,
        **connection.execute(_ENDS).fetchone(),
    }
    connection.execute("BEGIN")
    for statement in _SQLITE_CHUNK:
        connection.execute(statement, numbers)
    connection.execute("COMMIT")


@contextmanager
def _without_trigger(connection: sqlite3.Connection, name: str) -> Iterator[None]:
    (trigger,) = connection.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?", (name,)
    ).fetchone()
    connection.execute(f"DROP TRIGGER {name}")
    yield
    connection.execute(trigger)


_POSTGRES_CHUNK = f"""
WITH request AS (
    SELECT n, to_timestamp($3::float8 + n * $4::float8) AS held_at,
        lpad(to_hex((($3 + n * $4) * 1000)::bigint), 12, '0') AS held_id,
        lpad(to_hex((($3 + n * $4 + {REQUEST_SECONDS}) * 1000)::bigint), 12, '0') AS settled_id
    FROM generate_series($1::bigint, $2::bigint) AS n
), held AS (
    INSERT INTO hold (id, account, amount, state, key_id, request_id, model, provider, images,
        created_at, expires_at, closed_at, closed_by, delivered_at, day)
    SELECT 'hold-' || held_id || left(md5(random()::text), 20),
        'account-' || n % $5, {HELD}, 'settled', 'key-1', 'req_' || md5(random()::text), {_MODEL},
        '{PROVIDER}', 1, held_at, held_at + make_interval(secs => {LIFETIME_SECONDS}),
        held_at + make_interval(secs => {REQUEST_SECONDS}),
        (settled_id || left(md5(random()::text), 20))::uuid,
        held_at + make_interval(secs => {REQUEST_SECONDS}), (held_at AT TIME ZONE 'UTC')::date
    FROM request ORDER BY n
    RETURNING id, account, closed_at, closed_by
), posted AS (
    INSERT INTO posting (id, kind, hold_id, created_at)
    SELECT closed_by, 'charge', id, closed_at FROM held
)
INSERT INTO entry (posting_id, account, amount)
SELECT closed_by, CASE side WHEN 0 THEN account ELSE 'sys:revenue' END,
    CASE side WHEN 0 THEN -{CHARGED} ELSE {CHARGED} END
FROM held CROSS JOIN generate_series(0, 1) AS side
"""  # noqa: S608 - our own words

_POSTGRES_SUMS = (
    _USAGE.format(day="(closed_at AT TIME ZONE 'UTC')::date"),
    _WINDOWS.format(
        week="ledger_first_day('week', max(day))", month="ledger_first_day('month', max(day))"
    ),
)


_FILLED = 82
"""The percentage of a page that holds fill. They are inserted up to 80, as open ones, and grow when
they are settled. Settled ones that were inserted up to 80 would leave room for one more on many
pages: each new hold would go to another page, and the server log the whole of it."""


async def _fill_postgres(url: str, history: History) -> None:
    connection = await asyncpg.connect(url)
    try:
        await _set(connection, "fsync = off")
        await connection.execute("SET session_replication_role = replica")  # no triggers
        await connection.execute(f"ALTER TABLE hold SET (fillfactor = {_FILLED})")
        for first, last in history.chunks():
            numbers = history.first_at, history.seconds_apart, history.accounts
            await connection.execute(_POSTGRES_CHUNK, first, last, *numbers, timeout=600)
        for statement in _POSTGRES_SUMS:
            await connection.execute(statement, timeout=3600)
        await connection.execute("ALTER TABLE hold SET (fillfactor = 80)")
        await connection.execute("VACUUM ANALYZE", timeout=3600)  # as autovacuum does in time
        await _set(connection, "fsync = on")
        await connection.execute("CHECKPOINT", timeout=3600)
    finally:
        await connection.close()


async def _set(connection: "asyncpg.Connection[asyncpg.Record]", setting: str) -> None:
    """Change a setting of the server."""
    await connection.execute(f"ALTER SYSTEM SET {setting}")
    await connection.execute("SELECT pg_reload_conf()")
