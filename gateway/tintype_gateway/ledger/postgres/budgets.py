"""Budgets as the server keeps them, and their windows as it counts them."""

import json
from collections.abc import Sequence
from datetime import date

from asyncpg import Record

from tintype_gateway.accounts import Budget, WindowSpent
from tintype_gateway.ledger.budgets import checked_budgets, from_json, to_json, window_of, zone_of


def stored_budgets(time_zone: str, budgets: Sequence[Budget]) -> tuple[str, str | None]:
    """Return a time zone and the budgets of an account as they are stored.

    Raises:
        ValueError: the time zone does not exist, or as `checked_budgets`.
    """
    zone_of(time_zone)  # the server takes also what this machine does not know
    return time_zone, to_json(checked_budgets(budgets))


def windows_of(row: Record) -> tuple[WindowSpent, ...]:
    """Return the windows of an account's budgets, if the statement asked for `windows`."""
    if row.get("windows") is None:
        return ()
    current, zone = json.loads(row["windows"]), zone_of(row["time_zone"])
    today = date.fromisoformat(current["today"])
    return tuple(
        window_of(budget, spent, today, zone)
        for budget, spent in zip(from_json(row["budgets"]), current["spent"], strict=True)
    )
