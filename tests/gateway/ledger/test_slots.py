"""Slots in the database: all gateways of a release count the calls to a binding together."""

import asyncio
import uuid
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from typing_extensions import override

from tintype_gateway.ledger import Ledger
from tintype_gateway.ledger.slot_queue import (
    WAITING_SECONDS,
    SlotLimits,
    SlotRequest,
    Ticket,
    exchange,
)
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import Clock

ONE = SlotLimits(slots=1, queue=10, lease_seconds=60)


def calls(*ids: str) -> list[SlotRequest]:
    return [SlotRequest(each, each[0]) for each in ids]


async def test_gateways_count_calls_together(store: Store, clock: Clock) -> None:
    first, second = store.open(clock), store.open(clock)
    try:
        assert (await first.exchange_slots("gpu", ONE, calls("a1"), ())).leased == {"a1"}
        result = await second.exchange_slots("gpu", ONE, calls("b1"), ())
        assert (result.leased, result.positions) == (frozenset(), {"b1": 1})

        await first.exchange_slots("gpu", ONE, [], ["a1"])

        assert (await second.exchange_slots("gpu", ONE, calls("b1"), ())).leased == {"b1"}
    finally:
        await first.close()
        await second.close()


async def test_bindings_have_slots_of_their_own(ledger: Ledger) -> None:
    for name in ("gpu-1", "gpu-2"):
        assert (await ledger.exchange_slots(name, ONE, calls("a1"), ())).leased == {"a1"}


async def test_the_slot_of_a_gateway_that_ended_returns_after_its_lifetime(
    ledger: Ledger, clock: Clock
) -> None:
    await ledger.exchange_slots("gpu", ONE, calls("a1"), ())
    clock.advance(ONE.lease_seconds - 1)
    assert not (await ledger.exchange_slots("gpu", ONE, calls("b1"), ())).leased
    clock.advance(1)
    assert (await ledger.exchange_slots("gpu", ONE, calls("b1"), ())).leased == {"b1"}


async def test_calls_that_have_a_slot_or_wait_are_counted(ledger: Ledger, clock: Clock) -> None:
    await ledger.exchange_slots("gpu-1", ONE, calls("a1", "b1"), ())
    assert await ledger.slot_calls(["gpu-1", "gpu-2"]) == {"gpu-1": 2, "gpu-2": 0}
    clock.advance(WAITING_SECONDS)
    assert await ledger.slot_calls(["gpu-1"]) == {"gpu-1": 1}


async def test_exchanges_at_once_grant_no_slot_twice(store: Store) -> None:
    gateways = [store.open() for _ in range(3)]
    limits = ONE._replace(slots=2)
    try:
        results = await asyncio.gather(
            *(
                gateways[number % 3].exchange_slots("gpu", limits, calls(f"a{number}"), ())
                for number in range(12)
            )
        )
    finally:
        for gateway in gateways:
            await gateway.close()
    assert sum(len(result.leased) for result in results) == 2


class SlotMachine(RuleBasedStateMachine):
    """Exchanges of two gateways with a database, and with `slot_queue.exchange`."""

    store: ClassVar[Store]
    """The database of all runs, each of which has a binding of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.ledger = self.store.open(self.clock)
        self.binding = f"gpu-{uuid.uuid4()}"
        self.tickets: list[Ticket] = []

    @rule(
        ids=st.lists(st.sampled_from([f"{a}{n}" for a in "abc" for n in range(4)]), unique=True),
        freed=st.sets(st.sampled_from([f"{a}{n}" for a in "abc" for n in range(4)]), max_size=4),
        slots=st.integers(1, 3),
        queue=st.integers(0, 6),
    )
    def exchange(self, ids: list[str], freed: set[str], slots: int, queue: int) -> None:
        limits = SlotLimits(slots, queue, 60)
        wanted = calls(*(each for each in ids if each not in freed))
        now = self.clock()
        tickets, expected = exchange(self.tickets, limits, wanted, freed, now)
        self.tickets = list(tickets)
        result = self.runner.run(self.ledger.exchange_slots(self.binding, limits, wanted, freed))
        assert result.leased == expected.leased
        assert result.positions == expected.positions

    @rule(seconds=st.integers(1, 30))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @override
    def teardown(self) -> None:
        self.runner.run(self.ledger.close())
        self.runner.close()


def test_the_database_follows_the_pure_function(store: Store) -> None:
    machine = type("Machine", (SlotMachine,), {"store": store})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=25, stateful_step_count=20, deadline=None)
    )
