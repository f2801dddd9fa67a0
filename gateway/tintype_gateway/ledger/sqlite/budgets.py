"""Operations on budgets, and on what is spent in their windows."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import date

from tintype_gateway.accounts import Budget, WindowSpent
from tintype_gateway.ledger.budgets import (
    Spent,
    checked_budgets,
    exceeded,
    from_json,
    least_remaining,
    local_day,
    models_of,
    reached,
    start_of,
    to_json,
    windows_of,
    zone_of,
)
from tintype_gateway.ledger.errors import BudgetExceededError
from tintype_gateway.ledger.sqlite.budget_history import Counted, spent_before

MODEL = "SELECT * FROM model_spent WHERE account = ? AND model = ?"

MODELS = "SELECT * FROM model_spent WHERE account = ?"

COUNT = """
UPDATE model_spent SET day_start = ?, week_start = ?, month_start = ?,
    day_spent = ?, week_spent = ?, month_spent = ?
WHERE account = ? AND model = ?
"""

CORRECT = """
UPDATE model_spent SET
    day_spent = day_spent + (:day >= day_start) * :spent,
    week_spent = week_spent + (:day >= week_start) * :spent,
    month_spent = month_spent + (:day >= month_start) * :spent
WHERE account = :account AND model = :model
"""

OPEN = """
SELECT coalesce(sum(amount), 0) FROM hold
WHERE state = 'open' AND account = :account AND day >= :start
    AND model = coalesce(:model, model)
"""

ALERT = """
INSERT INTO budget_alert
(account, model, "window", window_start, percent, limit_micro, spent, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""

ALERTED = """
SELECT percent FROM budget_alert
WHERE account = ? AND coalesce(model, '') = ? AND "window" = ? AND window_start = ?
    AND limit_micro = ?
"""


def spent_now(account: sqlite3.Row, now: float) -> Spent:
    """Return the sums of an account, for all models, in its windows of now."""
    return _spent(account).on(local_day(now, zone_of(account["time_zone"])))


def begin(account: sqlite3.Row, today: str) -> tuple[object, ...]:
    """Return the columns of the sums of an account in the windows of a later day."""
    return columns(_spent(account).on(date.fromisoformat(today)))


def take(
    connection: sqlite3.Connection, account: sqlite3.Row, today: str, model: str, amount: int
) -> int | None:
    """Count a hold for the budgets of its model, and return the least rest of all budgets.

    Raises:
        BudgetExceededError: the hold would exceed a budget. Nothing was counted.
    """
    day = date.fromisoformat(today)
    windows = _windows(connection, account, day)
    over = exceeded(windows, model, amount)
    if over is not None:
        raise BudgetExceededError(over, amount)
    if any(each.budget.model == model for each in windows):
        own = _spent(connection.execute(MODEL, (account["name"], model)).fetchone())
        connection.execute(COUNT, (*columns(own.on(day).plus(amount)), account["name"], model))
    rest = least_remaining(windows, model)
    return None if rest is None else max(0, rest - amount)


def correct(
    connection: sqlite3.Connection, account: sqlite3.Row, hold: sqlite3.Row, spent: int
) -> None:
    """Add to the sums of the model of a hold, in those of its windows that are still current."""
    if account["budgets"] is not None:
        counted = {"account": hold["account"], "model": hold["model"]}
        connection.execute(CORRECT, counted | {"day": hold["day"] or "", "spent": spent})


def alert(connection: sqlite3.Connection, now: float, name: str, model: str) -> None:
    """Record the alerts that a charge for a model has reached, each once for its window."""
    account = connection.execute("SELECT * FROM account WHERE name = ?", (name,)).fetchone()
    spent = _all_spent(connection, account)
    today = spent[None].day_start
    for budget in from_json(account["budgets"]):
        counted = spent[budget.model].on(today).of(budget.window)
        if budget.counts(model) and reached(budget, counted):
            start = start_of(budget.window, today).isoformat()
            _record(connection, now, name, budget, start, counted)


def read(
    connection: sqlite3.Connection, account: sqlite3.Row, now: float
) -> tuple[WindowSpent, ...]:
    """Return the current windows of the budgets of an account."""
    if account["budgets"] is None:
        return ()
    return _windows(connection, account, spent_now(account, now).day_start)


def _windows(
    connection: sqlite3.Connection, account: sqlite3.Row, day: date
) -> tuple[WindowSpent, ...]:
    spent, zone = _all_spent(connection, account), zone_of(account["time_zone"])
    return windows_of(from_json(account["budgets"]), spent, day, zone)


def replace(
    connection: sqlite3.Connection,
    account: sqlite3.Row,
    time_zone: str,
    budgets: Sequence[Budget],
    counted: Counted,
) -> None:
    """Replace the time zone and the budgets of an account.

    What a model with a new budget has spent is counted from its holds and charges, as far as it is
    not counted already.
    """
    zone_of(time_zone)  # raises for an unknown one
    name, stored = account["name"], to_json(checked_budgets(budgets))
    connection.execute(
        "UPDATE account SET time_zone = ?, budgets = ? WHERE name = ?", (time_zone, stored, name)
    )
    known = {row["model"] for row in connection.execute(MODELS, (name,))}
    wanted = models_of(budgets)
    connection.executemany(
        "DELETE FROM model_spent WHERE account = ? AND model = ?",
        [(name, model) for model in known - wanted],
    )
    # The day of the last hold, not today: if the clock is set back, the next hold is of this day.
    newest = _spent(account).day_start
    for model in sorted(wanted - known):
        connection.execute(
            "INSERT INTO model_spent (day_start, week_start, month_start, day_spent, week_spent,"
            " month_spent, account, model) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*columns(spent_before(connection, name, model, newest, counted)), name, model),
        )


def columns(spent: Spent) -> tuple[object, ...]:
    """Return the values of the columns of sums, from `day_start` to `month_spent`."""
    days = (spent.day_start, spent.week_start, spent.month_start)
    return (*(day.isoformat() for day in days), *spent[3:])


def _spent(row: sqlite3.Row) -> Spent:
    return Spent(
        date.fromisoformat(row["day_start"]),
        date.fromisoformat(row["week_start"]),
        date.fromisoformat(row["month_start"]),
        row["day_spent"],
        row["week_spent"],
        row["month_spent"],
    )


def _all_spent(connection: sqlite3.Connection, account: sqlite3.Row) -> Mapping[str | None, Spent]:
    """Return the sums of an account, and those of its models that have a budget."""
    models = connection.execute(MODELS, (account["name"],))
    return {None: _spent(account), **{row["model"]: _spent(row) for row in models}}


def _record(
    connection: sqlite3.Connection, now: float, name: str, budget: Budget, start: str, spent: int
) -> None:
    of_window = name, budget.model or "", budget.window, start, budget.limit
    recorded = {percent for (percent,) in connection.execute(ALERTED, of_window)}
    if recorded >= set(budget.alerts):
        return
    (held,) = connection.execute(
        OPEN, {"account": name, "start": start, "model": budget.model}
    ).fetchone()
    charged = spent - held
    connection.executemany(
        ALERT,
        [
            (name, budget.model, budget.window, start, percent, budget.limit, charged, now)
            for percent in reached(budget, charged)
            if percent not in recorded
        ],
    )
