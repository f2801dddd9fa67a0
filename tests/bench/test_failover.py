"""The table of faults says what was measured: with a second route, and without it."""

import pytest

from bench.failover import FAULTS, Outcome, measured

PATIENT = 120
"""The timeout of the calls in seconds: no route fails because the machine is busy."""


def test_an_outcome_is_reported_in_shares_and_milliseconds() -> None:
    outcome = Outcome([0.1, 0.2, 0.3, 0.4], images=3, calls=6, charged=3 * 640_000)

    assert outcome.cells == ("75%", "1.50", "250", "3 / 3")


@pytest.mark.parametrize(("routes", "images"), [(1, 0), (2, 3)])
async def test_a_second_route_serves_the_calls_that_the_first_refuses(
    routes: int, images: int
) -> None:
    outcome = await measured(FAULTS["our key refused"], 1.0, routes, 3, PATIENT)

    assert (outcome.images, outcome.charged) == (images, images * 640_000)
    assert outcome.calls >= 3


async def test_a_refused_connection_is_a_fault_like_others() -> None:
    outcome = await measured(None, 1.0, 2, 3, PATIENT)

    assert outcome.images == 3
