"""The arithmetic of windows, in any time zone: pure."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.accounts import WINDOWS, Budget, Window
from tintype_gateway.ledger.budgets import (
    MOST_BUDGETS,
    Spent,
    checked_budgets,
    end_of,
    exceeded,
    first_moment,
    from_json,
    least_remaining,
    local_day,
    nothing_on,
    reached,
    start_of,
    to_json,
    window_of,
    zone_of,
)

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",  # once set its clocks forward at midnight
    "America/Havana",  # sets them back to midnight
    "America/St_Johns",  # once set them back over midnight, at 00:01
    "Australia/Lord_Howe",  # by half an hour
    "Pacific/Apia",  # once left out a day
    "Asia/Kathmandu",
)

zones = st.sampled_from(ZONES).map(zone_of)
moments = st.integers(min_value=946_684_800, max_value=4_102_444_800).map(float)
days = st.dates(date(2000, 1, 1), date(2099, 12, 31))
windows = st.sampled_from(WINDOWS)
budgets = st.builds(
    Budget,
    windows,
    st.integers(0, 10**15),
    st.none() | st.text(min_size=1),
    st.sets(st.integers(1, 100)).map(lambda percents: tuple(sorted(percents))),
)


@given(windows, days)
def test_a_day_is_in_the_window_that_it_starts_and_ends(window: Window, day: date) -> None:
    start = start_of(window, day)

    assert start <= day < end_of(window, start)
    assert start_of(window, start) == start
    assert start_of(window, end_of(window, start)) == end_of(window, start)


@given(windows, days, zones)
def test_windows_follow_one_another_without_a_gap(
    window: Window, day: date, zone: ZoneInfo
) -> None:
    budget = Budget(window, 1)
    this = window_of(budget, 0, day, zone)
    following = window_of(budget, 0, end_of(window, start_of(window, day)), zone)

    assert this.end == following.start
    assert this.start.astimezone(UTC) <= this.end.astimezone(UTC)


@given(moments, zones)
def test_a_moment_is_not_before_the_beginning_of_its_day(now: float, zone: ZoneInfo) -> None:
    day = local_day(now, zone)

    assert first_moment(day, zone).timestamp() <= now


@given(days, zones)
def test_a_day_begins_with_its_first_moment(day: date, zone: ZoneInfo) -> None:
    first = first_moment(day, zone).timestamp()

    assert local_day(first - 1, zone) < day <= local_day(first, zone)


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)],
)
def test_a_day_is_as_long_as_its_clock_makes_it(day: str, hours: int) -> None:
    this = window_of(Budget("day", 1), 0, date.fromisoformat(day), zone_of("Europe/Berlin"))

    assert this.end.astimezone(UTC) - this.start.astimezone(UTC) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00"),  # there was no midnight
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00"),  # the first of two
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00"),  # the day was left out
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00"),
        ("Europe/Berlin", "2026-07-01", "2026-06-30T22:00:00"),
    ],
)
def test_a_day_begins_where_clocks_are_set_over_midnight(zone: str, day: str, begins: str) -> None:
    first = first_moment(date.fromisoformat(day), zone_of(zone))

    assert first.astimezone(UTC) == datetime.fromisoformat(begins).replace(tzinfo=UTC)


@given(st.lists(st.tuples(days, st.integers(0, 1000)), min_size=1))
def test_sums_are_those_of_the_holds_in_the_windows_of_the_latest_day(
    holds: list[tuple[date, int]],
) -> None:
    spent, counted = nothing_on(date(1970, 1, 1)), []
    for day, amount in holds:
        spent = spent.on(day).plus(amount)
        counted.append((spent.day_start, amount))

    assert spent.day_start == max(day for day, _ in holds)
    for window in WINDOWS:
        start = start_of(window, spent.day_start)
        assert spent.of(window) == sum(amount for day, amount in counted if day >= start)


@given(days, days)
def test_an_earlier_day_never_opens_its_windows_again(one: date, other: date) -> None:
    earlier, later = sorted((one, other))
    spent = nothing_on(later).plus(7)

    assert spent.on(earlier) == spent


@given(st.lists(budgets))
def test_stored_budgets_are_read_as_they_were(listed: list[Budget]) -> None:
    assert from_json(to_json(listed)) == tuple(listed)


def test_the_budget_whose_window_ends_last_is_named() -> None:
    day = date(2026, 11, 28)  # a Saturday
    listed = [Budget("day", 10), Budget("month", 10), Budget("week", 10)]
    current = [window_of(budget, 8, day, UTC) for budget in listed]

    over = exceeded(current, "canvas", 3)

    assert over is not None
    assert over.budget.window == "month"
    assert exceeded(current, "canvas", 2) is None


def test_a_budget_of_another_model_is_not_exceeded() -> None:
    current = [window_of(Budget("day", 10, "sketch"), 10, date(2026, 11, 28), UTC)]

    assert exceeded(current, "canvas", 1) is None
    assert least_remaining(current, "canvas") is None
    assert least_remaining(current, "sketch") == 0


def test_what_costs_nothing_exceeds_no_budget_that_was_lowered() -> None:
    current = [window_of(Budget("day", 10), 11, date(2026, 11, 28), UTC)]

    assert exceeded(current, "canvas", 0) is None
    assert current[0].remaining == 0


def test_alerts_are_reached_with_their_percentage_and_not_before() -> None:
    budget = Budget("day", 200, alerts=(50, 80, 100))

    assert [reached(budget, charged) for charged in (0, 99, 100, 199, 200)] == [
        (),
        (),
        (50,),
        (50, 80),
        (50, 80, 100),
    ]
    assert reached(Budget("day", 0, alerts=(50,)), 0) == ()


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "/etc/passwd", "../UTC", "Europe"])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        zone_of(name)


@pytest.mark.parametrize(
    ("listed", "problem"),
    [
        ([Budget("day", 1), Budget("day", 2)], "one budget for each"),
        ([Budget("day", 10**15 + 1)], "at most"),
        ([Budget("day", 1, f"m{number}") for number in range(MOST_BUDGETS + 1)], "at most 100"),
    ],
)
def test_budgets_that_contradict_each_other_are_refused(listed: list[Budget], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        checked_budgets(listed)


@pytest.mark.parametrize(
    "arguments",
    [
        ("year", 1),
        ("day", -1),
        ("day", 1, ""),
        ("day", 1, None, (80, 50)),
        ("day", 1, None, (50, 50)),
        ("day", 1, None, (0,)),
        ("day", 1, None, (101,)),
    ],
)
def test_what_is_no_budget_is_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="budget"):
        Budget(*arguments)  # type: ignore[arg-type]


def test_the_sums_of_a_later_day_keep_the_windows_that_contain_it() -> None:
    tuesday = nothing_on(date(2026, 9, 29)).plus(5)

    assert tuesday.on(date(2026, 9, 30))[3:] == (0, 5, 5)
    assert tuesday.on(date(2026, 10, 1)) == Spent(
        date(2026, 10, 1), date(2026, 9, 28), date(2026, 10, 1), 0, 5, 0
    )
