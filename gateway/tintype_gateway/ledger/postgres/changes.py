"""Operations on the audit log."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from asyncpg import Connection, Record

from tintype_gateway.ledger.changes import (
    Author,
    Change,
    ChangeFilter,
    Difference,
    ReportedChange,
    ids_from,
)
from tintype_gateway.ledger.postgres.database import Database
from tintype_gateway.ledger.rows import change_columns, change_of, led_to

LOCK = 7_235_418_260_031_448
"""The advisory lock of all that record changes, until their commit: a reader of a change has
read all before it. It is taken last, so that nothing else waits behind it."""

TAKE_LOCK = "SELECT pg_advisory_xact_lock($1)"

INSERT = """
INSERT INTO change (
    id, at, author_kind, author_name, author_details, author_role, request_id,
    action, kind, name, account, before, after
) VALUES (
    $1, coalesce($2, clock_timestamp()), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
) ON CONFLICT (id) DO NOTHING RETURNING id
"""

LAST_STATE = """
SELECT after FROM change WHERE kind = $1 AND name = $2 ORDER BY sequence DESC LIMIT 1
"""

FILTER = """
($1::text IS NULL OR kind = $1) AND ($2::text IS NULL OR name = $2)
AND ($3::text IS NULL OR account = $3) AND ($4::text IS NULL OR author_name = $4)
AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)
"""

OLDEST = f"""
SELECT * FROM change WHERE ($7::bigint IS NULL OR sequence > $7) AND {FILTER}
ORDER BY sequence LIMIT $8
"""  # noqa: S608 - our own words

NEWEST = f"""
SELECT * FROM change WHERE ($7::bigint IS NULL OR sequence < $7) AND {FILTER}
ORDER BY sequence DESC LIMIT $8
"""  # noqa: S608 - our own words

CLAIM_LINES = """
WITH claimed AS (
    UPDATE change_line SET claimed_until = coalesce($1, clock_timestamp()) + $2::interval
    WHERE sequence IN (
        SELECT sequence FROM change_line
        WHERE claimed_until IS NULL OR claimed_until <= coalesce($1, clock_timestamp())
        ORDER BY sequence LIMIT $3 FOR UPDATE SKIP LOCKED
    ) RETURNING sequence
)
SELECT change.* FROM claimed JOIN change USING (sequence) ORDER BY sequence
"""

END_LINES = "DELETE FROM change_line WHERE sequence = ANY ($1::bigint[])"

ALLOW_FORGETTING = """
INSERT INTO change_retention (id, older_than) VALUES (1, $1)
ON CONFLICT (id) DO UPDATE SET older_than = excluded.older_than
"""

DELETE = """
WITH gone AS (
    DELETE FROM change
    WHERE sequence IN (SELECT sequence FROM change WHERE at < $1 ORDER BY at LIMIT $2)
    RETURNING sequence
), unwritten AS (
    DELETE FROM change_line WHERE sequence IN (SELECT sequence FROM gone)
)
SELECT count(*) FROM gone
"""

FORGET_BATCH = 1000
"""How many old changes are deleted at once, so that the statement ends in time."""


async def record(
    connection: "Connection[Record]",
    now: datetime | None,
    call: str,
    author: Author,
    *differences: Difference | None,
) -> None:
    """Record what the open transaction changes, as its last statements; None is no change.

    What an earlier attempt of the same call has recorded is not recorded again.
    """
    made = [pair for pair in zip(ids_from(call), differences, strict=False) if pair[1]]
    if made:
        await connection.execute(TAKE_LOCK, LOCK)
    for change_id, difference in made:
        if difference is not None:
            await _insert(connection, change_id, now, author, difference)


async def is_recorded(connection: "Connection[Record]", call: str) -> bool:
    """Return whether an earlier attempt of a call has been committed."""
    return bool(await connection.fetch("SELECT FROM change WHERE id = $1", call))


async def report(
    database: Database, reported: Sequence[ReportedChange], only_new_states: bool
) -> int:
    """Record changes of what is not in the ledger; return how many were not known."""

    async def work(connection: "Connection[Record]") -> int:
        await connection.execute(TAKE_LOCK, LOCK)
        new = 0
        for each in reported:
            if only_new_states and await _is_known(connection, each.difference):
                continue
            new += await _insert(connection, each.id, each.at, each.author, each.difference)
        return new

    return await database.transact(work)


async def _is_known(connection: "Connection[Record]", difference: Difference) -> bool:
    rows = await connection.fetch(LAST_STATE, difference.kind, difference.name)
    return led_to(rows[0] if rows else None, difference)


async def read(
    database: Database,
    matching: ChangeFilter,
    after: int | None,
    limit: int,
    newest_first: bool,
) -> Sequence[Change]:
    """Read changes, in the order in which they were made or from the newest on."""
    rows = await database.fetch(
        NEWEST if newest_first else OLDEST,
        matching.kind,
        matching.name,
        matching.account,
        matching.author,
        matching.since,
        matching.until,
        after,
        limit,
    )
    return [change_of(row) for row in rows]


async def claim_lines(
    database: Database, now: datetime | None, limit: int, lease: timedelta
) -> Sequence[Change]:
    """Return changes whose line nobody has written or claimed, oldest first."""
    return [change_of(row) for row in await database.fetch(CLAIM_LINES, now, lease, limit)]


async def end_lines(database: Database, written: Sequence[Change]) -> None:
    """Forget the lines of changes, which have been written."""
    await database.fetch(END_LINES, [change.sequence for change in written])


async def forget(database: Database, before: datetime) -> int:
    """Delete the changes before a time; return their number."""
    await database.fetch(ALLOW_FORGETTING, before)
    total = 0
    while forgotten := (await database.fetch(DELETE, before, FORGET_BATCH))[0]["count"]:
        total += forgotten
    return total


async def _insert(
    connection: "Connection[Record]",
    change_id: str,
    at: datetime | None,
    author: Author,
    difference: Difference,
) -> bool:
    return bool(
        await connection.fetch(
            INSERT,
            change_id,
            at,
            *change_columns(author, difference),
        )
    )
