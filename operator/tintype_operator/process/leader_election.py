"""Which of several operators works: the one that holds a Lease.

Clocks of machines differ, so only the own monotonic clock decides, as in client-go: a Lease has
expired when nobody renewed it for as long as it lasts while we looked on. Who cannot renew it
stops well before the others may think so. Correctness does not rest on it: writes are conditional
on what was read, and a pure function of the objects.
"""

import asyncio
import logging
import socket
import time
import uuid
from collections.abc import Sequence
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
from tintype_operator.publish.managed_objects import FIELD_MANAGER, LABELS

LEASE_SECONDS = 15
"""How long the others wait for a holder that says nothing."""

RENEW_SECONDS = 10.0
"""How long after its last renewal a holder stops to work."""

RETRY_SECONDS = 2.0
"""Between two attempts to get or to renew the Lease."""

MAKER = "tintype-operator-lease"
"""Who owns the Lease's existence, so that making it never takes it from a holder."""

logger = logging.getLogger(__name__)


class Elector:
    """One candidate for a Lease."""

    def __init__(
        self,
        client: KubernetesClient,
        namespace: str,
        name: str,
        owners: Sequence[KubernetesObject] = (),
    ) -> None:
        """Name the Lease, which need not exist, and what it goes away with."""
        self._client = client
        self._owners = list(owners)
        self._namespace = namespace
        self._name = name
        self._identity = f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
        self._seen_version = ""
        self._seen_at = 0.0
        self._renewed_at = 0.0

    async def acquire(self) -> None:
        """Return once the Lease is ours.

        Raises:
            ForbiddenError: It never can be.
        """
        logger.info("waiting for leadership", extra={"lease": self._name})
        while True:
            try:
                if await self._attempt_until(time.monotonic() + RENEW_SECONDS):
                    break
            except ForbiddenError:
                raise
            except (KubernetesError, TimeoutError) as error:
                cause = str(error) or "no answer"
                logger.warning("lease not acquired", extra={"lease": self._name, "error": cause})
            await asyncio.sleep(RETRY_SECONDS)
        logger.info("leading", extra={"lease": self._name, "identity": self._identity})

    async def hold(self) -> None:
        """Renew the Lease until cancelled.

        Raises:
            LeadershipLostError: It could not be renewed in time, or another one has it.
        """
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            deadline = self._renewed_at + RENEW_SECONDS
            try:
                if not await self._attempt_until(deadline):
                    raise LeadershipLostError(f"another operator holds Lease/{self._name}")
            except (KubernetesError, TimeoutError) as error:
                if time.monotonic() + RETRY_SECONDS >= deadline:
                    cause = str(error) or "no answer"
                    message = f"Lease/{self._name} could not be renewed in time: {cause}"
                    raise LeadershipLostError(message) from error

    async def release(self) -> None:
        """Let others work at once. Without it they wait until the Lease expires."""
        try:
            async with asyncio.timeout(RETRY_SECONDS):
                found = await self._client.get(LEASES, self._namespace, self._name)
                if _spec(found).get("holderIdentity") == self._identity:
                    await self._write(found, holder="")
        except (KubernetesError, TimeoutError) as error:
            logger.warning("lease not released", extra={"error": str(error)})

    async def _attempt_until(self, deadline: float) -> bool:
        started = time.monotonic()
        async with asyncio.timeout(max(0.0, deadline - started)):
            is_ours = await self._attempt()
        if is_ours:
            self._renewed_at = started  # the others count from later than this
        return is_ours

    async def _attempt(self) -> bool:
        """Get or renew the Lease, and return whether it is ours now."""
        try:
            found = await self._client.get(LEASES, self._namespace, self._name)
        except NotFoundError:
            found = await self._make()
        if not self._is_free(found):
            return False
        try:
            await self._write(found, holder=self._identity)
        except ConflictError:
            return False
        return True

    def _is_free(self, found: KubernetesObject) -> bool:
        """Return whether the Lease is ours, nobody's, or was not renewed while we looked on."""
        version = found["metadata"]["resourceVersion"]
        if version != self._seen_version:
            self._seen_version, self._seen_at = version, time.monotonic()
        holder = _spec(found).get("holderIdentity")
        lasts = _spec(found).get("leaseDurationSeconds", LEASE_SECONDS)
        return holder in (self._identity, "", None) or time.monotonic() > self._seen_at + lasts

    async def _make(self) -> KubernetesObject:
        """Return the Lease, new and without a holder, or as another candidate has just made it."""
        metadata = {"labels": LABELS, "ownerReferences": self._owners}
        return await self._client.apply(LEASES, self._lease(metadata, {}), field_manager=MAKER)

    async def _write(self, found: KubernetesObject, *, holder: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        before = _spec(found)
        is_same = before.get("holderIdentity") == holder
        spec = {
            "holderIdentity": holder,
            "leaseDurationSeconds": LEASE_SECONDS,
            "acquireTime": before.get("acquireTime", now) if is_same else now,
            "renewTime": now,
            "leaseTransitions": before.get("leaseTransitions", 0) + (not is_same),
        }
        unchanged = {"resourceVersion": found["metadata"]["resourceVersion"]}
        lease = self._lease(unchanged, spec)
        await self._client.apply(LEASES, lease, field_manager=FIELD_MANAGER)

    def _lease(self, metadata: KubernetesObject, spec: KubernetesObject) -> KubernetesObject:
        named = {"namespace": self._namespace, "name": self._name}
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": named | metadata,
            "spec": spec,
        }


def _spec(found: KubernetesObject) -> KubernetesObject:
    spec: KubernetesObject = found.get("spec") or {}
    return spec
