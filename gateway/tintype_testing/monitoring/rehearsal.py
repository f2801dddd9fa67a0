"""A real run for monitoring: API server, operator, gateway and simulated providers, with clients
that get images, refusals and errors."""

import asyncio
import base64
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
from typing_extensions import override

from tintype_catalog.allowed_hosts import entry_for
from tintype_catalog.credentials import file_name
from tintype_gateway.catalog.folder import ManifestFolder
from tintype_gateway.demo import pointed_at
from tintype_gateway.server import REHEARSAL, STARTER
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.cluster.processes import free_ports, run_tintype, start_tintype
from tintype_testing.http import http_client
from tintype_testing.manifests import SELF_HOSTED, Manifest, read_manifests
from tintype_testing.monitoring.prometheus import Prometheus, running_prometheus
from tintype_testing.operator import Operator, secret
from tintype_testing.simulators import script
from tintype_testing.waiting import eventually_blocking
from tintype_testing.watching_gateway import WatchingGateway

SECRETS = {
    "aws-bedrock": {"aws-access-key-id": "rehearsal", "aws-secret-access-key": "simulated"},
    "gemini": {"api-key": "rehearsal"},
    "openai": {"api-key": "sk-rehearsal"},
}

MODELS = (
    "gpt-image-1-mini",
    "gpt-image-2",
    "amazon.nova-canvas-v1:0",
    "stability.stable-image-core-v1:1",
    "gemini-2.5-flash-image",
    "imagen-4.0-fast-generate-001",
)
"""The models that clients request in turn: two of each provider."""

STREAMED: tuple[dict[str, Any], ...] = (
    {"model": "gpt-image-1", "prompt": "a fox", "stream": True, "partial_images": 2},
    {"model": "amazon.nova-canvas-v1:0", "prompt": "a fox", "stream": True},
)

GENERATIONS = "/v1/images/generations"

SCARCE = {"model": "flux-2-klein", "prompt": "a fox", "size": "256x256"}
"""A request to a server that makes one image at a time."""

QUEUE = 2
"""How many calls may wait for that server."""

LEAVING = (0.02, 0.2, 1.0)
"""After how many seconds clients leave: a gateway has received their requests by then, also on a
slow machine, and on a fast one it has not responded to the first."""

REFUSED = {"model": "gpt-image-1-mini", "prompt": "a forbidden fox"}
WITHHELD = {"model": "amazon.nova-canvas-v1:0", "prompt": "a flagged fox"}
JUDGED = tuple(
    {"model": "gpt-image-1-mini", "prompt": f"a {word} fox"}
    for word in ("banned", "swapped", "undecided")
)
"""Requests that the policy service denies, changes, and does not judge."""

FAULTY = {"model": "gpt-image-1-mini", "prompt": "a fox", "n": 99}
UNKNOWN = {"model": "gpt-image-0", "prompt": "a fox"}

IN_BACKGROUND = {"Prefer": "respond-async"}
WAIT = {"Prefer": "wait=30"}
JOBS = ({"model": "gpt-image-1-mini", "prompt": "a fox"},) * 3 + (REFUSED,)

BUDGET = "day=1@10,20,30,40,50,60,70,80,90"
"""A budget, in credits, that some images spend, with shares to alert of that each one reaches."""

FAULTS: tuple[dict[str, object], ...] = (
    {"status": 521, "body": "down"},
    {"status": 429, "body": "slow down", "headers": {"Retry-After": "1"}},
    {"damage": "malformed_json"},
)
"""The faults of the simulated providers."""


