"""What the operator takes at each size of a catalog: `python -m bench.operator`.

Everything is real and on this machine: etcd and an API server, the operator under the rights of its
ServiceAccount, and a gateway that watches the ConfigMap. There is a number of models of each size,
and as many bindings. An edit changes the price of one binding after a moment without any; times
count from sending it. Requests are those that the API server counted.
"""

import argparse
import asyncio
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import aiohttp

from tintype_catalog.bundle import Manifest, read_manifest
from tintype_kubernetes.client import KubernetesClient, KubernetesObject, connect
from tintype_kubernetes.config import load_kubeconfig
from tintype_kubernetes.configmaps import files_of
from tintype_kubernetes.resources import CONFIGMAPS, IMAGE_MODELS, PROVIDER_BINDINGS, Resource
from tintype_testing.api_server import Requests, requests_so_far
from tintype_testing.cluster.binaries import find_binaries
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.manifests import image_model, per_image, provider_binding
from tintype_testing.operator import CONFIGMAP, Operator
from tintype_testing.waiting import eventually, eventually_blocking
from tintype_testing.watching_gateway import WatchingGateway

FIELD_MANAGER = "bench"
CONCURRENT_WRITES = 16

PAUSE_SECONDS = 2.5
"""Before each edit: more than what the operator takes for a burst."""

WATCH_SECONDS = 15.0
"""After a restart: the watches report every object once, when all are Ready already."""

OUR_REQUESTS = (
    Requests("LIST", CONFIGMAPS.plural),
    Requests("WATCH", CONFIGMAPS.plural),
    Requests("WATCH", PROVIDER_BINDINGS.plural),
    Requests("APPLY", PROVIDER_BINDINGS.plural),
)
"""Those of the edits themselves, and of the watches that see what comes of them."""

LIMIT_SECONDS = 900
"""The bound of every wait: much more than any takes."""


@dataclass
class Figures:
    """What was seen at one size."""

    objects: int
    burst_seconds: float = 0
    burst_revisions: int = 0
    ready_seconds: float = 0
    published: list[float] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    requests: dict[str, float] = field(default_factory=dict)
    resident_mib: int = 0
    peak_mib: int = 0
    restart_mib: int = 0
    cold_seconds: float = 0
    cold_mib: int = 0

    def rows(self) -> Iterable[tuple[str, str]]:
        """Yield what was measured, and the figure."""
        yield "models + bindings", f"{self.objects:,} + {self.objects:,}"
        yield "created, until all are published", f"{self.burst_seconds:.1f} s"
        yield "created, until all are Ready", f"{self.ready_seconds:.1f} s"
        yield "revisions of that", str(self.burst_revisions)
        yield "edit to ConfigMap, p50 / p99", centiles(self.published)
        yield "edit to gateway, p50 / p99", centiles(self.served)
        yield "edit to Ready, p50 / p99", centiles(self.ready)
        yield "start to first publication", f"{self.cold_seconds:.1f} s"
        yield "memory after a start", f"{self.cold_mib} MiB"
        yield "memory after a restart with a catalog", f"{self.restart_mib} MiB"
        yield "memory after the edits, peak", f"{self.resident_mib} MiB, {self.peak_mib} MiB"
        for name, each in self.requests.items():
            yield f"requests for an edit: {name}", f"{each:.1f}"


@dataclass(frozen=True)
class Bench:
    """An operator and a gateway that serves what it publishes."""

    operator: Operator
    gateway: WatchingGateway
    client: KubernetesClient
    http: aiohttp.ClientSession

    @property
    def namespace(self) -> str:
        """Return the namespace that all of it is in."""
        return self.operator.namespace

    async def manifest(self) -> Manifest:
        """Return what is published now."""
        found = await self.client.get(CONFIGMAPS, self.namespace, CONFIGMAP)
        return read_manifest(files_of(found))

    async def served(self) -> int:
        """Return the sequence that the gateway serves."""
        async with self.http.get(self.gateway.url) as response:
            status = await response.json()
        return status["sequence"] or 0

    async def changed(self, resource: Resource, name: str, version: str) -> KubernetesObject:
        """Return the next version of an object after `version`."""
        selector = f"metadata.name={name}"
        watch = self.client.watch(resource, self.namespace, version, field_selector=selector)
        async with aclosing(watch) as events:
            async for event in events:
                if event.type != "BOOKMARK":
                    return event.object
        raise TimeoutError(f"nothing happened to {resource.plural}/{name}")

    def metric(self, name: str) -> int:
        """Return the value of one of the operator's metrics, summed up over its labels."""
        url = f"http://127.0.0.1:{self.operator.health_port}/metrics"
        with urlopen(url) as response:
            text = response.read().decode()
        values = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)
        return sum(int(float(value)) for value in values)


