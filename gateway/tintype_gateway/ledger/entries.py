"""Double entry: how credits come into an account and leave it."""

import sqlite3

FUNDING = "sys:funding"
"""Where granted credits come from; its balance is what was granted, negated."""

REVENUE = "sys:revenue"
"""Where charged credits go; its balance is what was charged."""

MAXIMUM_AMOUNT = 10**15
"""The most micro-credits that one operation can move. Sums of it stay far from 64 bits."""


def checked(amount: int) -> int:
    """Return an amount of micro-credits that can be meant.

    Raises:
        ValueError: it is negative or absurdly large.
    """
    if not 0 <= amount <= MAXIMUM_AMOUNT:
        raise ValueError(f"must be 0 to {MAXIMUM_AMOUNT} micro-credits, not {amount}")
    return amount


def post_grant(
    connection: sqlite3.Connection, now: float, account: str, amount: int, reason: str
) -> None:
    """Move credits from the funding to an account."""
    posting = connection.execute(
        "INSERT INTO posting (kind, reason, created_at) VALUES ('grant', ?, ?)", (reason, now)
    )
    _enter(connection, posting.lastrowid, source=FUNDING, target=account, amount=amount)


def post_charge(
    connection: sqlite3.Connection,
    now: float,
    account: str,
    amount: int,
    *,
    hold_id: str,
    late: bool,
) -> None:
    """Move credits from an account to the revenue. A charge of nothing is recorded too."""
    posting = connection.execute(
        "INSERT INTO posting (kind, hold_id, created_at) VALUES (?, ?, ?)",
        ("late_charge" if late else "charge", hold_id, now),
    )
    _enter(connection, posting.lastrowid, source=account, target=REVENUE, amount=amount)


def _enter(
    connection: sqlite3.Connection, posting_id: int | None, *, source: str, target: str, amount: int
) -> None:
    connection.executemany(
        "INSERT INTO entry (posting_id, account, amount) VALUES (?, ?, ?)",
        [(posting_id, source, -amount), (posting_id, target, amount)],
    )
