"""Only one of several operators works, and it stops before another one starts."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.kubernetes.serving import refusing, serving
from tintype_kubernetes.client import KubernetesClient, connect
from tintype_kubernetes.config import load_kubeconfig
from tintype_kubernetes.errors import ForbiddenError
from tintype_kubernetes.resources import CONFIGMAPS, LEASES
from tintype_operator.errors import LeadershipLostError
from tintype_operator.process.leader_election import Elector, LeaseTiming
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.cluster.processes import start
from tintype_testing.manifests import image_model
from tintype_testing.operator import CONFIGMAP, Operator
from tintype_testing.waiting import LIMIT_SECONDS, eventually, eventually_blocking

FAST = LeaseTiming(duration=2, renew_deadline=1.0, retry_period=0.1)
"""A Lease of two seconds, so that a test can wait until it expires."""

LASTING = LeaseTiming(
    duration=3600, renew_deadline=3000.0, retry_period=0.1, release_deadline=LIMIT_SECONDS
)
"""A Lease that never expires and is always released, however slow the machine is."""


@pytest.fixture
async def client(cluster: ControlPlane) -> AsyncIterator[KubernetesClient]:
    async with connect(load_kubeconfig(cluster.kubeconfig)) as connected:
        yield connected


async def lease(client: KubernetesClient, namespace: str) -> dict[str, Any]:
    found = await client.get(LEASES, namespace, "operator")
    return dict(found["spec"])


def is_waiting(task: asyncio.Task[None]) -> bool:
    return not task.done()


async def test_a_candidate_waits_while_the_holder_renews_and_leads_after_its_release(
    client: KubernetesClient, namespace: str
) -> None:
    first, second = (Elector(client, namespace, "operator", timing=LASTING) for _ in range(2))
    await first.acquire()
    async with asyncio.timeout(LIMIT_SECONDS):
        waiting = asyncio.create_task(second.acquire())
        holding = asyncio.create_task(first.hold())
        before = await lease(client, namespace)

        async def is_renewed() -> bool:
            return bool((await lease(client, namespace))["renewTime"] != before["renewTime"])

        await eventually(is_renewed)
        assert is_waiting(waiting)

        holding.cancel()
        await first.release()
        await waiting

    assert (await lease(client, namespace))["leaseTransitions"] >= 2


async def test_an_expired_lease_is_taken_over(client: KubernetesClient, namespace: str) -> None:
    first, second = (Elector(client, namespace, "operator", timing=FAST) for _ in range(2))
    await first.acquire()
    holder = (await lease(client, namespace))["holderIdentity"]

    async with asyncio.timeout(LIMIT_SECONDS):
        await second.acquire()
        with pytest.raises(LeadershipLostError):
            await first.hold()

    assert (await lease(client, namespace))["holderIdentity"] != holder


async def test_candidates_that_create_the_lease_at_the_same_time_lead_one_after_another(
    client: KubernetesClient, namespace: str
) -> None:
    electors = [Elector(client, namespace, "operator", timing=LASTING) for _ in range(5)]
    waiting = {asyncio.create_task(elector.acquire()): elector for elector in electors}
    async with asyncio.timeout(LIMIT_SECONDS):
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert len(done) == 1
            await waiting.pop(done.pop()).release()


async def test_the_lease_has_the_owner_references(client: KubernetesClient, namespace: str) -> None:
    metadata = {"name": "owner", "namespace": namespace}
    owning = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    uid = (await client.create(CONFIGMAPS, owning))["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    elector = Elector(client, namespace, "operator", [owner], timing=FAST)

    await elector.acquire()

    stored = await client.get(LEASES, namespace, "operator")
    assert stored["metadata"]["ownerReferences"] == [owner]


async def test_a_candidate_without_permission_for_leases_fails(
    cluster: ControlPlane, namespace: str
) -> None:
    nothing = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    kubeconfig = cluster.service_account_kubeconfig(namespace, "poor", nothing)

    async with connect(load_kubeconfig(kubeconfig)) as client:
        async with asyncio.timeout(LIMIT_SECONDS):
            with pytest.raises(ForbiddenError, match="leases"):
                await Elector(client, namespace, "operator", timing=FAST).acquire()


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_holder_without_an_api_server_stops_before_the_lease_expires(hangs: bool) -> None:
    works, ended = True, asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        if works and request.method == "GET":
            return refusing(404, "NotFound")
        if works:
            return web.json_response({"metadata": {"resourceVersion": "1"}})
        if hangs:
            await ended.wait()
        return refusing(500, "InternalError")

    async with serving(handler) as client:
        elector = Elector(client, "ns", "operator", timing=FAST)
        await elector.acquire()
        works = False
        async with asyncio.timeout(LeaseTiming().duration):
            with pytest.raises(LeadershipLostError, match="could not be renewed in time"):
                await elector.hold()
        ended.set()


Revisions = list[tuple[int, str]]
"""Sequences and digests."""


def is_candidate(operator: Operator) -> bool:
    return "waiting for leadership" in operator.process.output()


@pytest.fixture
def pair(
    cluster_with_crds: ControlPlane, namespace: str, tmp_path: Path
) -> Iterator[tuple[Operator, Operator]]:
    """Two running operators of one namespace, of which the first leads."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    first, second = (Operator(cluster_with_crds, namespace, folder) for folder in folders)
    for operator in (first, second):
        operator.start(TINTYPE_LEADER_ELECTION="true")
        operator.process.wait_until(partial(is_candidate, operator), LIMIT_SECONDS, "candidate")
        first.wait_for_models()
    yield first, second
    for operator in (first, second):
        operator.close()


