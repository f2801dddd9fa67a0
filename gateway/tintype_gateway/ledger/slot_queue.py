"""The slots of a binding, and the queue for them: pure functions.

A call to a binding with `maxConcurrentCalls` needs a slot. It has a *ticket*, which waits in the
queue until it is granted a slot, and then is the *lease* of that slot until the call ends.

The queue is fair between accounts: accounts take turns, and the calls of one account keep their
order. An account gets its place in the round when its first call arrives, and a new place at the
end of the round with each slot that one of its calls is granted. An account that sends many calls
therefore delays its own calls, and the call of another account waits for one call of each account
at most.

A full queue keeps the calls that would be served first. The calls that are refused are therefore
those of the account that has the most.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

WAITING_SECONDS = 4.0
"""The lifetime of a waiting ticket. Its gateway renews it about once a second, so that the tickets
of a gateway that has ended do not keep others waiting for long."""


class SlotRequest(NamedTuple):
    """A call that needs a slot."""

    id: str
    """The id of the call, unique among all calls."""

    account: str


class SlotLimits(NamedTuple):
    """The limits of a binding."""

    slots: int
    """The number of concurrent calls."""

    queue: int
    """The number of calls that may wait."""

    lease_seconds: float
    """The lifetime of a lease, which is the timeout of a call."""


@dataclass(frozen=True, slots=True)
class SlotResult:
    """The state of the calls that were asked about. All others were refused: the queue is full."""

    leased: Collection[str]
    """The ids of the calls that have a slot."""

    positions: Mapping[str, int]
    """The position in the queue of each call that waits; 1 is the next to get a slot."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One call that waits for a slot, or that has one."""

    id: str
    account: str
    arrived: int
    """Its number in the order of arrival."""

    turn: int
    """The place of its account in the round, a number on the scale of `arrived`. All waiting
    tickets of an account have the same one."""

    leased: bool
    expires_at: float
    """Unix seconds."""


def exchange(
    tickets: Iterable[Ticket],
    limits: SlotLimits,
    wanted: Sequence[SlotRequest],
    freed: Collection[str],
    now: float,
) -> tuple[Sequence[Ticket], SlotResult]:
    """Return the tickets of a binding, and the state of the calls of one gateway.

    Repeating an exchange changes nothing but the lifetimes of waiting tickets.

    Args:
        tickets: All tickets of the binding.
        limits: The limits of the binding.
        wanted: The gateway's calls that need a slot, those that wait already among them, in the
            order of arrival.
        freed: The ids of calls that have ended, or that wait no longer.
        now: Unix seconds.
    """
    alive = [each for each in tickets if each.id not in freed and each.expires_at > now]
    clock = max((max(each.arrived, each.turn) for each in alive), default=0)
    alive = _with(alive, wanted, clock, now)
    leased = [each for each in alive if each.leased]
    queue = fair_order(each for each in alive if not each.leased)
    free = max(limits.slots - len(leased), 0)
    kept, ids = queue[: free + limits.queue], {call.id for call in wanted}
    granted = [each for each in kept[:free] if each.id in ids]
    clock += len(wanted)
    turns = {each.account: clock + number for number, each in enumerate(granted, 1)}
    waiting = [
        replace(each, turn=turns.get(each.account, each.turn))
        for each in kept
        if each not in granted
    ]
    expires_at = now + limits.lease_seconds
    leased += [replace(each, leased=True, expires_at=expires_at) for each in granted]
    positions = {each.id: place for place, each in enumerate(fair_order(waiting), 1)}
    result = SlotResult(
        leased=frozenset(each.id for each in leased if each.id in ids),
        positions={id: place for id, place in positions.items() if id in ids},
    )
    return [*leased, *waiting], result


def fair_order(waiting: Iterable[Ticket]) -> Sequence[Ticket]:
    """Return the tickets in the order in which they will be served if no other call arrives."""
    earlier: Counter[str] = Counter()
    rounds: list[tuple[int, Ticket]] = []
    for ticket in sorted(waiting, key=lambda each: each.arrived):
        rounds.append((earlier[ticket.account], ticket))
        earlier[ticket.account] += 1
    return [ticket for _, ticket in sorted(rounds, key=lambda each: (each[0], each[1].turn))]


def _with(
    alive: Iterable[Ticket], wanted: Sequence[SlotRequest], clock: int, now: float
) -> list[Ticket]:
    """Return the tickets with those of new calls, and with renewed ones of the waiting calls."""
    known = {each.id: each for each in alive}
    turns = {each.account: each.turn for each in known.values() if not each.leased}
    expires_at = now + WAITING_SECONDS
    for number, call in enumerate(wanted, clock + 1):
        ticket = known.get(call.id)
        if ticket is None:
            turn = turns.setdefault(call.account, number)
            known[call.id] = Ticket(call.id, call.account, number, turn, False, expires_at)
        elif not ticket.leased:
            known[call.id] = replace(ticket, expires_at=expires_at)
    return list(known.values())
