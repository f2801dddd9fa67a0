"""The liveness probe fails when the process runs but its tasks or watches do not work."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.kubernetes.serving import refusing, serving
from tintype_kubernetes.client import KubernetesClient, connect
from tintype_kubernetes.config import load_kubeconfig
from tintype_kubernetes.resources import IMAGE_MODELS
from tintype_operator.aggregator import Aggregator
from tintype_operator.liveness import Liveness
from tintype_operator.process.health import application
from tintype_operator.settings import Settings
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.http import responded
from tintype_testing.manifests import image_model
from tintype_testing.operator import Operator
from tintype_testing.waiting import eventually, eventually_blocking


@asynccontextmanager
async def probed(client: KubernetesClient, namespace: str, **limits: float) -> AsyncIterator[str]:
    """An aggregator whose watches deliver nothing, and the URL of its probe."""
    liveness = Liveness()
    liveness.watches_open()
    task = asyncio.create_task(Aggregator(client, namespace, Settings(), liveness).run())
    async with TestServer(application(liveness, **limits)) as server:
        yield str(server.make_url("/healthz"))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def wait_for(url: str, status: int, text: str) -> None:
    async with aiohttp.ClientSession() as session:

        async def is_reported() -> bool:
            async with session.get(url) as response:
                return response.status == status and text in await response.text()

        await eventually(is_reported)


async def test_an_aggregator_that_hangs_in_a_call_fails_the_probe() -> None:
    called, ended = asyncio.Event(), asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        called.set()
        await ended.wait()
        return refusing(500, "InternalError")

    async with serving(hang) as client, probed(client, "ns", heartbeat_limit=0.3) as url:
        await called.wait()
        await wait_for(url, 500, "no heartbeat for")
        ended.set()


async def test_a_watch_without_events_fails_the_probe(
    cluster_with_crds: ControlPlane, namespace: str
) -> None:
    model = image_model()
    model["metadata"]["namespace"] = namespace

    async with connect(load_kubeconfig(cluster_with_crds.kubeconfig)) as client:
        await client.create(IMAGE_MODELS, model)
        async with probed(client, namespace, event_limit=0.3) as url:
            await wait_for(url, 500, "s overdue")


def test_a_stopped_process_does_not_respond(running: Operator) -> None:
    def responds() -> bool:
        try:
            url = f"http://127.0.0.1:{running.health_port}/healthz"
            return responded(url, seconds=1)[0] == 200
        except OSError:
            return False

    assert eventually_blocking(responds, "a living operator")
    os.kill(running.process.popen.pid, signal.SIGSTOP)
    try:
        assert not responds()
    finally:
        os.kill(running.process.popen.pid, signal.SIGCONT)
    assert eventually_blocking(responds, "the operator's recovery")
