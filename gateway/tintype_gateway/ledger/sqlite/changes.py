"""Operations on the audit log."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from tintype_gateway.ledger.changes import (
    Author,
    Change,
    ChangeFilter,
    Difference,
    ReportedChange,
    new_change_id,
)
from tintype_gateway.ledger.rows import change_columns, change_of, led_to

INSERT = """
INSERT INTO change (
    id, at, author_kind, author_name, author_details, author_role, request_id,
    action, kind, name, account, before, after
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
"""

FILTER = """
(:kind IS NULL OR kind = :kind) AND (:name IS NULL OR name = :name)
AND (:account IS NULL OR account = :account) AND (:author IS NULL OR author_name = :author)
AND (:since IS NULL OR at >= :since) AND (:until IS NULL OR at < :until)
"""

OLDEST = f"""
SELECT * FROM change WHERE (:after IS NULL OR sequence > :after) AND {FILTER}
ORDER BY sequence LIMIT :limit
"""  # noqa: S608 - our own words

NEWEST = f"""
SELECT * FROM change WHERE (:after IS NULL OR sequence < :after) AND {FILTER}
ORDER BY sequence DESC LIMIT :limit
"""  # noqa: S608 - our own words

FORGET_BATCH = 200
"""How many old changes are deleted at once, so that other operations do not wait long."""


def record(
    connection: sqlite3.Connection, now: float, author: Author, *differences: Difference | None
) -> None:
    """Record what the open transaction changes; None is no change."""
    for difference in differences:
        if difference is not None:
            _insert(connection, new_change_id(), now, author, difference)


def report(connection: sqlite3.Connection, reported: Sequence[ReportedChange]) -> int:
    """Record changes of what is not in the ledger, each once; return how many were new."""
    return sum(
        _insert(connection, each.id, each.at.timestamp(), each.author, each.difference)
        for each in reported
    )


def report_states(connection: sqlite3.Connection, reported: Sequence[ReportedChange]) -> int:
    """Record the changes whose result is not the last recorded state; return their number."""
    new = [each for each in reported if not _is_known(connection, each.difference)]
    return report(connection, new)


def _is_known(connection: sqlite3.Connection, difference: Difference) -> bool:
    last = connection.execute(
        "SELECT after FROM change WHERE kind = ? AND name = ? ORDER BY sequence DESC LIMIT 1",
        (difference.kind, difference.name),
    ).fetchone()
    return led_to(last, difference)


def read(
    connection: sqlite3.Connection,
    matching: ChangeFilter,
    after: int | None,
    limit: int,
    newest_first: bool,
) -> Sequence[Change]:
    """Read changes, in the order in which they were made or from the newest on."""
    parameters = {
        "kind": matching.kind,
        "name": matching.name,
        "account": matching.account,
        "author": matching.author,
        "since": matching.since and matching.since.timestamp(),
        "until": matching.until and matching.until.timestamp(),
        "after": after,
        "limit": limit,
    }
    rows = connection.execute(NEWEST if newest_first else OLDEST, parameters)
    return [change_of(row) for row in rows]


def claim_lines(
    connection: sqlite3.Connection, now: float, limit: int, lease: timedelta
) -> Sequence[Change]:
    """Return changes whose line nobody has written or claimed, oldest first."""
    rows = connection.execute(
        "SELECT change.* FROM change_line JOIN change USING (sequence)"
        " WHERE claimed_until IS NULL OR claimed_until <= ? ORDER BY sequence LIMIT ?",
        (now, limit),
    ).fetchall()
    connection.executemany(
        "UPDATE change_line SET claimed_until = ? WHERE sequence = ?",
        [(now + lease.total_seconds(), row["sequence"]) for row in rows],
    )
    return [change_of(row) for row in rows]


def end_lines(connection: sqlite3.Connection, written: Sequence[Change]) -> None:
    """Forget the lines of changes, which have been written."""
    connection.executemany(
        "DELETE FROM change_line WHERE sequence = ?", [(change.sequence,) for change in written]
    )


def forget(connection: sqlite3.Connection, before: datetime) -> int:
    """Delete some of the changes before a time; return their number."""
    connection.execute(
        "INSERT INTO change_retention (id, older_than) VALUES (1, :older_than)"
        " ON CONFLICT (id) DO UPDATE SET older_than = :older_than",
        {"older_than": before.timestamp()},
    )
    old = connection.execute(
        "SELECT sequence FROM change WHERE at < ? ORDER BY at LIMIT ?",
        (before.timestamp(), FORGET_BATCH),
    ).fetchall()
    for table in ("change_line", "change"):
        connection.executemany(f"DELETE FROM {table} WHERE sequence = ?", old)  # noqa: S608 - ours
    return len(old)


def _insert(
    connection: sqlite3.Connection,
    change_id: str,
    at: float,
    author: Author,
    difference: Difference,
) -> int:
    return connection.execute(
        INSERT,
        (
            change_id,
            at,
            *change_columns(author, difference),
        ),
    ).rowcount