@dataclass(frozen=True)
class Rehearsal:
    """The running components, and a client with a key."""

    prometheus: Prometheus
    operator: Operator
    gateway: WatchingGateway
    simulator: str
    key: str
    frugal_key: str
    """The key of an account with a small budget."""

    started: float
    """Unix seconds."""

    def edit(self, text: str) -> None:
        """Change the display name of a model, and wait until it is served."""
        before = self.gateway.sequence()
        model = next(item for item in _starter() if item["metadata"]["name"] == "gpt-image-2")
        self.operator.apply(model | {"spec": model["spec"] | {"displayName": text}})
        eventually_blocking(lambda: self.gateway.sequence() > before, "a new catalog")

    async def traffic(self, rounds: int, pause_seconds: float = 0.0) -> None:
        """Request an image of each model in every round, and cause every kind of error."""
        headers = {"Authorization": f"Bearer {self.key}"}
        async with http_client(f"http://127.0.0.1:{self.gateway.port}", headers=headers) as http:
            for number in range(rounds):
                fault = FAULTS[number // 3 % len(FAULTS)]
                fails = number % 3 == 0 or number == rounds - 1
                await script(self.simulator, *([fault] if fails else []))
                good = [{"model": model, "prompt": f"a fox {number}"} for model in MODELS]
                together = (*good, *STREAMED, REFUSED, WITHHELD, *JUDGED)
                await asyncio.gather(*(_ask(http, body) for body in together))
                too_many = [SCARCE] * (QUEUE + 3)
                await asyncio.gather(*(_ask(http, body) for body in too_many))
                for body in (FAULTY, UNKNOWN):
                    await _ask(http, body)
                await _leave(http, good[number % len(good)], LEAVING[number % len(LEAVING)])
                await _run_jobs(http)
                frugal = {"Authorization": f"Bearer {self.frugal_key}"}
                await http.post(GENERATIONS, json=good[0], headers=frugal)
                await _ramble(self.gateway.port)
                await asyncio.sleep(pause_seconds)


def _starter() -> list[Manifest]:
    return ManifestFolder(STARTER, (REHEARSAL,)).read()


def _own_server(url: str) -> list[Manifest]:
    """Return the manifests of a server with one slot, a short queue and a health probe."""
    model, binding = (
        pointed_at(manifest, url)
        for manifest in read_manifests(SELF_HOSTED)
        if manifest["metadata"]["name"] in ("flux-2-klein", "flux-2-klein-vllm-omni")
    )
    server = {
        "active": True,
        "endpoint": f"{url}/servers/vllm-omni",
        "queueLimit": QUEUE,
        "healthProbe": {"path": "/health", "intervalSeconds": 1},
    }
    return [model, binding | {"spec": binding["spec"] | server}]


async def _ask(http: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    """Request an image. A response is aborted if its provider fails in the middle."""
    with suppress(httpx2.RemoteProtocolError):
        await http.post(GENERATIONS, json=body)


async def _run_jobs(http: httpx2.AsyncClient) -> None:
    """Submit jobs, cancel one, and wait for their ends."""
    responses = [await http.post(GENERATIONS, json=body, headers=IN_BACKGROUND) for body in JOBS]
    paths = [response.headers["location"] for response in responses]
    await http.delete(paths[-2])

    for path in paths:
        while (await http.get(path, headers=WAIT)).json()["finished_at"] is None:
            pass


async def _leave(http: httpx2.AsyncClient, body: dict[str, Any], seconds: float) -> None:
    """Request an image, and close the connection before it can arrive."""
    try:
        await http.post(GENERATIONS, json=body, timeout=seconds)
    except httpx2.TimeoutException:
        return


async def _ramble(port: int) -> None:
    """Send endless headers until the gateway closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /v1/models HTTP/1.1\r\n" + b"X: %s\r\n" % (b"x" * 8000) * 20)
    with suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), timeout=120)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@contextmanager
def rehearsal(
    cluster: ControlPlane, namespace: str, folder: Path, latency_seconds: float = 0.0
) -> Iterator[Rehearsal]:
    """Run everything on one catalog: the starter's and a server, all of them simulated."""
    operator = Operator(cluster, namespace, folder)
    credentials = folder / "credentials"
    credentials.mkdir()
    (simulator_port,) = free_ports(1)
    url = f"http://127.0.0.1:{simulator_port}"
    for name, keys in SECRETS.items():
        operator.apply(secret(name, entry_for(url), **keys))
        for key, value in keys.items():
            (credentials / file_name(name, key)).write_text(value)
    secrets_file = folder / "webhook-secrets"
    secrets_file.write_text("whsec_" + base64.b64encode(bytes(32)).decode())
    simulator = start_tintype(
        folder / "simulator.log",
        *("simulator", "--port", simulator_port, "--latency-seconds", latency_seconds),
        *("--policy-secrets-file", secrets_file),
    )
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    gateway = WatchingGateway(
        operator,
        folder / "gateway",
        TINTYPE_CREDENTIALS_DIR=str(credentials),
        TINTYPE_IMAGE_STORE_DIR=str(folder / "images"),
        TINTYPE_JOBS_CONCURRENCY="2",
        TINTYPE_WEBHOOK_URL=f"http://127.0.0.1:{receiver.server_port}/budgets",
        TINTYPE_WEBHOOK_SECRETS_FILE=str(secrets_file),
        TINTYPE_GUARDRAIL_URL=f"{url}/policy",
        TINTYPE_GUARDRAIL_SECRETS_FILE=str(secrets_file),
    )
    manifests = [pointed_at(manifest, url) for manifest in _starter()] + _own_server(url)
    jobs = {"gateway": gateway.admin_port, "operator": operator.health_port}
    try:
        operator.start(TINTYPE_GATEWAY_STATUS_URLS=gateway.url)
        gateway.start()
        with running_prometheus(folder, jobs) as prometheus:
            started = time.time()
            key = _new_key(folder / "gateway", "studio", "--unlimited")
            frugal_key = _new_key(folder / "gateway", "intern", "--credits", "9")
            _tintype(folder / "gateway", "accounts", "set", "intern", "--budget", BUDGET)
            operator.apply(*manifests)
            names = [item["metadata"]["name"] for item in manifests if item["kind"] == "ImageModel"]
            operator.wait_for_models(*sorted(names))
            eventually_blocking(lambda: gateway.sequence() > 0, "a gateway with a catalog")
            yield Rehearsal(prometheus, operator, gateway, url, key, frugal_key, started)
    finally:
        gateway.stop()
        operator.close()
        simulator.stop()
        receiver.shutdown()
        receiver.server_close()


class _Receiver(BaseHTTPRequestHandler):
    """Accepts every webhook."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    @override
    def log_message(self, *_: object) -> None:
        """Print nothing."""


def _new_key(folder: Path, account: str, *terms: str) -> str:
    """Create an account, and return a key of it."""
    calls = ("--calls-per-minute", "1000000")
    _tintype(folder, "accounts", "create", account, *terms, *calls)
    return _tintype(folder, "keys", "create", "--account", account).split()[-1]


def _tintype(folder: Path, *arguments: str) -> str:
    """Run a command on the ledger in the folder, and return what it prints."""
    environ = os.environ | {"TINTYPE_DATA_DIR": str(folder)}
    ended = run_tintype(*arguments, environ=environ)
    ended.check_returncode()
    return ended.stdout
