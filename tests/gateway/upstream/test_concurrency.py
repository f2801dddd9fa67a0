"""A binding takes no more calls at once than its manifest allows."""

from contextlib import ExitStack

import pytest

from tintype_gateway.upstream.concurrency import ConcurrencyLimits
from tintype_gateway.values.faults import UpstreamFault
from tintype_testing.builders import binding


def test_a_call_above_the_limit_is_not_sent() -> None:
    limits, limited = ConcurrencyLimits(), binding(maxConcurrentCalls=2)
    with ExitStack() as stack:
        stack.enter_context(limits.slot(limited))
        stack.enter_context(limits.slot(limited))
        with pytest.raises(UpstreamFault, match="all 2 of its concurrent calls") as caught:
            stack.enter_context(limits.slot(limited))
    assert caught.value.kind == "throttled"


def test_a_call_that_ends_makes_room_however_it_ends() -> None:
    limits, limited = ConcurrencyLimits(), binding(maxConcurrentCalls=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), limits.slot(limited):
            raise ZeroDivisionError


def test_without_a_limit_there_is_none() -> None:
    limits, unlimited = ConcurrencyLimits(), binding()
    with ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(limits.slot(unlimited))
