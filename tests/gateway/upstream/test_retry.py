"""When a call is made again, by which way, and when it is not."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import pytest

from tintype_gateway.faults import RULES
from tintype_gateway.runtime.deadline import Deadline
from tintype_gateway.upstream.circuit_breaker import Circuits, State
from tintype_gateway.upstream.retry import MAX_ATTEMPTS, Retrier, RetryBudget
from tintype_gateway.upstream.slots import Slots
from tintype_gateway.values.events import CallEvent, FailedCall, FinishedCall
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_gateway.values.routes import Candidate
from tintype_gateway.values.upstream import PlannedCall
from tintype_testing.builders import finished_call, job, route
from tintype_testing.metrics import metric

PLANNED = PlannedCall(0, 1, job())
EAST, WEST, NORTH = (Candidate(route(name=name), {"api-key": "sk-1"}) for name in ("e", "w", "n"))


def turned_away(kind: FaultKind = "unavailable", after_seconds: int | None = None) -> UpstreamFault:
    return UpstreamFault(kind, "no", retry_after_seconds=after_seconds)


@dataclass
class Provider:
    """Meets its calls with these faults, in turn, and then with images."""

    faults: Sequence[UpstreamFault] = ()
    went: list[str] = field(default_factory=list)

    async def attempt(self, candidate: Candidate) -> AsyncGenerator[CallEvent, None]:
        number = len(self.went)
        self.went.append(candidate.route.binding.name)
        if number < len(self.faults):
            raise self.faults[number]
        yield finished_call()


def patient(**known: object) -> Retrier:
    """Return attempts that pause only where the provider asks for it."""
    return Retrier(draw=lambda: 0.0, **known)  # type: ignore[arg-type]


async def made(
    provider: Provider,
    *candidates: Candidate,
    by: Retrier | None = None,
    within_seconds: float = 60,
) -> FinishedCall | FailedCall:
    deadline = Deadline(within_seconds)
    return await ended((by or patient()).run(PLANNED, candidates, deadline, provider.attempt))


async def ended(events: AsyncGenerator[CallEvent, None]) -> FinishedCall | FailedCall:
    """Return how a call ended: the last of its events."""
    *_, last = [event async for event in events]
    assert isinstance(last, FinishedCall | FailedCall)
    return last


def opened(*candidates: Candidate) -> Circuits:
    """Return circuits of which those of these ways are open."""
    circuits = Circuits()
    for candidate in candidates:
        circuits.note(candidate.route, UpstreamFault("throttled", "no"))
    return circuits


async def test_a_call_that_succeeds_is_made_once() -> None:
    provider = Provider()
    assert isinstance(await made(provider, EAST, WEST), FinishedCall)
    assert provider.went == ["e"]


@pytest.mark.parametrize("kind", ["unavailable", "throttled", "unauthorized", "misconfigured"])
async def test_a_rejected_call_fails_over_at_once(kind: FaultKind) -> None:
    before = metric("tintype_failovers_total", provider="openai", reason=kind)
    provider = Provider([turned_away(kind, after_seconds=3600)])

    assert isinstance(await made(provider, EAST, WEST), FinishedCall)

    assert provider.went == ["e", "w"]
    assert metric("tintype_failovers_total", provider="openai", reason=kind) == before + 1


@pytest.mark.parametrize("kind", [kind for kind, rule in RULES.items() if rule.retry == "never"])
async def test_a_call_that_may_have_been_processed_is_never_repeated(kind: FaultKind) -> None:
    provider = Provider([UpstreamFault(kind, "no")])

    failed = await made(provider, EAST, WEST)

    assert isinstance(failed, FailedCall)
    assert (failed.fault.kind, failed.route) == (kind, EAST.route)
    assert provider.went == ["e"]


async def test_the_only_route_is_retried_up_to_a_limit() -> None:
    before = metric("tintype_retries_total", provider="openai", reason="throttled")
    provider = Provider([turned_away("throttled")] * 9)

    assert isinstance(await made(provider, EAST), FailedCall)

    assert provider.went == ["e"] * MAX_ATTEMPTS
    after = metric("tintype_retries_total", provider="openai", reason="throttled")
    assert after == before + MAX_ATTEMPTS - 1


@pytest.mark.parametrize("kind", ["unauthorized", "misconfigured"])
async def test_a_permanent_fault_is_not_retried(kind: FaultKind) -> None:
    provider = Provider([turned_away(kind)] * 2)

    assert isinstance(await made(provider, EAST, WEST), FailedCall)

    assert provider.went == ["e", "w"]


async def test_when_every_route_failed_one_that_may_recover_is_retried() -> None:
    provider = Provider([turned_away("unauthorized"), turned_away()])

    assert isinstance(await made(provider, EAST, WEST), FinishedCall)

    assert provider.went == ["e", "w", "w"]


@pytest.mark.parametrize(("after_seconds", "within_seconds"), [(2, 1), (9, 600), (3600, 7200)])
async def test_a_pause_beyond_the_deadline_or_the_limit_ends_the_call(
    after_seconds: int, within_seconds: float
) -> None:
    provider = Provider([turned_away("throttled", after_seconds)])

    failed = await made(provider, EAST, within_seconds=within_seconds)

    assert isinstance(failed, FailedCall)
    assert failed.fault.retry_after_seconds == after_seconds
    assert provider.went == ["e"]


async def test_there_is_no_failover_after_the_deadline() -> None:
    provider = Provider([turned_away()])

    assert isinstance(await made(provider, EAST, WEST, within_seconds=0), FailedCall)

    assert provider.went == ["e"]


async def test_a_spent_budget_ends_the_retries_and_is_counted() -> None:
    before = metric("tintype_retry_budget_exhausted_total", provider="openai")
    provider = Provider([turned_away()] * 9)

    await made(provider, EAST, by=patient(budget=RetryBudget(savings=1)))

    assert provider.went == ["e", "e"]
    assert metric("tintype_retry_budget_exhausted_total", provider="openai") == before + 1


async def test_failover_to_a_healthy_route_costs_no_budget_and_to_an_unhealthy_one_does() -> None:
    broke = RetryBudget(savings=0)
    healthy, sick = Provider([turned_away()]), Provider([turned_away()])

    assert isinstance(await made(healthy, EAST, WEST, by=patient(budget=broke)), FinishedCall)
    by = patient(budget=broke, circuits=opened(WEST))
    assert isinstance(await made(sick, EAST, WEST, by=by), FailedCall)

    assert (healthy.went, sick.went) == (["e", "w"], ["e"])


async def test_a_route_with_an_open_circuit_is_skipped() -> None:
    provider = Provider([turned_away()])

    await made(provider, EAST, WEST, NORTH, by=patient(circuits=opened(EAST)))

    assert provider.went == ["w", "n"]


async def test_if_every_circuit_is_open_the_best_route_is_tried() -> None:
    provider = Provider()
    assert isinstance(
        await made(provider, EAST, WEST, by=patient(circuits=opened(EAST, WEST))), FinishedCall
    )
    assert provider.went == ["e"]


async def test_a_full_binding_sends_its_calls_elsewhere_and_keeps_its_good_name() -> None:
    full = Candidate(route(name="full", maxConcurrentCalls=1, queueLimit=0), {"api-key": "sk-1"})
    slots, provider = Slots(), Provider()
    retrier = patient(slots=slots)

    with slots.place(full.route.binding, "studio") as place:
        assert place is not None
        assert await place.outcome
        assert isinstance(await made(provider, full, WEST, by=retrier), FinishedCall)

    assert provider.went == ["w"]
    assert retrier.circuits.is_healthy("full", "global")


async def test_a_client_that_leaves_frees_the_slot_and_the_probe() -> None:
    only = Candidate(route(name="only", maxConcurrentCalls=1), {"api-key": "sk-1"})
    now = 0.0
    circuits = Circuits(lambda: now)
    circuits.note(only.route, UpstreamFault("throttled", "no"))
    now = 60.0
    retrier, sent = patient(circuits=circuits), asyncio.Event()

    async def endless(candidate: Candidate) -> AsyncGenerator[CallEvent, None]:
        sent.set()
        await asyncio.Event().wait()
        yield finished_call()

    task = asyncio.create_task(ended(retrier.run(PLANNED, [only], Deadline(60), endless)))
    await sent.wait()
    assert not circuits.is_healthy("only", "global")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert [state for _, _, state in circuits.states()] == [State.HALF_OPEN]
    assert isinstance(await made(Provider(), only, by=retrier), FinishedCall)


async def test_a_busy_provider_is_reported_before_a_refused_key() -> None:
    faults = [turned_away("throttled", 3600), turned_away("unauthorized")]

    failed = await made(Provider(faults), EAST, WEST)

    assert isinstance(failed, FailedCall)
    assert (failed.fault.kind, failed.route) == ("throttled", EAST.route)


async def test_the_reported_failure_has_its_own_route() -> None:
    failed = await made(Provider([turned_away(), UpstreamFault("refused", "no")]), EAST, WEST)

    assert isinstance(failed, FailedCall)
    assert (failed.fault.kind, failed.route) == ("refused", WEST.route)
