"""The complete product in a namespace of a real API server: operator, gateway, simulated provider.

The gateway has the permissions that the chart gives it, and volumes as a kubelet would mount them.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tintype_catalog.allowed_hosts import entry_for
from tintype_kubernetes.configmaps import files_of, secret_files_of
from tintype_operator.publish.catalog import configmap_names
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.config_volume import Volume
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.http import http_client
from tintype_testing.manifests import Manifest, image_model, provider_binding
from tintype_testing.operator import CONFIGMAP, CREDENTIALS, Operator, secret
from tintype_testing.recording_simulator import RecordingSimulator, recording_simulator
from tintype_testing.tcp_proxy import TcpProxy, proxy_to
from tintype_testing.waiting import eventually_equal

READ_OWN: list[dict[str, Any]] = [
    {
        "apiGroups": [""],
        "resources": [kind],
        "resourceNames": names,
        "verbs": ["get", "list", "watch"],
    }
    for kind, names in (("configmaps", [*configmap_names(CONFIGMAP)]), ("secrets", [CREDENTIALS]))
]
"""The permissions of a gateway with `watchCredentials`."""

CALLERS = 3
REQUEST = {"model": "canvas", "prompt": "a red fox"}


@dataclass
class Site:
    """One namespace with all components."""

    operator: Operator
    folder: Path
    simulator: RecordingSimulator
    proxy: TcpProxy
    """The proxy between the gateway and the API server."""
    kubeconfig: Path
    catalog: Volume
    credentials: Volume
    statuses: list[int] = field(default_factory=list)
    """The statuses of all responses to the steady load."""

    @contextlib.asynccontextmanager
    async def gateway(
        self, *flags: object, watched: bool = True, mounted: bool = False, **environ: str
    ) -> AsyncIterator[GatewayProcess]:
        """Run a gateway that watches its objects, reads mounts, or both."""
        watching = (
            *("--kubeconfig", self.kubeconfig, "--namespace", self.operator.namespace),
            *("--catalog-configmap", CONFIGMAP, "--credentials-secret", CREDENTIALS),
        )
        mounts = (
            *("--catalog-mount", self.catalog.path),
            *("--credentials-dir", self.credentials.path),
        )
        given = (*(watching if watched else ()), *(mounts if mounted else ()), *flags)
        process = running_process(self.folder, *given, "--demo", environ=environ)
        try:  # in a thread, because its proxy to the API server runs on this event loop
            yield await asyncio.to_thread(process.__enter__)
        finally:
            await asyncio.to_thread(process.__exit__, None, None, None)

    async def apply(self, *manifests: Manifest) -> None:
        """Apply objects without blocking the event loop, on which the simulator runs."""
        await asyncio.to_thread(self.operator.apply, *manifests)

    def secret(self, name: str, **keys: str) -> Manifest:
        """Return a Secret that may be sent to the simulator."""
        return secret(name, entry_for(self.simulator.url), **keys)

    async def serve_canvas(self, key: str) -> None:
        """Apply a model `canvas`, its binding and its key, and wait for both to be published."""
        await self.apply(
            self.secret("openai", **{"api-key": key}),
            image_model(size={"mode": "List", "sizes": ["256x256"]}),
            provider_binding(upstreamModel="dall-e-2", endpoint=self.simulator.url),
        )
        await asyncio.to_thread(self.operator.wait_for_models, "canvas")
        await eventually_equal(self.gathered, {"openai.api-key": key.encode()})

    async def gathered(self) -> dict[str, bytes]:
        """The content of the Secret that the operator writes for the gateways."""
        found = await asyncio.to_thread(self.operator.get, "secret", CREDENTIALS)
        return secret_files_of(found)

    async def published(self) -> dict[str, bytes]:
        """The files of the catalog, from all of its ConfigMaps."""
        path = f"/api/v1/namespaces/{self.operator.namespace}/configmaps"
        listed = await asyncio.to_thread(self.operator.cluster.fetch, path) or {"items": []}
        parts = {*configmap_names(CONFIGMAP)}
        found = [each for each in listed["items"] if each["metadata"]["name"] in parts]
        return {name: content for each in found for name, content in files_of(each).items()}

    async def mount(self) -> None:
        """Refresh the gateway's volumes, as the kubelet does about every minute."""
        self.catalog.write(await self.published())
        self.credentials.write(await self.gathered())

    async def until_key(self, key: str) -> None:
        """Wait until the provider has received a call with this key."""
        await eventually_equal(lambda: self.simulator.last_key, key)

    @contextlib.asynccontextmanager
    async def steady_load(self, gateway: GatewayProcess) -> AsyncIterator[None]:
        """Request images without a pause within the block."""
        stop = asyncio.Event()

        async def call() -> None:
            while not stop.is_set():
                self.statuses.append(await ask(gateway))

        async with asyncio.TaskGroup() as callers:
            for _ in range(CALLERS):
                callers.create_task(call())
            try:
                yield
            finally:
                stop.set()


async def ask(gateway: GatewayProcess, **fields: Any) -> int:
    """Request an image, and return the status of the response."""
    headers = {"Authorization": f"Bearer {gateway.demo_key}"}
    async with http_client(gateway.url, headers=headers) as http:
        body = REQUEST | fields
        return (await http.post("/v1/images/generations", json=body)).status_code


async def status(gateway: GatewayProcess) -> dict[str, Any]:
    """Return the gateway's response at `/status`."""
    async with http_client(gateway.admin_url) as http:
        return dict(json.loads((await http.get("/status")).text))


@contextlib.asynccontextmanager
async def site_on(
    cluster: ControlPlane, namespace: str, folder: Path, **settings: str
) -> AsyncIterator[Site]:
    """A site with a running operator with these settings, and a gateway that is not started yet."""
    operator = Operator(cluster, namespace, folder)
    kubeconfig = cluster.service_account_kubeconfig(namespace, "gateway", READ_OWN)
    server = urlsplit(cluster.server)
    async with recording_simulator() as simulator, proxy_to(server.port or 443) as proxy:
        leading = kubeconfig.with_name(f"proxy-{kubeconfig.name}")
        text = kubeconfig.read_text().replace(f":{server.port}", f":{proxy.port}")
        leading.write_text(text)
        catalog, credentials = Volume(folder / "catalog"), Volume(folder / "credentials")
        operator.start(**settings)
        try:
            yield Site(operator, folder, simulator, proxy, leading, catalog, credentials)
        finally:
            await asyncio.to_thread(operator.close)


@contextlib.asynccontextmanager
async def visited(site: Site, folder: Path) -> AsyncIterator[Site]:
    """A site that several tests share, for one of them: with gateways and volumes of its own.

    In the end its operator runs, and its proxy is open, whatever the test did.
    """
    site.simulator.authorizations.clear()
    catalog, credentials = Volume(folder / "catalog"), Volume(folder / "credentials")
    try:
        yield replace(site, folder=folder, statuses=[], catalog=catalog, credentials=credentials)
    finally:
        site.proxy.open()
        if not site.operator.process.running():
            site.operator.start()
