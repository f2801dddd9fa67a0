"""The alerts of budgets as Kubernetes Events.

Whether an alert was reported already follows from the status before: it has what was spent when the
status was written last.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tintype_accounts.account import AccountSpec, BudgetSpec
from tintype_accounts.amounts import micro_credits
from tintype_accounts.resources import Account
from tintype_operator.status.events import Transition


class BudgetAlerts:
    """Finds alerts that were passed, and remembers those that it found in the current windows."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._reported: dict[str, set[Alert]] = {}

    def passed(
        self, account: Account, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> list[Transition]:
        """Return an Event for each budget that passed an alert, once for each window.

        Held credits that are not spent in the end make a sum fall, so that it passes an alert
        again.
        """
        reported = self._reported.get(account.metadata.uid, set())
        found = list(crossed(account.spec, before, after))
        ends = {window["endsAt"] for window in after.get("windows") or []}
        kept = {each for each in reported if each.ends_at in ends}
        self._reported[account.metadata.uid] = kept | {each.alert for each in found}
        return [each.event for each in found if each.alert not in reported]


class Alert(NamedTuple):
    """One percentage of a budget in one window."""

    window: str
    model: str | None
    ends_at: str
    percent: int


class Crossing(NamedTuple):
    """An alert that was passed, and its Event."""

    alert: Alert
    event: Transition


def crossed(
    spec: AccountSpec, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Crossing]:
    """Yield the alert that each budget passed between two statuses; of several the highest.

    Without a status before, or in a new window, all that was spent counts as new.
    """
    for budget in spec.budgets:
        now = _window(after, budget)
        if now is None:
            continue
        was = _window(before, budget)
        is_same_window = was is not None and was["endsAt"] == now["endsAt"]
        spent, spent_before = _micro(now), _micro(was) if was and is_same_window else -1
        limit = micro_credits(budget.credits)
        passed = [
            percent
            for percent in budget.alert_percents
            if spent_before * 100 < percent * limit <= spent * 100
        ]
        if passed:
            alert = Alert(budget.window, budget.model, now["endsAt"], max(passed))
            event = Transition("Warning", "BudgetAlert", _message(budget, alert.percent, now))
            yield Crossing(alert, event)


def _message(budget: BudgetSpec, percent: int, window: Mapping[str, Any]) -> str:
    model = f" for {budget.model}" if budget.model else ""
    return (
        f"{window['spent']} of {budget.credits} credits of this {budget.window}'s budget{model} "
        f"are spent or held, {percent} % or more; the window ends at {window['endsAt']}"
    )


def _window(status: Mapping[str, Any], budget: BudgetSpec) -> Mapping[str, Any] | None:
    for window in status.get("windows") or []:
        if (window["window"], window.get("model")) == (budget.window, budget.model):
            found: Mapping[str, Any] = window
            return found
    return None


def _micro(window: Mapping[str, Any]) -> int:
    return micro_credits(window["spent"])
