"""The conditions on their way to the objects."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tintype_catalog.compiler import Compilation
from tintype_catalog.problems import Problem
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import ConflictError, NotFoundError
from tintype_kubernetes.resources import IMAGE_MODELS, PROVIDER_BINDINGS
from tintype_operator.cache import Cache, key_of
from tintype_operator.conditions import Status, is_reported, status_of
from tintype_operator.events import Events, transitions
from tintype_operator.findings import Delivery
from tintype_operator.gateways import acknowledged
from tintype_operator.metrics import STATUS_WRITES
from tintype_operator.publisher import FIELD_MANAGER

RESOURCES = {resource.kind: resource for resource in (IMAGE_MODELS, PROVIDER_BINDINGS)}

CONCURRENT_WRITES = 8
"""A thousand statuses take four seconds so, and other clients of the API server get their turn."""


@dataclass(frozen=True)
class Outcome:
    """What a pass made of all objects."""

    compilation: Compilation
    sequence: int
    """That of the published catalog."""

    generations: Mapping[str, int]
    """The generation of each object that was compiled, by its uid."""

    refusal: str = ""
    """Why the compiled catalog is not the published one, empty where it is."""

    def compiled(self, found: KubernetesObject) -> bool:
        """Return whether this generation of an object was compiled."""
        metadata = found["metadata"]
        return bool(self.generations.get(metadata["uid"]) == metadata["generation"])


class Reporter:
    """Writes statuses, and only those that differ."""

    def __init__(self, client: KubernetesClient) -> None:
        """Take the client to write with."""
        self._client = client
        self._events = Events(client)
        self._slots = asyncio.Semaphore(CONCURRENT_WRITES)
        self._first: dict[str, tuple[int, int]] = {}

    async def report(self, cache: Cache, outcome: Outcome, sequences: Sequence[int]) -> bool:
        """Tell each object what became of it, and return whether some wait for gateways.

        Args:
            cache: The objects; those that are written are put into it as they are then.
            outcome: What became of them.
            sequences: What each gateway serves.

        Raises:
            KubernetesError: A status could not be written; all others were tried.
        """
        now = datetime.now(UTC)
        statuses = list(self._statuses(cache, outcome, sequences, now))
        due = [(found, status) for found, status in statuses if not is_reported(found, status)]
        ended = await asyncio.gather(
            *(self._write(found, status) for found, status in due), return_exceptions=True
        )
        for result in ended:
            if isinstance(result, BaseException):
                raise result
            if result is not None:
                cache.put(result)
        return any(_waits(status) for _, status in statuses)

    def _statuses(
        self, cache: Cache, outcome: Outcome, sequences: Sequence[int], now: datetime
    ) -> Iterator[tuple[KubernetesObject, Status]]:
        compilation = outcome.compilation
        problems: dict[tuple[str, str], list[Problem]] = defaultdict(list)
        for problem in compilation.problems:
            problems[problem.kind, problem.name].append(problem)
        served = {("ImageModel", model.name) for model in compilation.catalog.models}
        served |= {("ProviderBinding", binding.name) for binding in compilation.catalog.bindings}
        # An object that was edited meanwhile is not judged before the pass that compiles it.
        objects = [item for item in cache.objects() if outcome.compiled(item)]
        self._await([item for item in objects if key_of(item) not in problems], outcome)
        for found in objects:
            key = key_of(found)
            _, first = self._first.get(found["metadata"]["uid"], (0, 0))
            delivery = Delivery(
                served=key in served,
                acknowledged=acknowledged(sequences, first),
                gateways=len(sequences),
                refusal=outcome.refusal,
            )
            model = _model_of(found, cache)
            yield found, status_of(found, problems[key], delivery, now=now, model=model)

    def _await(self, sound: Sequence[KubernetesObject], outcome: Outcome) -> None:
        """Remember for each generation the first sequence that held it."""
        if outcome.refusal:
            return
        known, self._first = self._first, {}
        for found in sound:
            uid, generation = found["metadata"]["uid"], found["metadata"]["generation"]
            first = known.get(uid)
            is_known = first is not None and first[0] == generation
            self._first[uid] = first if is_known and first else (generation, outcome.sequence)

    async def _write(self, found: KubernetesObject, status: Status) -> KubernetesObject | None:
        metadata = {key: found["metadata"][key] for key in ("namespace", "name", "uid")}
        body = {
            "apiVersion": found["apiVersion"],
            "kind": found["kind"],
            "metadata": metadata,
            "status": status.model_dump(mode="json"),
        }
        async with self._slots:
            try:
                written = await self._client.apply(
                    RESOURCES[found["kind"]],
                    body,
                    field_manager=FIELD_MANAGER,
                    subresource="status",
                )
            except (NotFoundError, ConflictError):
                return None  # deleted, or made anew under the same name: its event is on the way
            STATUS_WRITES.inc()
            for transition in transitions(found, status):
                await self._events.post(found, transition)
            return written


def _model_of(found: KubernetesObject, cache: Cache) -> KubernetesObject | None:
    """Return the model whose life decides about an object: itself, or the one that it serves."""
    if found["kind"] == IMAGE_MODELS.kind:
        return found
    name = (found["spec"].get("modelRef") or {}).get("name", "")
    return cache.get(IMAGE_MODELS.kind, name)


def _waits(status: Status) -> bool:
    return any(condition.reason in ("Pending", "NoGateways") for condition in status.conditions)
