"""The probe turns red when the process still runs but works no more."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.request import urlopen

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.kubernetes.serving import refusing, serving
from tintype_kubernetes.client import KubernetesClient, connect
from tintype_kubernetes.config import load_kubeconfig
from tintype_kubernetes.resources import IMAGE_MODELS
from tintype_operator.aggregator import Aggregator
from tintype_operator.liveness import Liveness
from tintype_operator.process import health
from tintype_operator.settings import Settings
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.manifests import image_model
from tintype_testing.operator import Operator
from tintype_testing.waiting import LIMIT_SECONDS, eventually_blocking


@asynccontextmanager
async def probed(client: KubernetesClient, namespace: str) -> AsyncIterator[str]:
    """An aggregator that no watch tells anything, and the URL of its probe."""
    liveness = Liveness()
    task = asyncio.create_task(Aggregator(client, namespace, Settings(), liveness).run())
    async with TestServer(health.application(liveness)) as server:
        yield str(server.make_url("/healthz"))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def wait_for(url: str, status: int, text: str) -> None:
    async with asyncio.timeout(LIMIT_SECONDS), aiohttp.ClientSession() as session:
        while True:
            async with session.get(url) as answer:
                if answer.status == status and text in await answer.text():
                    return
            await asyncio.sleep(0.05)


async def test_an_aggregator_that_hangs_in_a_call_is_found_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "SILENCE_SECONDS", 0.3)
    called, ended = asyncio.Event(), asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        called.set()
        await ended.wait()
        return refusing(500, "InternalError")

    async with serving(hang) as client, probed(client, "ns") as url:
        await called.wait()
        await wait_for(url, 500, "silent for")
        ended.set()


async def test_a_watch_that_tells_nothing_is_found_deaf(
    monkeypatch: pytest.MonkeyPatch, cluster_with_crds: ControlPlane, namespace: str
) -> None:
    monkeypatch.setattr(health, "DEAFNESS_SECONDS", 0.3)
    model = image_model()
    model["metadata"]["namespace"] = namespace

    async with connect(load_kubeconfig(cluster_with_crds.kubeconfig)) as client:
        await client.create(IMAGE_MODELS, model)
        async with probed(client, namespace) as url:
            await wait_for(url, 500, "s late")


def test_a_process_that_is_frozen_does_not_answer(running: Operator) -> None:
    def answers() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{running.health_port}/healthz", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    assert eventually_blocking(answers, "a living operator")
    os.kill(running.process.popen.pid, signal.SIGSTOP)
    try:
        assert not answers()
    finally:
        os.kill(running.process.popen.pid, signal.SIGCONT)
    assert eventually_blocking(answers, "the operator's recovery")
