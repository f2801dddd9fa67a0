"""The conditions on their way to the objects."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import (
    ApiError,
    ConflictError,
    KubernetesError,
    NotFoundError,
    UnreachableError,
)
from tintype_operator.liveness import Liveness
from tintype_operator.metrics import READY_OBJECTS, STATUS_WRITES
from tintype_operator.publish.managed_objects import FIELD_MANAGER
from tintype_operator.status.builder import Outcome, StatusBuilder
from tintype_operator.status.conditions import Status
from tintype_operator.status.events import Events, transitions
from tintype_operator.watch.cache import Cache, slimmed
from tintype_operator.watch.store import RESOURCES

CONCURRENT_WRITES = 8
"""A thousand statuses take four seconds so, and other clients of the API server get their turn."""


TASK = "statuses"
"""The name of the task that reports, for the liveness."""

LEAST_WRITES = 64
"""How many statuses are written before those of a newer outcome: edits that do not end must not
keep the other objects without theirs for ever."""


class StatusWriter:
    """Writes statuses, and only those that differ."""

    def __init__(self, client: KubernetesClient, liveness: Liveness) -> None:
        """Take the client to write with, and what to tell of each write."""
        self._client = client
        self._liveness = liveness
        self._events = Events(client)
        self._builder = StatusBuilder()

    @property
    def waiting(self) -> bool:
        """Whether objects wait for gateways, as of the last report that was finished."""
        return self._builder.waiting

    async def report(
        self, cache: Cache, outcome: Outcome, sequences: Sequence[int], newer: asyncio.Event
    ) -> bool:
        """Tell each object what became of it, and return whether all of them know it now.

        Args:
            cache: The objects; those that are written are put into it as they are then.
            outcome: What became of them.
            sequences: What each gateway serves.
            newer: Set when there is a newer outcome: the report is then cut short.

        Raises:
            UnreachableError: The API server is away, so the others were not tried.
            ApiError: A status was refused; all others were tried.
        """
        due = self._builder.build(cache, outcome, sequences, datetime.now(UTC))
        errors: list[KubernetesError] = []
        written_count, is_cut = 0, False

        async def write_due() -> None:
            nonlocal written_count, is_cut
            for found, status in due:
                written_count += 1
                try:
                    if written := await self._write(found, status):
                        cache.put(slimmed(written))
                except ApiError as error:
                    errors.append(error)
                except UnreachableError as error:
                    errors.append(error)
                    due.close()
                if newer.is_set() and written_count >= LEAST_WRITES:
                    is_cut = True
                    due.close()

        await asyncio.gather(*(write_due() for _ in range(CONCURRENT_WRITES)))
        if errors:
            raise errors[0]
        if is_cut:
            return False
        for kind in RESOURCES:
            READY_OBJECTS.labels(kind).set(self._builder.ready[kind])
        return True

    async def _write(self, found: KubernetesObject, status: Status) -> KubernetesObject | None:
        metadata = {key: found["metadata"][key] for key in ("namespace", "name", "uid")}
        body = {
            "apiVersion": found["apiVersion"],
            "kind": found["kind"],
            "metadata": metadata,
            "status": status.model_dump(mode="json"),
        }
        try:
            written = await self._client.apply(
                RESOURCES[found["kind"]], body, field_manager=FIELD_MANAGER, subresource="status"
            )
        except (NotFoundError, ConflictError):
            return None  # deleted, or made anew under the same name: its event is on the way
        STATUS_WRITES.inc()
        self._liveness.beat(TASK)
        self._liveness.wrote(written)
        for transition in transitions(found, status):
            await self._events.post(found, transition)
        return written
