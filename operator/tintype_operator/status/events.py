"""Kubernetes Events: what a person must see when it happens, beside the status that stays."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import KubernetesError
from tintype_kubernetes.resources import EVENTS
from tintype_operator.status.conditions import Status

MAX_MESSAGE_CHARACTERS = 1024
"""The longest message that the Events API takes."""

WATCHED = ("Accepted", "ResolvedRefs", "LifecycleCurrent")
"""The conditions whose transitions a person must see; gateways come and go by themselves."""

logger = logging.getLogger(__name__)


class Transition(NamedTuple):
    """A condition that turned."""

    type: str
    """`Warning` or `Normal`."""

    reason: str
    message: str


def transitions(before: KubernetesObject, status: Status) -> Iterator[Transition]:
    """Yield what became bad, for another reason than before, and what became good again."""
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
    """Posts Events. One that cannot be posted is a line in the log, since the status tells all."""

    def __init__(self, client: KubernetesClient) -> None:
        """Take the client to write with."""
        self._client = client

    async def post(self, found: KubernetesObject, transition: Transition) -> None:
        """Tell of a transition of an object, just now."""
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
