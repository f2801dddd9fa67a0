"""Counts what a model has spent before it gets a budget of its own.

An account may have millions of charges in a month, and no index leads to them. They are counted in
a snapshot, while gateways serve, and the transaction that begins the budget adds what was charged
after that: postings have ascending numbers.
"""

import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

from tintype_gateway.ledger.budgets import Spent, nothing_on

CHARGED = """
SELECT day, -sum(entry.amount)
FROM posting
CROSS JOIN hold ON hold.id = posting.hold_id
CROSS JOIN entry ON entry.posting_id = posting.id AND entry.account = hold.account
WHERE hold.account = :account AND hold.model = :model AND day >= :since AND posting.id > :last
GROUP BY day
"""

ARCHIVED = """
SELECT day, spent FROM archived_spent WHERE account = :account AND model = :model AND day >= :since
"""

HELD = """
SELECT day, sum(amount) FROM hold
WHERE state = 'open' AND account = :account AND model = :model AND day >= :since GROUP BY day
"""

ALL = """
SELECT model, day, sum(amount) FROM (
    SELECT hold.model, day, -entry.amount AS amount
    FROM hold
    CROSS JOIN posting ON posting.hold_id = hold.id
    CROSS JOIN entry ON entry.posting_id = posting.id AND entry.account = hold.account
    WHERE hold.account = :account AND day >= :since
    UNION ALL
    SELECT model, day, spent FROM archived_spent WHERE account = :account AND day >= :since
)
GROUP BY model, day
"""

LAST = "SELECT coalesce(max(id), 0) FROM posting"

BEFORE_ALL = -1
"""A number before that of any posting."""

Days = Mapping[str, int]
"""Micro-credits by the day of the holds."""


@dataclass(frozen=True)
class Counted:
    """What models of an account were charged, up to a posting."""

    last_posting: int = BEFORE_ALL
    by_model: Mapping[str, Days] = field(default_factory=dict)


def count(connection: sqlite3.Connection, name: str, models: Collection[str]) -> Counted:
    """Return what those of an account's models were charged that have no budget yet.

    The connection must be in a transaction of its own: it may read for seconds.
    """
    account = connection.execute("SELECT * FROM account WHERE name = ?", (name,)).fetchone()
    known = connection.execute("SELECT model FROM model_spent WHERE account = ?", (name,))
    new = set(models) - {model for (model,) in known}
    if account is None or not new:
        return Counted()
    (last,) = connection.execute(LAST).fetchone()
    since = _since(nothing_on(date.fromisoformat(account["day_start"])))
    by_model: dict[str, dict[str, int]] = {model: {} for model in new}
    for model, day, amount in connection.execute(ALL, {"account": name, "since": since}):
        if model in new:
            by_model[model][day] = amount
    return Counted(last, by_model)


def spent_before(
    connection: sqlite3.Connection, account: str, model: str, newest: date, counted: Counted
) -> Spent:
    """Return what a model has spent in the windows of a day, from its holds and charges."""
    spent = nothing_on(newest)
    known = counted.by_model.get(model)
    given = {"account": account, "model": model, "since": _since(spent)}
    last = BEFORE_ALL if known is None else counted.last_posting
    days = [
        *(connection.execute(ARCHIVED, given) if known is None else known.items()),
        *connection.execute(CHARGED, given | {"last": last}),
        *connection.execute(HELD, given),
    ]
    for day, amount in days:
        spent = spent._replace(
            day_spent=spent.day_spent + amount * (day >= spent.day_start.isoformat()),
            week_spent=spent.week_spent + amount * (day >= spent.week_start.isoformat()),
            month_spent=spent.month_spent + amount * (day >= spent.month_start.isoformat()),
        )
    return spent


def _since(spent: Spent) -> str:
    return min(spent.week_start, spent.month_start).isoformat()