@asynccontextmanager
async def running(cluster: ControlPlane, folder: Path, python: str) -> AsyncIterator[Bench]:
    """Run an operator and a gateway in a namespace of their own."""
    operator = Operator(cluster, cluster.create_namespace(), folder)
    operator.python = python
    gateway = WatchingGateway(operator, folder / "gateway")
    try:
        operator.start(TINTYPE_GATEWAY_STATUS_URLS=gateway.url)
        operator.wait_for_models()
        gateway.start()
        eventually_blocking(gateway.sequence, "a gateway that serves")
        async with (
            connect(load_kubeconfig(cluster.kubeconfig)) as client,
            aiohttp.ClientSession() as http,
        ):
            yield Bench(operator, gateway, client, http)
    finally:
        operator.close()
        gateway.stop()


async def measure(bench: Bench, objects: int, edits: int) -> Figures:
    """Fill the catalog, edit it, and start anew."""
    figures = Figures(objects)
    await burst(bench, figures)
    before = requests_so_far(bench.operator.cluster)
    for number in range(edits):
        await asyncio.sleep(PAUSE_SECONDS)
        await edit(bench, figures, f"b{number:05}", f"0.{number + 100}")
    counted = requests_so_far(bench.operator.cluster) - before
    figures.requests = {
        f"{kind.verb} {kind.resource}": count / edits
        for kind, count in counted.items()
        if count >= edits / 2 and kind not in OUR_REQUESTS
    }
    figures.resident_mib, figures.peak_mib = memory_mib(bench.operator.process.popen.pid)
    await restart(bench, figures)
    await cold_start(bench, figures)
    return figures


async def burst(bench: Bench, figures: Figures) -> None:
    """Create everything at once, and wait until it is served and said."""
    slots = asyncio.Semaphore(CONCURRENT_WRITES)

    async def create(resource: Resource, manifest: KubernetesObject) -> None:
        manifest["metadata"]["namespace"] = bench.namespace
        async with slots:
            await bench.client.create(resource, manifest)

    async def all_published() -> bool:
        manifest = await bench.manifest()
        return manifest.models == manifest.bindings == figures.objects

    revisions, began = bench.metric("tintype_operator_publications_total"), time.monotonic()
    numbers = range(figures.objects)
    await asyncio.gather(
        *(create(IMAGE_MODELS, image_model(f"m{number:05}")) for number in numbers),
        *(
            create(PROVIDER_BINDINGS, provider_binding(f"b{number:05}", model=f"m{number:05}"))
            for number in numbers
        ),
    )
    await eventually(all_published, LIMIT_SECONDS)
    figures.burst_seconds = time.monotonic() - began
    await all_ready(bench, figures.objects)
    figures.ready_seconds = time.monotonic() - began
    figures.burst_revisions = bench.metric("tintype_operator_publications_total") - revisions


async def edit(bench: Bench, figures: Figures, name: str, usd: str) -> None:
    """Change the price of a binding, and wait until it is published, served and said."""
    selector = f"metadata.name={CONFIGMAP}"
    listed = await bench.client.list(CONFIGMAPS, bench.namespace, field_selector=selector)
    (before,) = listed.items
    sequence = read_manifest(files_of(before)).sequence
    manifest = provider_binding(name, model=f"m{name[1:]}", pricing=per_image(usd))
    manifest["metadata"]["namespace"] = bench.namespace
    version = before["metadata"]["resourceVersion"]
    began = time.monotonic()

    async def seconds(what: Awaitable[Any]) -> float:
        await what
        return time.monotonic() - began

    async def served() -> bool:
        return await bench.served() > sequence

    async def said() -> None:
        found = await bench.client.apply(PROVIDER_BINDINGS, manifest, field_manager=FIELD_MANAGER)
        while not is_ready(found):
            found = await bench.changed(
                PROVIDER_BINDINGS, name, found["metadata"]["resourceVersion"]
            )

    async with asyncio.TaskGroup() as tasks:
        publishing = tasks.create_task(seconds(bench.changed(CONFIGMAPS, CONFIGMAP, version)))
        serving = tasks.create_task(seconds(eventually(served, LIMIT_SECONDS)))
        saying = tasks.create_task(seconds(said()))
    figures.published.append(publishing.result())
    figures.served.append(serving.result())
    figures.ready.append(saying.result())


