"""Budgets: the windows of an account's calendar, and what is spent in them, as pure functions.

An account has three sums: of the day, of the week and of the month of its newest hold. A hold adds
its ceiling, a settlement corrects that to the charge, and a release takes it back. A sum starts at
0 when a hold is the first of its window, and no hold goes back to an earlier day: neither a clock
that was set back nor a new time zone opens a window again.
"""

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from tintype_gateway.accounts import Budget, Window, WindowSpent
from tintype_gateway.ledger.validation import MAXIMUM_AMOUNT

MOST_BUDGETS = 100
"""The most budgets of one account, which a hold reads."""


class Spent(NamedTuple):
    """The sums of the windows of one day, in micro-credits."""

    day_start: date
    """The day itself: that of the newest hold."""
    week_start: date
    month_start: date
    day_spent: int = 0
    week_spent: int = 0
    month_spent: int = 0

    def on(self, day: date) -> Self:
        """Return the sums of the windows of a later day; those of the same windows stay."""
        if day <= self.day_start:
            return self
        week, month = start_of("week", day), start_of("month", day)
        return type(self)(
            day,
            week,
            month,
            0,
            self.week_spent if week == self.week_start else 0,
            self.month_spent if month == self.month_start else 0,
        )

    def plus(self, amount: int) -> Self:
        """Return the sums with an amount that is held on their day."""
        return self._replace(
            day_spent=self.day_spent + amount,
            week_spent=self.week_spent + amount,
            month_spent=self.month_spent + amount,
        )

    def of(self, window: Window) -> int:
        """Return the sum of a window."""
        return {"day": self.day_spent, "week": self.week_spent, "month": self.month_spent}[window]


def nothing_on(day: date) -> Spent:
    """Return the sums of the windows of a day before its first hold."""
    return Spent(day, start_of("week", day), start_of("month", day))


def start_of(window: Window, day: date) -> date:
    """Return the first day of the window that contains a day."""
    match window:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)


def end_of(window: Window, start: date) -> date:
    """Return the first day after the window that begins on a day."""
    match window:
        case "day":
            return start + timedelta(days=1)
        case "week":
            return start + timedelta(days=7)
        case "month":
            return (start + timedelta(days=31)).replace(day=1)


def zone_of(name: str) -> tzinfo:
    """Return an IANA time zone.

    Raises:
        ValueError: this machine does not know the zone.
    """
    if name == "UTC":  # also where the machine has no time zones at all
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone, such as Europe/Berlin") from error


def local_day(now: float, zone: tzinfo) -> date:
    """Return the day of a moment, in Unix seconds, in a time zone."""
    return datetime.fromtimestamp(now, zone).date()


@lru_cache(maxsize=64)
def day_of_minute(minute: int, time_zone: str) -> str:
    """Return the day of a minute since 1970 as ISO 8601 writes it, as no day ends within one."""
    return local_day(minute * 60, zone_of(time_zone)).isoformat()


def first_moment(day: date, zone: tzinfo) -> datetime:
    """Return when a day begins in a time zone, in this zone.

    That is midnight, and its first one where clocks are set back to it. Where they are set forward
    over midnight, it is the moment at which they are.
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    moment = midnight.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != midnight.replace(tzinfo=None):
        before = int(midnight.replace(fold=1).timestamp())
        skipped = range(before, int(moment.timestamp()) + 1)
        found = bisect_left(skipped, day, key=lambda second: local_day(second, zone))
        moment = datetime.fromtimestamp(skipped[found], UTC)
    return moment.astimezone(zone)


def windows_of(
    budgets: Iterable[Budget], spent: Mapping[str | None, Spent], today: date, zone: tzinfo
) -> tuple[WindowSpent, ...]:
    """Return the windows of a day for each budget.

    `spent` has the sums of the account at None, and those of each model that has a budget.
    """
    return tuple(
        window_of(budget, spent[budget.model].on(today).of(budget.window), today, zone)
        for budget in budgets
    )


def window_of(budget: Budget, spent: int, today: date, zone: tzinfo) -> WindowSpent:
    """Return the window of a budget that contains a day."""
    start = start_of(budget.window, today)
    end = end_of(budget.window, start)
    return WindowSpent(budget, first_moment(start, zone), first_moment(end, zone), spent)


def exceeded(windows: Iterable[WindowSpent], model: str, amount: int) -> WindowSpent | None:
    """Return the window in which a request for a model would exceed a budget, or None.

    Of several it is the one that ends last. A request that costs nothing exceeds none.
    """
    over = [each for each in windows if each.budget.counts(model) and amount > each.remaining]
    return max(over, key=lambda each: each.end, default=None)


def least_remaining(windows: Iterable[WindowSpent], model: str) -> int | None:
    """Return the least rest of all budgets that count requests for a model, None without one."""
    return min((each.remaining for each in windows if each.budget.counts(model)), default=None)


def reached(budget: Budget, charged: int) -> tuple[int, ...]:
    """Return the alerts of a budget that a sum of charges has reached."""
    return tuple(
        percent for percent in budget.alerts if charged and charged * 100 >= percent * budget.limit
    )


def checked_budgets(budgets: Iterable[Budget]) -> tuple[Budget, ...]:
    """Return valid budgets of one account.

    Raises:
        ValueError: there are too many, two for the same window and model, or one that is larger
            than `MAXIMUM_AMOUNT`.
    """
    checked = tuple(budgets)
    if len(checked) > MOST_BUDGETS:
        raise ValueError(f"an account has at most {MOST_BUDGETS} budgets, not {len(checked)}")
    if len({(each.window, each.model) for each in checked}) < len(checked):
        raise ValueError("an account has one budget for each window and model")
    if any(each.limit > MAXIMUM_AMOUNT for each in checked):
        raise ValueError(f"a budget is at most {MAXIMUM_AMOUNT} micro-credits")
    return checked


def models_of(budgets: Iterable[Budget]) -> frozenset[str]:
    """Return the models that have a budget of their own."""
    return frozenset(each.model for each in budgets if each.model is not None)


def to_json(budgets: Sequence[Budget]) -> str | None:
    """Return budgets as the engines store them: a JSON list, None without any."""
    return json.dumps(budget_documents(budgets)) if budgets else None


def budget_documents(budgets: Iterable[Budget]) -> list[dict[str, Any]]:
    """Return budgets as JSON."""
    return [
        {
            "window": each.window,
            "limit": each.limit,
            "model": each.model,
            "alerts": list(each.alerts),
        }
        for each in budgets
    ]


def from_json(stored: str | None) -> tuple[Budget, ...]:
    """Return budgets that an engine has stored."""
    return () if stored is None else tuple(map(_budget, json.loads(stored)))


def budget_from_json(stored: str) -> Budget:
    """Return one of the budgets that an engine has stored."""
    return _budget(json.loads(stored))


def _budget(stored: dict[str, Any]) -> Budget:
    return Budget(**stored | {"alerts": tuple(stored["alerts"])})
