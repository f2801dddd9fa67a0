"""Which cases are measured: a few in two minutes, or all of them in half an hour."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.cases import COUNT, DIALECTS, MANIFESTS, SIZES, Case, Manifest
from bench.catalog import DELAY_MS

MIDDLE = "1.5 MiB"

CONCURRENCIES = (1, 16, 64)


@dataclass(frozen=True)
class Plan:
    """What is done in one run."""

    cases: Sequence[Case]
    """Each is asked for again and again."""

    waves: Sequence[Case]
    """All clients request each case at the same time; the responses follow seconds later."""

    rounds: int
    """How often each case has its turn; the figures are medians."""

    seconds: float
    """How long a turn takes."""


def quick() -> Plan:
    """Return a plan of at most two minutes: OpenAI's dialect in full, a glance at the others."""
    return Plan(
        cases=[
            *(Case("openai-images", size, 1) for size in SIZES),
            Case("openai-images", MIDDLE, 16),
            Case("openai-images", MIDDLE, 1, stream=True),
            *(Case(dialect, MIDDLE, 1) for dialect in DIALECTS[1:]),
        ],
        waves=[wave(200)],
        rounds=1,
        seconds=1,
    )


def full() -> Plan:
    """Return everything: each dialect, size and concurrency, plain and streaming, and of OpenAI's
    dialect several images, edits, and C2PA manifests in another place than before the pixels."""
    every = itertools.product(DIALECTS, (False, True), SIZES, CONCURRENCIES)
    signed = itertools.product(SIZES, (1, 16), MANIFESTS[1:])
    others = list(itertools.product(SIZES, (1, 16)))
    return Plan(
        cases=[
            *(Case(dialect, size, clients, stream) for dialect, stream, size, clients in every),
            *(Case("openai-images", *case[:2], manifest=case[2]) for case in signed),
            *(Case("openai-images", *case, count=COUNT) for case in others),
            *(Case("openai-images", *case, is_edit=True) for case in others),
        ],
        waves=[wave(200), *(wave(1000, manifest) for manifest in MANIFESTS)],
        rounds=3,
        seconds=1,
    )


def chosen(plan: Plan, only: str, rounds: int | None) -> Plan:
    """Return the cases of a plan whose titles contain a text, with other rounds if given."""

    def fitting(cases: Sequence[Case]) -> list[Case]:
        return [case for case in cases if only in f"{case.title}, {case.clients}"]

    return replace(
        plan,
        cases=fitting(plan.cases),
        waves=fitting(plan.waves),
        rounds=rounds or plan.rounds,
    )


def wave(clients: int, manifest: Manifest = "first") -> Case:
    """Return a case with this number of requests in flight for the upstream's delay."""
    return Case("openai-images", MIDDLE, clients, delay_ms=DELAY_MS, manifest=manifest)