@pytest.fixture
def revisions(pair: tuple[Operator, Operator], tmp_path: Path) -> Iterator[Callable[[], Revisions]]:
    """Gives the revisions that are published from now on, in their order."""
    operator, _ = pair
    watch = start(
        tmp_path / "revisions",
        *(operator.cluster.binaries / "kubectl", "--kubeconfig", operator.cluster.kubeconfig),
        *("get", "configmap", CONFIGMAP, "--namespace", operator.namespace, "--watch"),
        *("--output", r"jsonpath={.data.manifest\.json}"),
    )
    watch.wait_until(lambda: bool(watch.output()), LIMIT_SECONDS, "revision")

    def published() -> Revisions:
        found = re.findall(r'"sequence": (\d+),\s+"sha256": "(\w+)"', watch.output())
        return [(int(sequence), digest) for sequence, digest in found]

    yield published
    watch.stop()


def test_killing_the_leader_during_a_burst_loses_nothing(
    pair: tuple[Operator, Operator], revisions: Callable[[], Revisions]
) -> None:
    first, second = pair
    names = [f"m{number:02}" for number in range(60)]
    manifests = [image_model(name) for name in names]
    with ThreadPoolExecutor() as background:
        burst = background.submit(first.apply, *manifests)
        eventually_blocking(lambda: first.models(), "the first revision of the burst")
        first.process.popen.kill()
        burst.result()

    second.wait_for_models(*names)
    for name in names[:: len(names) - 1]:
        second.wait_for_condition("imagemodel", name, "Accepted", "True")
    published = revisions()
    assert len(dict(published)) == len(set(published)), "two catalogs of one sequence"
    assert [sequence for sequence, _ in published] == sorted(sequence for sequence, _ in published)


def test_a_leader_that_stops_releases_the_lease(pair: tuple[Operator, Operator]) -> None:
    first, second = pair

    assert first.stop() == 0

    eventually_blocking(lambda: '"leading"' in second.process.output(), "the new leader")


def test_a_candidate_stops_cleanly(pair: tuple[Operator, Operator]) -> None:
    _, second = pair

    assert second.stop() == 0
    assert "Traceback" not in second.process.output()
