"""The credits of accounts that holds set aside, and the windows and rates that they count for."""

import math
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from tintype_gateway.holds import HoldRequest
from tintype_gateway.ledger import rate_limit as rates
from tintype_gateway.ledger.budgets import day_of_minute
from tintype_gateway.ledger.errors import InsufficientCreditsError, RateLimitedError
from tintype_gateway.ledger.sqlite import accounts, budgets

SET_ASIDE = """
UPDATE account SET held = held + ?2, requests_full_at = ?3, images_full_at = ?4,
    day_spent = day_spent + ?2, week_spent = week_spent + ?2, month_spent = month_spent + ?2
WHERE name = ?1
"""

BEGIN_DAY = """
UPDATE account SET day_start = ?, week_start = ?, month_start = ?,
    day_spent = ?, week_spent = ?, month_spent = ?
WHERE name = ?
"""

GIVE_BACK = """
UPDATE account SET held = held - ?2,
    day_spent = day_spent + (?3 >= day_start) * ?4,
    week_spent = week_spent + (?3 >= week_start) * ?4,
    month_spent = month_spent + (?3 >= month_start) * ?4
WHERE name = ?1
"""


class SetAside(NamedTuple):
    """What a hold was counted for."""

    day: str
    """The day of the account's calendar."""
    budget_remaining: int | None
    """As :attr:`Hold.budget_remaining`."""


def set_aside(
    connection: sqlite3.Connection, now: float, account: str, request: HoldRequest
) -> SetAside:
    """Hold credits, count them for the account's windows, and take from its buckets, or none.

    Nobody else writes during the transaction, so that what was read is still true.
    """
    row, amount = accounts.find_funds(connection, account), request.amount
    full_at = _full_at(row, math.floor(now * 1_000_000), request.images)
    today = max(row["day_start"], day_of_minute(int(now // 60), row["time_zone"]))
    remaining = None
    if row["budgets"] is not None:
        remaining = budgets.take(connection, row, today, request.model, amount)
    available = row["balance"] - row["held"]
    if available < amount and not row["unlimited"]:
        raise InsufficientCreditsError(required=amount, available=available)
    if today != row["day_start"]:
        connection.execute(BEGIN_DAY, (*budgets.begin(row, today), account))
    connection.execute(SET_ASIDE, (account, amount, *full_at))
    return SetAside(today, remaining)


def _full_at(account: sqlite3.Row, moment: int, images: int) -> Sequence[int]:
    """Return when the buckets of an account will be full again after a request."""
    full_at, waits = [], [0]
    for units, bucket in zip((1, images), ("requests", "images"), strict=True):
        before, per_minute = account[f"{bucket}_full_at"], account[f"{bucket}_per_minute"]
        if per_minute is None:
            full_at.append(before)
        else:
            full_at.append(rates.take(before, moment, units, per_minute))
            waits.append(rates.wait(before, moment, units, per_minute))
    if any(waits):
        raise RateLimitedError(max(waits) / 1_000_000)
    return full_at


def give_back(connection: sqlite3.Connection, hold: sqlite3.Row, charged: int = 0) -> sqlite3.Row:
    """Reduce the held amount by that of a hold, unless it has expired; count what it is charged.

    Returns the account as it was before.
    """
    account = accounts.find_funds(connection, hold["account"])
    held, day = still_held(hold), hold["day"] or ""
    connection.execute(GIVE_BACK, (account["name"], held, day, charged - held))
    budgets.correct(connection, account, hold, charged - held)
    return account


def still_held(hold: sqlite3.Row) -> int:
    """Return what a hold has set aside: an expired one has given it back."""
    return hold["amount"] if hold["state"] == "open" else 0
