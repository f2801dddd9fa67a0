"""Who gets the next slot of a binding: accounts take turns, and each keeps its own order."""

from collections import defaultdict, deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tintype_gateway.ledger.slot_queue import (
    WAITING_SECONDS,
    SlotLimits,
    SlotRequest,
    SlotResult,
    Ticket,
    exchange,
)

NOW = 1_800_000_000.0
ONE = SlotLimits(slots=1, queue=100, lease_seconds=60)


class Queue:
    """The slots of one binding, from which all calls ask at once."""

    def __init__(self, limits: SlotLimits = ONE) -> None:
        self.limits = limits
        self.now = NOW
        self.tickets: list[Ticket] = []
        self.wanted: dict[str, SlotRequest] = {}

    def ask(self, *ids: str, freed: tuple[str, ...] = ()) -> SlotResult:
        """Ask for calls, whose account is the first letter of their id."""
        self.wanted |= {each: SlotRequest(each, each[0]) for each in ids}
        for each in freed:
            self.wanted.pop(each, None)
        tickets, result = exchange(
            self.tickets, self.limits, list(self.wanted.values()), freed, self.now
        )
        self.tickets = list(tickets)
        for each in [*result.leased, *(set(self.wanted) - set(result.positions))]:
            self.wanted.pop(each, None)
        return result

    def served(self, first: str) -> str:
        """Return the calls in the order in which they get the slot, after the first one."""
        order = []
        while leased := self.ask(freed=(first,)).leased:
            (first,) = leased
            order.append(first)
        return " ".join(order)


def test_a_free_slot_is_granted_at_once() -> None:
    queue = Queue(SlotLimits(slots=2, queue=0, lease_seconds=60))
    assert queue.ask("a1").leased == {"a1"}
    assert queue.ask("a2").leased == {"a2"}
    assert queue.ask("a3") == SlotResult(frozenset(), {})


def test_calls_of_one_account_are_served_in_their_order() -> None:
    queue = Queue()
    queue.ask("a0")
    assert queue.ask("a1", "a2").positions == {"a1": 1, "a2": 2}
    assert queue.served("a0") == "a1 a2"


def test_accounts_take_turns_whatever_the_number_of_their_calls() -> None:
    queue = Queue()
    queue.ask("a0", "a1", "a2", "a3", "b1", "c1", "b2")
    assert queue.served("a0") == "b1 c1 a1 b2 a2 a3"


def test_a_new_account_takes_its_turn_at_the_end_of_the_round() -> None:
    queue = Queue()
    queue.ask("a0", "a1", "a2", "b1", "b2")
    queue.ask("c1")
    assert queue.served("a0") == "b1 a1 c1 b2 a2"


def test_an_account_keeps_its_turn_when_its_first_call_leaves() -> None:
    queue = Queue()
    queue.ask("a0", "b1", "b2", "c1")
    assert queue.ask(freed=("b1",)).positions == {"b2": 1, "c1": 2}


def test_a_full_queue_refuses_the_newest_call_of_the_account_that_has_the_most() -> None:
    queue = Queue(ONE._replace(queue=3))
    queue.ask("a0")
    assert set(queue.ask("a1", "a2", "a3", "a4").positions) == {"a1", "a2", "a3"}
    result = queue.ask("b1")
    assert set(result.positions) == {"b1", "a1", "a2"}


def test_a_call_that_is_not_renewed_loses_its_place() -> None:
    queue = Queue()
    queue.ask("a0")
    queue.ask("b1")
    queue.wanted.pop("b1")  # its gateway has ended
    queue.now += WAITING_SECONDS
    assert queue.ask("c1").positions == {"c1": 1}


def test_a_lease_ends_after_its_lifetime() -> None:
    queue = Queue()
    queue.ask("a0")
    queue.now += ONE.lease_seconds - 1
    assert not queue.ask("b1").leased
    queue.now += 1
    assert queue.ask().leased == {"b1"}


def test_asking_again_for_a_call_that_has_a_slot_grants_no_second_one() -> None:
    queue = Queue(ONE._replace(slots=2))
    queue.ask("a0")
    assert queue.ask("a0").leased == {"a0"}
    assert len(queue.tickets) == 1


class Fairness(RuleBasedStateMachine):
    """The queue against its meaning: a ring of accounts, each with a queue of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = Queue()
        self.ring: deque[str] = deque()
        self.calls: defaultdict[str, deque[str]] = defaultdict(deque)
        self.busy: str | None = None
        self.number = 0

    @rule(account=st.sampled_from("abcd"))
    def arrive(self, account: str) -> None:
        self.number += 1
        call = f"{account}{self.number}"
        result = self.queue.ask(call)
        if self.busy is None:
            assert result.leased == {call}
            self.busy = call
            return
        if account not in self.ring:
            self.ring.append(account)
        self.calls[account].append(call)

    @precondition(lambda self: self.busy is not None)
    @rule()
    def end(self) -> None:
        assert self.busy is not None
        result = self.queue.ask(freed=(self.busy,))
        self.busy = None
        if self.ring:
            account = self.ring.popleft()
            self.busy = self.calls[account].popleft()
            if self.calls[account]:
                self.ring.append(account)
            assert result.leased == {self.busy}

    @precondition(lambda self: self.ring)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from([each for name in self.ring for each in self.calls[name]]))
        self.queue.ask(freed=(call,))
        self.calls[call[0]].remove(call)
        if not self.calls[call[0]]:
            self.ring.remove(call[0])

    @invariant()
    def positions_are_those_of_the_ring(self) -> None:
        queues = {name: deque(self.calls[name]) for name in self.ring}
        ring, order = deque(self.ring), []
        while ring:
            account = ring.popleft()
            order.append(queues[account].popleft())
            if queues[account]:
                ring.append(account)
        assert self.queue.ask().positions == {each: n for n, each in enumerate(order, 1)}


TestFairness = Fairness.TestCase
TestFairness.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