def is_ready(found: KubernetesObject) -> bool:
    """Return whether `Ready` is said of the newest generation of an object."""
    return any(
        (condition["type"], condition["status"]) == ("Ready", "True")
        and condition["observedGeneration"] == found["metadata"]["generation"]
        for condition in found.get("status", {}).get("conditions", [])
    )


async def restart(bench: Bench, figures: Figures) -> None:
    """Start the operator anew, with a catalog that it reads and statuses that it compares."""
    bench.operator.stop()
    process = bench.operator.start(TINTYPE_GATEWAY_STATUS_URLS=bench.gateway.url)
    await all_ready(bench, figures.objects)
    await asyncio.sleep(WATCH_SECONDS)
    figures.restart_mib, _ = memory_mib(process.popen.pid)


async def all_ready(bench: Bench, objects: int) -> None:
    """Wait until every object is Ready."""

    async def is_said() -> bool:
        try:
            return bench.metric("tintype_operator_ready_objects") == 2 * objects
        except OSError:  # it does not listen yet
            return False

    await eventually(is_said, LIMIT_SECONDS)


async def cold_start(bench: Bench, figures: Figures) -> None:
    """Start the operator anew, with nothing published."""
    bench.operator.stop()
    bench.operator.delete("configmap", CONFIGMAP)
    listed = await bench.client.list(CONFIGMAPS, bench.namespace)
    began = time.monotonic()
    process = bench.operator.start(TINTYPE_GATEWAY_STATUS_URLS=bench.gateway.url)
    found = await bench.changed(CONFIGMAPS, CONFIGMAP, listed.resource_version)
    figures.cold_seconds = time.monotonic() - began
    if read_manifest(files_of(found)).bindings != figures.objects:
        raise ValueError("a partial catalog was published")
    await all_ready(bench, figures.objects)
    figures.cold_mib, _ = memory_mib(process.popen.pid)


def memory_mib(pid: int) -> tuple[int, int]:
    """Return how much memory a process has now, and had at most, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    sizes = dict(re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", status))
    return int(sizes["VmRSS"]) // 1024, int(sizes["VmHWM"]) // 1024


def centiles(seconds: Sequence[float]) -> str:
    """Return median and 99th percentile in seconds."""
    found = statistics.quantiles(seconds, n=100, method="inclusive")
    return f"{found[49]:.2f} s / {found[98]:.2f} s"


async def measured(
    cluster: ControlPlane, folder: Path, sizes: Sequence[int], edits: int, python: str
) -> None:
    """Print a table for each size."""
    for size in sizes:
        (folder / str(size)).mkdir()
        async with running(cluster, folder / str(size), python) as bench:
            figures = await measure(bench, size, edits)
        for name, figure in figures.rows():
            print(f"| {name:<45} | {figure:>20} |", flush=True)
        print(f"\nload of the machine's {os.cpu_count()} processors: {os.getloadavg()[0]:.1f}\n")


def main() -> None:
    """Run a cluster, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.operator", description=__doc__)
    parser.add_argument("--objects", type=int, nargs="+", default=[1000], help="the sizes")
    parser.add_argument("--edits", type=int, default=20, help="how many are measured at each size")
    parser.add_argument("--python", default=sys.executable, help="what runs the operator")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cluster = ControlPlane(Path(folder), find_binaries())
        try:
            cluster.start()
            cluster.apply_crds()
            arguments = Path(folder), options.objects, options.edits, options.python
            asyncio.run(measured(cluster, *arguments))
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
