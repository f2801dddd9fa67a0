"""Kubernetes Events for the transitions of conditions that a person should notice."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import KubernetesError
from tintype_kubernetes.resources import EVENTS
from tintype_operator.status.conditions import Status

MAX_MESSAGE_CHARACTERS = 1024
"""The longest message that the Events API accepts."""

WATCHED = ("Accepted", "ResolvedRefs", "LifecycleCurrent", "PriceCurrent")
"""The conditions whose transitions cause Events. `Programmed` is not among them, because it also
changes whenever gateways start and stop."""

logger = logging.getLogger(__name__)


class Transition(NamedTuple):
    """A change of a condition."""

    type: str
    """`Warning` or `Normal`."""

    reason: str
    message: str


def transitions(before: KubernetesObject, status: Status) -> Iterator[Transition]:
    """Yield the conditions that became False for a new reason, or True after False."""
    known = {item["type"]: item for item in (before.get("status") or {}).get("conditions", [])}
    for condition in status.conditions:
        was = known.get(condition.type, {})
        if condition.type not in WATCHED or was.get("reason") == condition.reason:
            continue
        if condition.status == "False":
            yield Transition("Warning", condition.reason, condition.message)
        elif condition.status == "True" and was.get("status") == "False":
            yield Transition("Normal", condition.reason, condition.message)


class Events:
    """Posts Events. A failure is only logged, because the status has the same information."""

    def __init__(self, client: KubernetesClient) -> None:
        """Use this client for all writes."""
        self._client = client

    async def post(self, found: KubernetesObject, transition: Transition) -> None:
        """Post an Event for a transition that happened now."""
        metadata, now = found["metadata"], datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {
                "namespace": metadata["namespace"],
                "generateName": f"{metadata['name'][:200]}.",
            },
            "involvedObject": {
                "apiVersion": found["apiVersion"],
                "kind": found["kind"],
                "resourceVersion": metadata["resourceVersion"],
                **{field: metadata[field] for field in ("namespace", "name", "uid")},
            },
            "type": transition.type,
            "reason": transition.reason,
            "message": transition.message[:MAX_MESSAGE_CHARACTERS],
            "source": {"component": "tintype-operator"},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            await self._client.create(EVENTS, event)
        except KubernetesError as error:
            logger.warning("event not posted", extra={"error": str(error)})
