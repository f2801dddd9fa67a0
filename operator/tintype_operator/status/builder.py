"""Builds the statuses that objects should have, after a pass or a query of the gateways."""

from collections import Counter, defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from tintype_catalog.compiler import Compilation
from tintype_catalog.egress_policy import EgressPolicy
from tintype_catalog.price_changes import next_change
from tintype_catalog.problems import Problem
from tintype_kubernetes.client import KubernetesObject
from tintype_kubernetes.resources import IMAGE_MODELS
from tintype_operator.status.conditions import (
    CurrentPricing,
    Status,
    is_reported,
    pricing_at,
    status_of,
)
from tintype_operator.status.findings import Delivery, Finding, price
from tintype_operator.status.gateways import acknowledged
from tintype_operator.watch.cache import Cache, Key, key_of

LOOKED_AT_ONCE = 100
"""The number of objects that are looked at, in some milliseconds, before other tasks run."""


@dataclass(frozen=True)
class Outcome:
    """The result of a pass over all objects."""

    compilation: Compilation
    sequence: int
    """The sequence of the published catalog."""

    generations: Mapping[str, int]
    """The generation of each object that was compiled, by its uid."""

    refusal: str = ""
    """Why the compiled catalog was not published; empty if it was."""

    checks_secrets: bool = True
    """Whether the pass looked up the Secrets that bindings name."""

    def compiled(self, found: KubernetesObject) -> bool:
        """Return whether this generation of an object was compiled."""
        metadata = found["metadata"]
        return bool(self.generations.get(metadata["uid"]) == metadata["generation"])

    def next_price_change(self, now: datetime) -> datetime | None:
        """Return the first moment after `now` at which a binding costs something else, or None."""
        bindings = self.compilation.catalog.bindings
        changes = (next_change(binding.price_changes, now) for binding in bindings)
        return min((change.moment for change in changes if change is not None), default=None)


class _CacheKey(NamedTuple):
    """All inputs of a status: while they are equal, the status is not built again."""

    version: str
    problems: tuple[Problem, ...]
    delivery: Delivery
    model: tuple[str, int] | None
    day: date
    price: Finding | None
    pricing: CurrentPricing | None


class _BuiltStatus(NamedTuple):
    cache_key: _CacheKey
    is_ready: bool
    waits: bool


class StatusBuilder:
    """Builds a status only where its cache key differs from the one before."""

    def __init__(self, policy: EgressPolicy | None = None) -> None:
        """Start without statuses; `policy` says where gateways let bindings call."""
        self._policy = policy
        self._first: dict[str, tuple[int, int]] = {}
        self._known: dict[str, _BuiltStatus] = {}
        self.ready: Counter[str] = Counter()
        self.waiting = False

    def build(
        self, cache: Cache, outcome: Outcome, sequences: Sequence[int], now: datetime
    ) -> Generator[tuple[KubernetesObject, Status] | None, None, None]:
        """Yield each object whose status has to change, and the new status, and now and then None.

        With None other tasks of the event loop should run: there may be ten thousand objects.

        The objects that changed most recently come first, because their authors are waiting.
        `ready` and `waiting` are complete after the last one. A caller may stop earlier and call
        again later.

        Args:
            cache: The objects with their current statuses.
            outcome: The result of the pass that compiled them.
            sequences: The sequence that each gateway serves.
            now: The time in UTC.
        """
        self.ready, self.waiting = Counter(), False
        uids: set[str] = set()
        keys = self._cache_keys(cache, outcome, sequences, now)
        for number, (found, cache_key, model) in enumerate(keys, start=1):
            if number % LOOKED_AT_ONCE == 0:
                yield None
            uid = found["metadata"]["uid"]
            uids.add(uid)
            built = self._known.get(uid)
            if built is None or built.cache_key != cache_key:
                status = status_of(
                    found,
                    cache_key.problems,
                    cache_key.delivery,
                    now=now,
                    model=model,
                    policy=self._policy,
                    pricing=cache_key.pricing,
                    checks_secrets=outcome.checks_secrets,
                )
                built = _BuiltStatus(cache_key, status.is_ready(), _waits(status))
                if is_reported(found, status):
                    self._known[uid] = built
                else:
                    self._known.pop(uid, None)
                    yield found, status
            self.ready[found["kind"]] += built.is_ready
            self.waiting |= built.waits
        self._known = {uid: known for uid, known in self._known.items() if uid in uids}

    def _cache_keys(
        self, cache: Cache, outcome: Outcome, sequences: Sequence[int], now: datetime
    ) -> Iterator[tuple[KubernetesObject, _CacheKey, KubernetesObject | None]]:
        problems, served = _problems(outcome.compilation), _served(outcome.compilation)
        pricing = _pricing(outcome.compilation, now)
        # An object that was edited since the pass gets a status after the pass that compiles it.
        objects = [item for item in reversed(cache.objects()) if outcome.compiled(item)]
        self._await([item for item in objects if key_of(item) not in problems], outcome)
        for found in objects:
            metadata, key, model = found["metadata"], key_of(found), _model_of(found, cache)
            _, first = self._first.get(metadata["uid"], (0, 0))
            delivery = Delivery(
                served=key in served,
                acknowledged=acknowledged(sequences, first),
                gateways=len(sequences),
                refusal=outcome.refusal,
            )
            yield (
                found,
                _CacheKey(
                    metadata["resourceVersion"],
                    tuple(problems.get(key, ())),
                    delivery,
                    None if model is None else _revision(model),
                    now.date(),
                    price(found["spec"], now),
                    pricing.get(key),
                ),
                model,
            )

    def _await(self, sound: Sequence[KubernetesObject], outcome: Outcome) -> None:
        """Record for each generation the first sequence whose catalog contained it."""
        if outcome.refusal:
            return
        known, self._first = self._first, {}
        for found in sound:
            uid, generation = _revision(found)
            first = known.get(uid)
            is_known = first is not None and first[0] == generation
            self._first[uid] = first if is_known and first else (generation, outcome.sequence)


def _problems(compilation: Compilation) -> dict[Key, list[Problem]]:
    problems: dict[Key, list[Problem]] = defaultdict(list)
    for problem in compilation.problems:
        problems[problem.kind, problem.name].append(problem)
    return dict(problems)


def _served(compilation: Compilation) -> set[Key]:
    models = {("ImageModel", model.name) for model in compilation.catalog.models}
    bindings = {("ProviderBinding", binding.name) for binding in compilation.catalog.bindings}
    return models | bindings


def _pricing(compilation: Compilation, now: datetime) -> dict[Key, CurrentPricing]:
    bindings = compilation.catalog.bindings
    return {("ProviderBinding", binding.name): pricing_at(binding, now) for binding in bindings}


def _model_of(found: KubernetesObject, cache: Cache) -> KubernetesObject | None:
    """Return the model whose lifecycle applies to an object: itself, or that of the binding."""
    if found["kind"] == IMAGE_MODELS.kind:
        return found
    name = (found["spec"].get("modelRef") or {}).get("name", "")
    return cache.get(IMAGE_MODELS.kind, name)


def _revision(found: KubernetesObject) -> tuple[str, int]:
    return found["metadata"]["uid"], found["metadata"]["generation"]


def _waits(status: Status) -> bool:
    return any(condition.reason in ("Pending", "NoGateways") for condition in status.conditions)
