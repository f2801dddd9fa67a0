"""Leader election: of several operators only the one that holds a Lease works.

The clocks of machines differ, so a candidate uses only its own monotonic clock, as client-go does:
a Lease has expired when this candidate has seen no renewal for the duration of the Lease. A holder
that cannot renew its Lease stops before other candidates consider it expired. Correctness does not
depend on the election: the catalog is a pure function of the objects, and each write is conditional
on the version that was read.
"""

import asyncio
import logging
import socket
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import (
    ConflictError,
    ForbiddenError,
    KubernetesError,
    NotFoundError,
)
from tintype_kubernetes.resources import LEASES
from tintype_operator.errors import LeadershipLostError
from tintype_operator.publish.managed_objects import FIELD_MANAGER, LABELS, lease

CREATION_FIELD_MANAGER = "tintype-operator-lease"
"""The field manager that creates the Lease. It owns no holder, so it never replaces one."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeaseTiming:
    """The times of a Lease, in seconds; the defaults are those of client-go."""

    duration: int = 15
    """After this time without a renewal, other candidates consider the Lease expired."""

    renew_deadline: float = 10.0
    """After this time without a renewal, the holder stops."""

    retry_period: float = 2.0
    """The pause between two attempts to acquire or renew the Lease."""

    release_deadline: float = 2.0
    """How long a holder that stops attempts to give up the Lease."""


class Elector:
    """One candidate for a Lease."""

    def __init__(
        self,
        client: KubernetesClient,
        namespace: str,
        name: str,
        owners: Sequence[KubernetesObject] = (),
        timing: LeaseTiming = LeaseTiming(),
    ) -> None:
        """Name the Lease, which need not exist.

        Args:
            client: The client to read and write with.
            namespace: The namespace of the Lease.
            name: The name of the Lease.
            owners: The owner references of a Lease that this candidate creates.
            timing: When the Lease is renewed and when it expires.
        """
        self._client = client
        self._owners = list(owners)
        self._namespace = namespace
        self._name = name
        self._timing = timing
        self._identity = f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
        self._seen_version = ""
        self._seen_at = 0.0
        self._renewed_at = 0.0

    async def acquire(self) -> None:
        """Return once this candidate holds the Lease.

        Raises:
            ForbiddenError: The permissions on the Lease are missing.
        """
        logger.info("waiting for leadership", extra={"lease": self._name})
        while True:
            try:
                if await self._attempt_until(time.monotonic() + self._timing.renew_deadline):
                    break
            except ForbiddenError:
                raise
            except (KubernetesError, TimeoutError) as error:
                cause = str(error) or "no response"
                logger.warning("lease not acquired", extra={"lease": self._name, "error": cause})
            await asyncio.sleep(self._timing.retry_period)
        logger.info("leading", extra={"lease": self._name, "identity": self._identity})

    async def hold(self) -> None:
        """Renew the Lease until cancelled.

        Raises:
            LeadershipLostError: It was not renewed in time, or another candidate holds it.
        """
        while True:
            await asyncio.sleep(self._timing.retry_period)
            deadline = self._renewed_at + self._timing.renew_deadline
            try:
                if not await self._attempt_until(deadline):
                    raise LeadershipLostError(f"another operator holds Lease/{self._name}")
            except (KubernetesError, TimeoutError) as error:
                if time.monotonic() + self._timing.retry_period >= deadline:
                    cause = str(error) or "no response"
                    message = f"Lease/{self._name} could not be renewed in time: {cause}"
                    raise LeadershipLostError(message) from error

    async def release(self) -> None:
        """Give up the Lease, so that another candidate need not wait until it expires."""
        try:
            async with asyncio.timeout(self._timing.release_deadline):
                found = await self._client.get(LEASES, self._namespace, self._name)
                if _spec(found).get("holderIdentity") == self._identity:
                    await self._write(found, holder="")
        except (KubernetesError, TimeoutError) as error:
            logger.warning("lease not released", extra={"error": str(error)})

    async def _attempt_until(self, deadline: float) -> bool:
        started = time.monotonic()
        async with asyncio.timeout(max(0.0, deadline - started)):
            is_held = await self._attempt()
        if is_held:
            self._renewed_at = started  # earlier than the moment from which others count
        return is_held

    async def _attempt(self) -> bool:
        """Acquire or renew the Lease, and return whether this candidate holds it now."""
        try:
            found = await self._client.get(LEASES, self._namespace, self._name)
        except NotFoundError:
            found = await self._create()
        if not self._is_free(found):
            return False
        try:
            await self._write(found, holder=self._identity)
        except ConflictError:
            return False
        return True

    def _is_free(self, found: KubernetesObject) -> bool:
        """Return whether this candidate holds the Lease, or no candidate does any longer."""
        version = found["metadata"]["resourceVersion"]
        if version != self._seen_version:
            self._seen_version, self._seen_at = version, time.monotonic()
        holder = _spec(found).get("holderIdentity")
        duration = _spec(found).get("leaseDurationSeconds", self._timing.duration)
        return holder in (self._identity, "", None) or time.monotonic() > self._seen_at + duration

    async def _create(self) -> KubernetesObject:
        """Return a new Lease without a holder, or the one that another candidate just created."""
        body = lease(
            self._namespace, self._name, {"labels": LABELS, "ownerReferences": self._owners}
        )
        return await self._client.apply(LEASES, body, field_manager=CREATION_FIELD_MANAGER)

    async def _write(self, found: KubernetesObject, *, holder: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        before = _spec(found)
        is_same = before.get("holderIdentity") == holder
        spec = {
            "holderIdentity": holder,
            "leaseDurationSeconds": self._timing.duration,
            "acquireTime": before.get("acquireTime", now) if is_same else now,
            "renewTime": now,
            "leaseTransitions": before.get("leaseTransitions", 0) + (not is_same),
        }
        unchanged = {"resourceVersion": found["metadata"]["resourceVersion"]}
        body = lease(self._namespace, self._name, unchanged, spec)
        await self._client.apply(LEASES, body, field_manager=FIELD_MANAGER)


def _spec(found: KubernetesObject) -> KubernetesObject:
    spec: KubernetesObject = found.get("spec") or {}
    return spec
