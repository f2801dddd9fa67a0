"""What events told to be deleted explains a loss, whenever they come."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web

from tests.kubernetes.serving import refusing, serving
from tintype_catalog.bundle import unpack
from tintype_kubernetes.configmaps import files_of
from tintype_kubernetes.resources import IMAGE_MODELS, PROVIDER_BINDINGS
from tintype_operator.aggregator import Aggregator
from tintype_operator.compile.deletion_guard import SMALL
from tintype_operator.liveness import Liveness
from tintype_operator.settings import Settings
from tintype_testing.manifests import image_model, provider_binding
from tintype_testing.operator import CONFIGMAP
from tintype_testing.waiting import LIMIT_SECONDS, eventually_equal

NAMES = [f"m{number:02}" for number in range(SMALL + 2)]


class ApiServer:
    """Has models with a binding each, and the catalog that the operator writes."""

    def __init__(self) -> None:
        self.version = 1
        self.objects = [self._stored(image_model(name)) for name in NAMES]
        self.objects += [self._stored(provider_binding(model=name)) for name in NAMES]
        self.catalog: dict[str, Any] | None = None
        self.lists = 0
        self.reads_are_free = asyncio.Event()
        self.reads_are_free.set()
        self.reading = asyncio.Event()
        """Set while a read of the catalog waits."""

    def models(self) -> list[str]:
        """The published models."""
        files = files_of(self.catalog) if self.catalog else {}
        return [model.name for model in unpack(files)[1].models] if files else []

    def without_models(self) -> list[dict[str, Any]]:
        """Delete all models, and return them as the watches' events have them."""
        gone = [each for each in self.objects if each["kind"] == "ImageModel"]
        self.objects = [each for each in self.objects if each not in gone]
        return [self._stored(each) for each in gone]

    async def handle(self, request: web.Request) -> web.Response:
        if request.method == "PATCH":
            return self._patch(request.path, json.loads(await request.text()))
        if request.path.endswith(CONFIGMAP):
            return await self._read()
        for resource in (IMAGE_MODELS, PROVIDER_BINDINGS):
            if request.path.endswith(f"/{resource.plural}"):
                self.lists += 1
                items = [each for each in self.objects if each["kind"] == resource.kind]
                document = {"items": items, "metadata": {"resourceVersion": str(self.version)}}
                return web.json_response(document)
        return web.json_response({})  # an Event is posted

    async def _read(self) -> web.Response:
        if not self.reads_are_free.is_set():
            self.reading.set()
            await self.reads_are_free.wait()
        return web.json_response(self.catalog) if self.catalog else refusing(404, "NotFound")

    def _patch(self, path: str, body: dict[str, Any]) -> web.Response:
        if path.endswith(CONFIGMAP):
            self.catalog = self._stored(body)
            return web.json_response(self.catalog)
        for number, each in enumerate(self.objects):
            name = each["metadata"]["name"]
            if each["kind"] == body["kind"] and path.endswith(f"/{name}/status"):
                self.objects[number] = self._stored(each | {"status": body["status"]})
                return web.json_response(self.objects[number])
        return refusing(404, "NotFound")

    def _stored(self, found: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        metadata = found["metadata"]
        kept = {"namespace": "ns", "uid": f"{found['kind']}-{metadata['name']}", "generation": 1}
        return found | {"metadata": kept | metadata | {"resourceVersion": str(self.version)}}


@pytest.fixture
async def server() -> ApiServer:
    return ApiServer()


@pytest.fixture
async def aggregator(server: ApiServer) -> AsyncIterator[Aggregator]:
    """It has published the models."""
    settings = Settings(manage_credentials=False)
    async with serving(server.handle) as client:
        aggregator = Aggregator(client, "ns", settings, Liveness(), retry_seconds=0.01)
        task = asyncio.create_task(aggregator.run())
        await eventually_equal(server.models, NAMES)
        yield aggregator
        server.reads_are_free.set()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_deletions_that_are_told_during_a_pass_explain_the_next_one(
    server: ApiServer, aggregator: Aggregator
) -> None:
    server.reads_are_free.clear()
    first, *others = server.without_models()
    aggregator.handle_event("DELETED", first)
    async with asyncio.timeout(LIMIT_SECONDS):
        await server.reading.wait()

    for gone in others:
        aggregator.handle_event("DELETED", gone)
    server.reads_are_free.set()

    await eventually_equal(server.models, [])


async def test_deletions_that_a_list_showed_before_their_events_are_explained_by_them(
    server: ApiServer, aggregator: Aggregator
) -> None:
    binding, before = server.objects[-1], server.lists
    deleted = server.without_models()
    aggregator.handle_event(None, binding)

    async def has_listed_again() -> bool:
        return server.lists >= before + 4

    await eventually_equal(has_listed_again, True)
    assert server.models() == NAMES

    for gone in deleted:
        aggregator.handle_event("DELETED", gone)

    await eventually_equal(server.models, [])
