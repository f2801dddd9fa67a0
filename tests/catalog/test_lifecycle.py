import datetime

import pytest

from tintype_catalog.image_model import Lifecycle, LifecycleState

MAY_1, MAY_11, MAY_12, MAY_13 = (datetime.date(2026, 5, day) for day in (1, 11, 12, 13))


@pytest.mark.parametrize("today", [datetime.date.min, MAY_12, datetime.date.max])
def test_a_model_without_an_end_is_active_for_ever(today: datetime.date) -> None:
    assert Lifecycle().state(today) == "Active"
    assert Lifecycle(released_on=MAY_12, replacement="other").state(today) == "Active"


@pytest.mark.parametrize(
    ("today", "state"),
    [
        (MAY_1, "DeprecationAnnounced"),
        (MAY_11, "DeprecationAnnounced"),
        (MAY_12, "Retired"),
        (MAY_13, "Retired"),
    ],
)
def test_a_model_is_retired_from_the_day_of_its_retirement(
    today: datetime.date, state: LifecycleState
) -> None:
    assert Lifecycle(retires_on=MAY_12).state(today) == state


@pytest.mark.parametrize(
    ("today", "state"),
    [(MAY_11, "DeprecationAnnounced"), (MAY_12, "Deprecated"), (MAY_13, "Deprecated")],
)
def test_a_model_is_deprecated_from_the_day_of_its_deprecation(
    today: datetime.date, state: LifecycleState
) -> None:
    assert Lifecycle(deprecated_on=MAY_12).state(today) == state


@pytest.mark.parametrize(
    ("today", "state"),
    [
        (MAY_1, "DeprecationAnnounced"),
        (MAY_11, "Deprecated"),
        (MAY_12, "Deprecated"),
        (MAY_13, "Retired"),
    ],
)
def test_a_model_is_first_deprecated_and_then_retired(
    today: datetime.date, state: LifecycleState
) -> None:
    assert Lifecycle(deprecated_on=MAY_11, retires_on=MAY_13).state(today) == state
