"""A status describes the generation that was compiled."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from tests.kubernetes.serving import serving
from tintype_catalog.compiler import compile_manifests
from tintype_kubernetes.client import KubernetesObject
from tintype_kubernetes.errors import UnreachableError
from tintype_operator.liveness import Liveness
from tintype_operator.status.builder import LOOKED_AT_ONCE, Outcome
from tintype_operator.status.writer import CONCURRENT_WRITES, StatusWriter
from tintype_operator.watch.cache import Cache
from tintype_testing.manifests import image_model


def stored(generation: int, version: int) -> KubernetesObject:
    found = image_model()
    found["metadata"] |= {
        "namespace": "ns",
        "uid": "u1",
        "generation": generation,
        "resourceVersion": str(version),
    }
    return found


def named(name: str, version: int) -> KubernetesObject:
    found = stored(1, version)
    found["metadata"] |= {"name": name, "uid": name}
    return found


async def reported(outcomes: list[tuple[Outcome, tuple[int, ...]]], now: int) -> list[str]:
    """The status of `Programmed` in each write, for an object of the generation `now`."""
    cache, version = Cache(), 10
    written: list[str] = []
    cache.put(stored(now, version))

    async def handler(request: web.Request) -> web.Response:
        nonlocal version
        version += 1
        body: dict[str, Any] = json.loads(await request.text())
        conditions = body["status"]["conditions"]
        written.extend(item["status"] for item in conditions if item["type"] == "Programmed")
        return web.json_response(stored(now, version) | {"status": body["status"]})

    async with serving(handler) as client:
        reporter = StatusWriter(client, Liveness())
        for outcome, sequences in outcomes:
            await reporter.report(cache, outcome, sequences, asyncio.Event())
    return written


def outcome(generation: int, sequence: int) -> Outcome:
    return Outcome(compile_manifests([image_model()]), sequence, {"u1": generation})


async def test_an_edit_that_was_not_compiled_yet_gets_no_status() -> None:
    assert await reported([(outcome(1, 7), (7, 7))], now=2) == []


async def test_a_generation_waits_for_the_first_sequence_that_contains_it() -> None:
    first, later = (outcome(1, 7), (6, 7)), (outcome(1, 9), (7, 8))

    assert await reported([first, later], now=1) == ["False", "True"]


async def test_an_equal_status_is_not_written_again() -> None:
    assert await reported([(outcome(1, 7), (7,))] * 3, now=1) == ["True"]


async def test_a_status_is_built_again_when_its_inputs_change() -> None:
    served, refused = outcome(1, 7), replace(outcome(1, 7), refusal="because")

    assert await reported([(served, (6,)), (served, (6,)), (refused, (6,)), (served, (7,))], 1) == [
        *("False", "False", "True")
    ]


async def test_an_unreachable_api_server_ends_the_report() -> None:
    tried = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal tried
        tried += 1
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    cache = Cache()
    names = [f"m{number}" for number in range(50)]
    for name in names:
        cache.put(named(name, version=1))
    compiled = Outcome(compile_manifests([]), 7, dict.fromkeys(names, 1))
    async with serving(handler) as client:
        with pytest.raises(UnreachableError):
            await StatusWriter(client, Liveness()).report(cache, compiled, (7,), asyncio.Event())

    assert 1 <= tried <= CONCURRENT_WRITES


async def test_other_tasks_run_while_a_report_looks_at_many_objects() -> None:
    cache, names = Cache(), [f"m{number}" for number in range(5 * LOOKED_AT_ONCE)]
    for name in names:
        cache.put(named(name, version=1))
    compiled = Outcome(compile_manifests([]), 7, dict.fromkeys(names, 1))
    written = turns = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal written
        written += 1
        body: dict[str, Any] = json.loads(await request.text())
        found = named(body["metadata"]["name"], version=2)
        return web.json_response(found | {"status": body["status"]})

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with serving(handler) as client:
        writer = StatusWriter(client, Liveness())
        await writer.report(cache, compiled, (7,), asyncio.Event())
        counting = asyncio.create_task(count_turns())
        await writer.report(cache, compiled, (7,), asyncio.Event())
        counting.cancel()

    assert written == len(names)  # the second report wrote nothing
    assert turns >= len(names) // LOOKED_AT_ONCE
