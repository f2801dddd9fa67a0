"""What is left of a request's time, and what a call may take of it."""

from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.runtime.deadline import Deadline
from tintype_gateway.values.upstream import Timeouts
from tintype_testing.builders import binding


def test_time_passes_until_there_is_none_left() -> None:
    now = 100.0
    deadline = Deadline(5, lambda: now)
    assert deadline.remaining() == 5
    now = 103
    assert deadline.remaining() == 2
    now = 200
    assert deadline.remaining() == 0


def test_the_time_of_blocks_that_stop_it_does_not_count_however_many_there_are() -> None:
    now = 100.0
    deadline = Deadline(5, lambda: now)
    with deadline.stopped():
        now = 110
        with deadline.stopped():
            now = 120
        assert deadline.remaining() == 5
        now = 130
    assert deadline.remaining() == 5
    now = 133
    assert deadline.remaining() == 2


def test_a_call_has_the_times_of_its_binding() -> None:
    spec = {"timeoutSeconds": 100, "connectTimeoutSeconds": 3, "firstByteTimeoutSeconds": 50}
    assert Timeouts.of(binding(**spec), 1000) == Timeouts(3, 50, 100)


def test_without_a_limit_in_the_binding_a_response_may_start_as_late_as_it_ends() -> None:
    assert Timeouts.of(binding(), 1000) == Timeouts(10, None, 180)


@given(st.floats(min_value=0, max_value=1000))
def test_no_time_limit_of_a_call_exceeds_the_remaining_time(remaining: float) -> None:
    limits = Timeouts.of(binding(firstByteTimeoutSeconds=60), remaining)

    assert max(limit for limit in limits if limit is not None) <= remaining
