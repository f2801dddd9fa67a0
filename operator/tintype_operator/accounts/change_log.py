"""Reports every change of a model or binding to the audit log in the ledger.

Kubernetes has no memory of what an object was, so the recorder remembers the specification that it
saw last. The id of a change follows from the object's uid and generation: what is reported again,
such as all objects when the operator starts, is recorded once.
"""

import asyncio
import itertools
import json
import logging
import uuid
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from tintype_accounts.backend import BackendError
from tintype_accounts.documents import MAXIMUM_REPORT
from tintype_kubernetes.client import KubernetesObject, ObjectList
from tintype_kubernetes.resources import IMAGE_MODELS, PROVIDER_BINDINGS
from tintype_operator.accounts.authors import author_details, author_name, last_change_at
from tintype_operator.metrics import AUDIT_WAITING

IDS: Final = uuid.UUID("6f0a3a0e-6d0e-5b5c-9a55-7d1a2f4f3c11")
"""The namespace of the ids, a random one that never changes."""

MOST_WAITING: Final = 10_000
"""The most changes that wait for a gateway. Further ones are given up, and logged."""

BATCH_BYTES: Final = 256 * 1024
"""The approximate size of one report."""

KINDS: Final = {IMAGE_MODELS.kind: "model", PROVIDER_BINDINGS.kind: "binding"}
"""The kinds of objects by their names in the audit log."""

RETRY_SECONDS: Final = 5.0

Change = dict[str, Any]
Send = Callable[[Sequence[Change]], Awaitable[None]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Seen:
    generation: int
    version: int
    """The resourceVersion, which says whether a list is newer."""

    spec: bytes
    """The specification, compressed: thousands of them stay in memory."""

    found: KubernetesObject
    """The object with its metadata alone."""


class ChangeLog:
    """Takes events by `handle_event` and complete lists by `listed`, and reports in `run`."""

    def __init__(self, send: Send, retry_seconds: float = RETRY_SECONDS) -> None:
        """Report by `send`, again after a pause if it raises `BackendError`."""
        self._send = send
        self._retry_seconds = retry_seconds
        self._seen: dict[str, _Seen] = {}
        self._waiting: deque[Change] = deque()
        self._added = asyncio.Event()
        AUDIT_WAITING.set_function(lambda: len(self._waiting))

    def handle_event(self, event_type: str | None, found: KubernetesObject) -> None:
        """Record what an event says; the type is None for what was listed at the start."""
        metadata = found["metadata"]
        seen = self._seen.get(metadata["uid"])
        if event_type == "DELETED":
            if seen is not None:
                del self._seen[metadata["uid"]]
            self._record("delete", found, before=found["spec"], after=None)
        elif seen is None or seen.generation < metadata["generation"]:
            self._seen[metadata["uid"]] = _Seen(
                metadata["generation"],
                int(metadata["resourceVersion"]),
                _packed(found["spec"]),
                _identity(found),
            )
            before = None if seen is None else _unpacked(seen.spec)
            action = "create" if metadata["generation"] == 1 else "update"
            self._record(action, found, before=before, after=found["spec"])

    def forget(self, found: KubernetesObject) -> None:
        """Report nothing of an object any more, not even that lists lack it."""
        self._seen.pop(found["metadata"]["uid"], None)

    def listed(self, kind: str, listed: ObjectList) -> None:
        """Record the deletion of objects that a complete list lacks: their event was missed."""
        uids = {item["metadata"]["uid"] for item in listed.items}
        version = int(listed.resource_version)
        for uid, seen in list(self._seen.items()):
            if seen.found["kind"] == kind and uid not in uids and seen.version <= version:
                del self._seen[uid]
                self._record("delete", seen.found, before=_unpacked(seen.spec), after=None)

    async def run(self) -> None:
        """Report until cancelled; what waits is not lost while no gateway responds."""
        while True:
            await self._added.wait()
            batch = self._batch()
            if not batch:
                self._added.clear()
                continue
            try:
                await self._send(batch)
            except BackendError as error:
                logger.warning("changes not reported: %s", error)
                await asyncio.sleep(self._retry_seconds)
                continue
            for _ in batch:
                self._waiting.popleft()

    def _record(
        self, action: str, found: KubernetesObject, *, before: object, after: object
    ) -> None:
        if len(self._waiting) >= MOST_WAITING:
            logger.error("a change is not reported", extra={"of": _identity(found)})
            return
        self._waiting.append(change_of(action, found, before=before, after=after))
        self._added.set()

    def _batch(self) -> list[Change]:
        batch: list[Change] = []
        size = 0
        for change in itertools.islice(self._waiting, MAXIMUM_REPORT):
            size += len(json.dumps(change))
            if batch and size > BATCH_BYTES:
                break
            batch.append(change)
        return batch


def change_of(action: str, found: KubernetesObject, *, before: object, after: object) -> Change:
    """Return the change of an object as the audit log has it."""
    metadata = found["metadata"]
    version = "deleted" if action == "delete" else str(metadata["generation"])
    # Who deleted an object stands nowhere, so a deletion names no field manager.
    details = author_details(found) | ({"fieldManager": ""} if action == "delete" else {})
    at = datetime.now(UTC).isoformat() if action == "delete" else last_change_at(found)
    return {
        "id": str(uuid.uuid5(IDS, f"{metadata['uid']}/{version}")),
        "at": at,
        "action": action,
        "kind": KINDS[found["kind"]],
        "name": f"{metadata['namespace']}/{metadata['name']}",
        "author": {
            "kind": "resource",
            "name": author_name(found),
            "details": details,
        },
        "before": before,
        "after": after,
    }


def _identity(found: KubernetesObject) -> KubernetesObject:
    names = ("namespace", "name", "uid", "generation")
    return {"kind": found["kind"], "metadata": {name: found["metadata"][name] for name in names}}


def _packed(spec: object) -> bytes:
    return zlib.compress(json.dumps(spec).encode(), level=1)


def _unpacked(spec: bytes) -> object:
    return json.loads(zlib.decompress(spec))
