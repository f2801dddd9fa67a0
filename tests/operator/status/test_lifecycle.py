"""A model's dates say where in its life it is, and its status follows them by itself."""

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
def test_the_day_alone_decides(day: str, reason: str) -> None:
    finding = on(day, **DATES)

    assert (finding.status, finding.reason) == ("False", reason)


def test_a_model_without_an_end_is_current() -> None:
    assert on("2026-01-01").status == "True"
    assert on("2026-01-01", releasedOn="2025-01-01").status == "True"


def test_the_message_says_when_and_what_to_use_instead() -> None:
    message = on("2026-04-01", **DATES).message

    assert "is deprecated from 2026-03-30" in message
    assert "will be retired from 2026-09-30" in message
    assert "Use `sketch` instead" in message


def test_dates_that_cannot_be_read_are_unknown() -> None:
    assert on("2026-01-01", retiresOn="soon").status == "Unknown"


def test_the_end_of_a_model_changes_nothing_about_its_readiness() -> None:
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
