"""Writes statuses to the objects."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from tintype_catalog.egress_policy import EgressPolicy
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
from tintype_operator.status.conditions import Status, fields_of
from tintype_operator.status.events import Events, transitions
from tintype_operator.watch.cache import Cache, trimmed
from tintype_operator.watch.store import RESOURCES

CONCURRENT_WRITES = 8
"""With eight, a thousand statuses take four seconds, and other clients of the API server are not
held up."""


TASK = "statuses"
"""The name under which this task sends heartbeats."""

LEAST_WRITES = 64
"""The number of statuses that are written before a newer outcome interrupts a report. So all
objects get a status although edits continue without a pause."""


class StatusWriter:
    """Writes the statuses that differ from those of the objects."""

    def __init__(
        self, client: KubernetesClient, liveness: Liveness, policy: EgressPolicy | None = None
    ) -> None:
        """Write with this client, and send a heartbeat for each write."""
        self._client = client
        self._liveness = liveness
        self._events = Events(client)
        self._builder = StatusBuilder(policy)

    @property
    def waiting(self) -> bool:
        """Whether objects wait for gateways, according to the last complete report."""
        return self._builder.waiting

    async def report(
        self, cache: Cache, outcome: Outcome, sequences: Sequence[int], newer: asyncio.Event
    ) -> bool:
        """Write the statuses that differ, and return False if a newer outcome interrupted it.

        Args:
            cache: The objects; it is updated with each written object.
            outcome: The result of the pass that compiled them.
            sequences: The sequence that each gateway serves.
            newer: Set when there is a newer outcome, which interrupts the report.

        Raises:
            UnreachableError: The API server is unreachable; the remaining statuses were not tried.
            ApiError: The API server refused a status; all others were tried.
        """
        due = self._builder.build(cache, outcome, sequences, datetime.now(UTC))
        errors: list[KubernetesError] = []
        written_count, is_cut, looking = 0, False, asyncio.Lock()

        async def next_due() -> tuple[KubernetesObject, Status] | None:
            async with looking:  # otherwise all writers would look while other tasks should run
                for change in due:
                    if change is not None:
                        return change
                    await asyncio.sleep(0)
            return None

        async def write_due() -> None:
            nonlocal written_count, is_cut
            while change := await next_due():
                written_count += 1
                try:
                    if written := await self._write(*change):
                        cache.put_written(trimmed(written))
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
            "status": fields_of(status),
        }
        try:
            written = await self._client.apply(
                RESOURCES[found["kind"]], body, field_manager=FIELD_MANAGER, subresource="status"
            )
        except (NotFoundError, ConflictError):
            return None  # deleted, or created again under the same name: an event will follow
        STATUS_WRITES.inc()
        self._liveness.beat(TASK)
        self._liveness.expect_event(written)
        for transition in transitions(found, status):
            await self._events.post(found, transition)
        return written
