"""The conditions on their way to the objects."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from tintype_catalog.compiler import Compilation
from tintype_catalog.problems import Problem
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import ConflictError, NotFoundError
from tintype_kubernetes.resources import IMAGE_MODELS, PROVIDER_BINDINGS
from tintype_operator.conditions import Status, is_reported, status_of
from tintype_operator.publisher import FIELD_MANAGER

RESOURCES = {resource.kind: resource for resource in (IMAGE_MODELS, PROVIDER_BINDINGS)}

CONCURRENT_WRITES = 8
"""A thousand statuses take four seconds so, and other clients of the API server get their turn."""


class Reporter:
    """Writes statuses, and only those that differ."""

    def __init__(self, client: KubernetesClient) -> None:
        """Take the client to write with."""
        self._client = client
        self._slots = asyncio.Semaphore(CONCURRENT_WRITES)

    async def report(
        self, objects: Sequence[KubernetesObject], compilation: Compilation
    ) -> list[KubernetesObject]:
        """Tell each object what became of it, and return those that were written, as they are now.

        Raises:
            KubernetesError: A status could not be written; all others were tried.
        """
        statuses = zip(objects, _statuses(objects, compilation), strict=True)
        due = [(found, status) for found, status in statuses if not is_reported(found, status)]
        ended = await asyncio.gather(
            *(self._write(found, status) for found, status in due), return_exceptions=True
        )
        for result in ended:
            if isinstance(result, BaseException):
                raise result
        return [result for result in ended if isinstance(result, dict)]

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
                return await self._client.apply(
                    RESOURCES[found["kind"]],
                    body,
                    field_manager=FIELD_MANAGER,
                    subresource="status",
                )
            except (NotFoundError, ConflictError):
                return None  # deleted, or made anew under the same name: its event is on the way


def _statuses(objects: Sequence[KubernetesObject], compilation: Compilation) -> Iterator[Status]:
    problems: dict[tuple[str, str], list[Problem]] = defaultdict(list)
    for problem in compilation.problems:
        problems[problem.kind, problem.name].append(problem)
    served = {("ImageModel", model.name) for model in compilation.catalog.models}
    served |= {("ProviderBinding", binding.name) for binding in compilation.catalog.bindings}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for found in objects:
        identity = found["kind"], found["metadata"]["name"]
        yield status_of(found, problems[identity], served=identity in served, now=now)
