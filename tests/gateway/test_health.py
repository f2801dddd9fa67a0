"""A region that failed rests, and another one takes its place."""

import pytest

from tests.gateway.builders import TODAY, snapshot
from tests.support.manifests import image_model, provider_binding
from tintype_gateway.health import REST_SECONDS, RegionHealth
from tintype_gateway.stages.resolve import resolve
from tintype_gateway.values import FaultKind, Route

KNOWN = snapshot(
    image_model(),
    provider_binding(
        provider="bedrock", dialect="bedrock-stability", regions=["us-west-2", "us-east-1"]
    ),
)


class Clock:
    """A time that passes when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def route(health: RegionHealth) -> Route:
    target = resolve(
        *("canvas", None, KNOWN),
        today=TODAY,
        speaks=lambda dialect: True,
        is_healthy=health.is_healthy,
    )
    return target.routes[0]


def test_the_first_region_is_preferred() -> None:
    assert route(RegionHealth()).region == "us-west-2"


@pytest.mark.parametrize("fault", ["throttled", "unavailable", "timeout", "outcome_unknown"])
def test_a_region_that_failed_is_passed_over(fault: FaultKind) -> None:
    health = RegionHealth()

    health.note(route(health), fault)

    assert route(health).region == "us-east-1"


@pytest.mark.parametrize("fault", ["refused", "invalid"])
def test_a_fault_of_the_request_says_nothing_of_the_region(fault: FaultKind) -> None:
    health = RegionHealth()

    health.note(route(health), fault)

    assert route(health).region == "us-west-2"


def test_a_region_comes_back_after_its_rest() -> None:
    clock = Clock()
    health = RegionHealth(clock)
    health.note(route(health), "unavailable")

    clock.now = REST_SECONDS

    assert route(health).region == "us-west-2"


def test_a_success_ends_the_rest() -> None:
    health = RegionHealth()
    first = route(health)
    health.note(first, "unavailable")

    health.note(first, None)

    assert route(health).region == "us-west-2"


def test_where_every_region_failed_the_first_one_is_tried() -> None:
    health = RegionHealth()
    health.note(route(health), "unavailable")
    health.note(route(health), "unavailable")

    assert route(health).region == "us-west-2"
