"""The lifecycle of a model follows from its dates, and its status changes when the day comes."""

import datetime
from typing import Any

import pytest

from tintype_operator.status.conditions import status_of
from tintype_operator.status.findings import Delivery, Finding, lifecycle
from tintype_testing.manifests import image_model, provider_binding
from tintype_testing.operator import Operator

DATES = {"deprecatedOn": "2026-03-30", "retiresOn": "2026-09-30", "replacement": "sketch"}


def on(day: str, **dates: Any) -> Finding:
    return lifecycle({"lifecycle": dates}, datetime.date.fromisoformat(day))


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("2026-03-29", "DeprecationAnnounced"),
        ("2026-03-30", "Deprecated"),
        ("2026-09-29", "Deprecated"),
        ("2026-09-30", "Retired"),
    ],
)
def test_the_state_of_a_model_depends_on_the_day(day: str, reason: str) -> None:
    finding = on(day, **DATES)

    assert (finding.status, finding.reason) == ("False", reason)


def test_a_model_without_dates_is_current() -> None:
    assert on("2026-01-01").status == "True"
    assert on("2026-01-01", releasedOn="2025-01-01").status == "True"


def test_the_message_names_the_dates_and_the_replacement() -> None:
    message = on("2026-04-01", **DATES).message

    assert "is deprecated from 2026-03-30" in message
    assert "will be retired from 2026-09-30" in message
    assert "Use `sketch` instead" in message


def test_invalid_dates_are_unknown() -> None:
    assert on("2026-01-01", retiresOn="soon").status == "Unknown"


def test_the_retirement_of_a_model_does_not_change_its_readiness() -> None:
    model = image_model(lifecycle=DATES)
    model["metadata"]["generation"] = 1
    now = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)

    status = status_of(model, [], Delivery(True, 1, 1), now=now, model=model)

    reasons = {condition.type: condition.reason for condition in status.conditions}
    assert reasons["Ready"] == "Ready"
    assert reasons["LifecycleCurrent"] == "Retired"


def test_a_binding_of_a_retired_model_is_accepted_with_a_warning(running: Operator) -> None:
    running.apply(
        image_model(lifecycle={"retiresOn": "2024-01-01", "replacement": "sketch"}),
        provider_binding(),
    )

    for kind, name in (("imagemodel", "canvas"), ("providerbinding", "canvas-openai")):
        condition = running.wait_for_condition(kind, name, "LifecycleCurrent", "False")
        assert condition["reason"] == "Retired"
        assert "Use `sketch` instead" in condition["message"]
        assert running.condition(kind, name, "Accepted")["status"] == "True"
