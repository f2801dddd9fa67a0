"""A way that keeps failing is left alone, and is tried again with one call."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tintype_gateway.upstream.circuit_breaker import (
    FIRST_OPEN_SECONDS,
    LAST_CALLS,
    LONGEST_OPEN_SECONDS,
    MOST_FAILURES,
    Circuits,
    State,
)
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_testing.builders import route

WAY = route("us-east-1")
OTHER = route("us-west-2")


class Clock:
    """A clock that a test advances."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuits(clock: Clock) -> Circuits:
    return Circuits(clock)


def fault(kind: FaultKind = "unavailable", retry_after_seconds: int | None = None) -> UpstreamFault:
    return UpstreamFault(kind, "no", retry_after_seconds=retry_after_seconds)


def fail(circuits: Circuits, times: int = 1) -> None:
    for _ in range(times):
        circuits.note(WAY, fault())


def healthy(circuits: Circuits, way: object = WAY) -> bool:
    assert way in (WAY, OTHER)
    chosen = WAY if way is WAY else OTHER
    return circuits.is_healthy(chosen.binding.name, chosen.region)


@pytest.mark.parametrize("kind", ["unavailable", "failed", "timeout", "outcome_unknown"])
def test_it_opens_after_several_failures_in_a_row(circuits: Circuits, kind: FaultKind) -> None:
    for _ in range(MOST_FAILURES - 1):
        circuits.note(WAY, fault(kind))
    assert healthy(circuits)

    circuits.note(WAY, fault(kind))

    assert not healthy(circuits)
    assert not circuits.admit(WAY)


def test_another_region_of_the_same_binding_has_a_circuit_of_its_own(circuits: Circuits) -> None:
    fail(circuits, MOST_FAILURES)
    assert healthy(circuits, OTHER)
    assert circuits.admit(OTHER)


def test_it_opens_when_every_other_call_fails(circuits: Circuits) -> None:
    for _ in range(MOST_FAILURES - 1):
        fail(circuits)
        circuits.note(WAY, None)
    assert healthy(circuits)

    fail(circuits)

    assert not healthy(circuits)


def test_failures_of_long_ago_do_not_count(circuits: Circuits) -> None:
    fail(circuits, MOST_FAILURES - 1)
    for _ in range(LAST_CALLS):
        circuits.note(WAY, None)
    fail(circuits, MOST_FAILURES - 1)
    assert healthy(circuits)


def test_a_success_in_flight_when_it_opened_does_not_close_it(circuits: Circuits) -> None:
    fail(circuits, MOST_FAILURES)
    circuits.note(WAY, None)
    assert not healthy(circuits)


@pytest.mark.parametrize("kind", ["refused", "invalid", "image_missing", "store"])
def test_a_fault_of_the_request_does_not_count_against_the_route(
    circuits: Circuits, kind: FaultKind
) -> None:
    for _ in range(LAST_CALLS):
        circuits.note(WAY, fault(kind))
    assert healthy(circuits)


@pytest.mark.parametrize("kind", ["throttled", "unauthorized", "misconfigured"])
def test_it_opens_at_once_where_one_failure_tells_enough(
    circuits: Circuits, kind: FaultKind
) -> None:
    circuits.note(WAY, fault(kind))
    assert not healthy(circuits)


@pytest.mark.parametrize(
    ("asked", "rest"),
    [(None, FIRST_OPEN_SECONDS), (1, FIRST_OPEN_SECONDS), (40, 40), (900, LONGEST_OPEN_SECONDS)],
)
def test_it_rests_for_as_long_as_the_provider_asks_within_bounds(
    circuits: Circuits, clock: Clock, asked: int | None, rest: float
) -> None:
    circuits.note(WAY, fault("throttled", asked))

    clock.now += rest - 0.1
    assert not healthy(circuits)
    clock.now += 0.1
    assert healthy(circuits)


def test_after_the_open_duration_one_call_at_a_time_probes_the_route(
    circuits: Circuits, clock: Clock
) -> None:
    fail(circuits, MOST_FAILURES)
    clock.now += FIRST_OPEN_SECONDS

    assert circuits.admit(WAY)
    assert not circuits.admit(WAY)
    assert not healthy(circuits)


def test_a_probe_that_succeeds_closes_it(circuits: Circuits, clock: Clock) -> None:
    fail(circuits, MOST_FAILURES)
    clock.now += FIRST_OPEN_SECONDS
    circuits.admit(WAY)

    circuits.note(WAY, None)

    assert circuits.admit(WAY)
    assert circuits.admit(WAY)
    assert list(circuits.states()) == []


def test_a_probe_that_fails_doubles_its_rest_up_to_a_bound(
    circuits: Circuits, clock: Clock
) -> None:
    fail(circuits, MOST_FAILURES)
    rests = []
    for _ in range(5):
        since = clock.now
        while not circuits.admit(WAY):
            clock.now += 1
        rests.append(clock.now - since)
        fail(circuits)
    assert rests == [10, 20, 40, 60, 60]


def test_an_abandoned_probe_leaves_the_next_call_to_try(circuits: Circuits, clock: Clock) -> None:
    fail(circuits, MOST_FAILURES)
    clock.now += FIRST_OPEN_SECONDS
    circuits.admit(WAY)

    circuits.abandon(WAY)

    assert circuits.admit(WAY)


def test_calls_in_flight_when_it_opened_do_not_prolong_the_open_duration(
    circuits: Circuits, clock: Clock
) -> None:
    fail(circuits, MOST_FAILURES)
    clock.now += FIRST_OPEN_SECONDS / 2
    fail(circuits, 3)

    clock.now += FIRST_OPEN_SECONDS / 2

    assert healthy(circuits)


def test_its_states_are_those_that_a_metric_shows(circuits: Circuits, clock: Clock) -> None:
    fail(circuits)
    assert list(circuits.states()) == [(WAY.binding.name, "us-east-1", State.CLOSED)]
    fail(circuits, MOST_FAILURES)
    assert [state for _, _, state in circuits.states()] == [State.OPEN]
    clock.now += FIRST_OPEN_SECONDS
    assert [state for _, _, state in circuits.states()] == [State.HALF_OPEN]


class AnyHistory(RuleBasedStateMachine):
    """In any order of events, no route is excluded for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.circuits = Circuits(self.clock)
        self.under_way = 0

    @rule()
    def call(self) -> None:
        self.under_way += self.circuits.admit(WAY)

    @precondition(lambda self: self.under_way)
    @rule(kind=st.sampled_from([None, "unavailable", "throttled", "invalid", "timeout"]))
    def end(self, kind: FaultKind | None) -> None:
        self.under_way -= 1
        self.circuits.note(WAY, None if kind is None else fault(kind))

    @precondition(lambda self: self.under_way)
    @rule()
    def leave(self) -> None:
        self.under_way -= 1
        self.circuits.abandon(WAY)

    @rule(seconds=st.floats(min_value=0, max_value=30))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def it_can_be_tried_again_when_nothing_is_under_way_and_the_longest_rest_is_over(self) -> None:
        if not self.under_way:
            now = self.clock.now
            self.clock.now += LONGEST_OPEN_SECONDS
            assert healthy(self.circuits)
            self.clock.now = now


TestAnyHistory = AnyHistory.TestCase
