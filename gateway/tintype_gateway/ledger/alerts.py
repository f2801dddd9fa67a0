"""Alerts of budgets: a share of a limit that charges have reached, once for each window."""

from dataclasses import dataclass
from datetime import date, datetime

from tintype_gateway.accounts import Window
from tintype_gateway.ledger.budgets import end_of, first_moment, zone_of


@dataclass(frozen=True, kw_only=True)
class BudgetAlert:
    """An alert that nobody has been told of yet."""

    id: int
    account: str
    model: str | None
    """None: the budget is for all models together."""

    window: Window
    first_day: date
    """The first day of the window, in the account's time zone."""

    time_zone: str
    percent: int
    limit: int
    """Micro-credits."""

    spent: int
    """Micro-credits, charges only, when the alert was made."""

    created_at: datetime

    @property
    def starts_at(self) -> datetime:
        """The first moment of the window."""
        return first_moment(self.first_day, zone_of(self.time_zone))

    @property
    def ends_at(self) -> datetime:
        """The first moment after the window."""
        return first_moment(end_of(self.window, self.first_day), zone_of(self.time_zone))
