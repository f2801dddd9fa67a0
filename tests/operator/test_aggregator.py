"""The aggregator without kopf: lost events and failing calls."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import web

from tests.kubernetes.serving import refusing, serving
from tintype_catalog.bundle import unpack
from tintype_catalog.compiler import compile_manifests
from tintype_kubernetes.client import KubernetesClient, connect
from tintype_kubernetes.config import load_kubeconfig
from tintype_kubernetes.configmaps import files_of
from tintype_kubernetes.errors import NotFoundError
from tintype_kubernetes.resources import CONFIGMAPS, IMAGE_MODELS
from tintype_operator.aggregator import Aggregator, inherited
from tintype_operator.liveness import Liveness
from tintype_operator.settings import Settings
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.manifests import image_model
from tintype_testing.operator import CONFIGMAP
from tintype_testing.waiting import LIMIT_SECONDS, eventually_equal


@asynccontextmanager
async def aggregating(client: KubernetesClient, namespace: str) -> AsyncIterator[Aggregator]:
    aggregator = Aggregator(client, namespace, Settings(), Liveness(), retry_seconds=0.01)
    task = asyncio.create_task(aggregator.run())
    try:
        yield aggregator
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def published(client: KubernetesClient, namespace: str, *models: str) -> None:
    """Wait until the catalog contains these models."""

    async def names() -> list[str] | None:
        try:
            configmap = await client.get(CONFIGMAPS, namespace, CONFIGMAP)
        except NotFoundError:
            return None
        _, catalog = unpack(files_of(configmap))
        return [model.name for model in catalog.models]

    await eventually_equal(names, list(models))


async def create(client: KubernetesClient, namespace: str, name: str) -> dict[str, Any]:
    manifest = image_model(name)
    manifest["metadata"]["namespace"] = namespace
    return await client.create(IMAGE_MODELS, manifest)


async def test_a_deletion_during_a_gap_of_the_watch_is_found_by_the_list_after_it(
    cluster_with_crds: ControlPlane, namespace: str
) -> None:
    async with connect(load_kubeconfig(cluster_with_crds.kubeconfig)) as client:
        survivor = await create(client, namespace, "survivor")
        await create(client, namespace, "vanished")
        async with aggregating(client, namespace) as aggregator:
            await published(client, namespace, "survivor", "vanished")
            await client.delete(IMAGE_MODELS, namespace, "vanished")

            aggregator.handle_event(None, survivor)

            await published(client, namespace, "survivor")


async def test_an_event_is_published_without_a_new_list(
    cluster_with_crds: ControlPlane, namespace: str
) -> None:
    async with (
        connect(load_kubeconfig(cluster_with_crds.kubeconfig)) as client,
        aggregating(client, namespace) as aggregator,
    ):
        await published(client, namespace)

        aggregator.handle_event("ADDED", await create(client, namespace, "canvas"))

        await published(client, namespace, "canvas")


async def test_a_list_whose_second_page_fails_is_not_published() -> None:
    failures = 3
    written: list[dict[str, Any]] = []
    done = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        nonlocal failures
        if request.method == "PATCH" and CONFIGMAP not in request.path:
            return web.json_response({})  # the Secret with the credentials
        if request.method == "PATCH":
            written.append(json.loads(await request.text()))
            done.set()
            return web.json_response({"metadata": {"resourceVersion": "2"}})
        if request.path.endswith(CONFIGMAP):
            return refusing(404, "NotFound")
        if "continue" not in request.query:
            return web.json_response(
                {"items": [], "metadata": {"resourceVersion": "1", "continue": "more"}}
            )
        if failures:
            failures -= 1
            return refusing(500, "InternalError")
        assert not written
        return web.json_response({"items": [], "metadata": {"resourceVersion": "1"}})

    async with serving(handler) as client, aggregating(client, "ns"):
        async with asyncio.timeout(LIMIT_SECONDS):
            await done.wait()

    assert failures == 0
    assert len(written) == 1


@pytest.mark.parametrize(
    "refusal", [(409, "Conflict", {}), (429, "TooManyRequests", {"Retry-After": "0"})]
)
async def test_a_publication_is_retried_after_a_conflict_or_an_overload(
    refusal: tuple[int, str, dict[str, str]],
) -> None:
    code, reason, headers = refusal
    refusals = 3
    done = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        nonlocal refusals
        if request.method == "GET" and CONFIGMAP in request.path:
            return refusing(404, "NotFound")
        if request.method == "GET":
            return web.json_response({"items": [], "metadata": {"resourceVersion": "1"}})
        if CONFIGMAP in request.path and refusals:
            refusals -= 1
            return refusing(code, reason, **headers)
        if CONFIGMAP in request.path:
            done.set()
        return web.json_response({"metadata": {"resourceVersion": "2"}})

    async with serving(handler) as client, aggregating(client, "ns"):
        async with asyncio.timeout(LIMIT_SECONDS):
            await done.wait()

    assert refusals == 0


def reported(name: str) -> dict[str, Any]:
    return image_model(name) | {"status": {"conditions": [{"type": "Accepted"}]}}


def test_only_objects_with_a_status_inherit_their_published_revision() -> None:
    catalog = compile_manifests([image_model("canvas"), image_model("sketch")]).catalog

    kept = inherited(catalog, [reported("canvas"), image_model("sketch")])

    assert [model.name for model in kept.models] == ["canvas"]
