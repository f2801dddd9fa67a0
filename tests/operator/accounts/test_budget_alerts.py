"""A budget that passes an alert is told once for each window."""

from typing import Any

from tintype_accounts.resources import Account, parse_accounts_resource
from tintype_operator.accounts.budget_alerts import BudgetAlerts
from tintype_testing.account_manifests import account

END = "2026-12-01T00:00:00Z"


def team(*alerts: int, **budget: Any) -> Account:
    budgets = [{"window": "month", "credits": "10", "alertPercents": list(alerts)} | budget]
    manifest = account("team", budgets=budgets)
    manifest["metadata"]["uid"] = "u1"
    found = parse_accounts_resource(manifest)
    assert isinstance(found, Account)
    return found


def status(spent: str, ends_at: str = END, **window: Any) -> dict[str, Any]:
    own = {"window": "month", "credits": "10", "spent": spent, "endsAt": ends_at}
    return {"windows": [own | window]}


def reasons(found: list[Any]) -> list[str]:
    return [each.message.split(", ")[1].split(" ")[0] for each in found]


def test_an_alert_between_two_statuses_is_told() -> None:
    (event,) = BudgetAlerts().passed(team(50, 80), status("4.9"), status("5"))

    assert (event.type, event.reason) == ("Warning", "BudgetAlert")
    assert event.message == (
        "5 of 10 credits of this month's budget are spent or held, 50 % or more; "
        f"the window ends at {END}"
    )


def test_nothing_is_told_between_alerts() -> None:
    assert BudgetAlerts().passed(team(50, 80), status("5"), status("7.999999")) == []
    assert BudgetAlerts().passed(team(50, 80), status("8"), status("9")) == []


def test_of_several_alerts_the_highest_is_told() -> None:
    found = BudgetAlerts().passed(team(50, 80, 100), status("1"), status("8.5"))

    assert reasons(found) == ["80"]


def test_all_that_was_spent_in_a_new_window_is_new() -> None:
    alerts = BudgetAlerts()
    assert reasons(alerts.passed(team(50), status("4"), status("6"))) == ["50"]

    later = status("6", ends_at="2027-01-01T00:00:00Z")

    assert reasons(alerts.passed(team(50), status("6"), later)) == ["50"]


def test_a_sum_that_falls_and_passes_an_alert_again_is_told_once() -> None:
    alerts = BudgetAlerts()
    assert reasons(alerts.passed(team(50), status("4"), status("6"))) == ["50"]
    assert alerts.passed(team(50), status("6"), status("4")) == []

    assert alerts.passed(team(50), status("4"), status("6")) == []


def test_a_budget_of_a_model_is_told_with_its_model() -> None:
    found = BudgetAlerts().passed(
        team(50, model="canvas"), status("0", model="canvas"), status("6", model="canvas")
    )

    assert "budget for canvas are" in found[0].message


def test_a_window_that_the_ledger_does_not_have_yet_tells_nothing() -> None:
    assert BudgetAlerts().passed(team(50), {}, {"windows": []}) == []
