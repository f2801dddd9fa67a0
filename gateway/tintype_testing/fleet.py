"""Gateways that are killed under load, and clients that record their responses."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp
import yaml

from tintype_testing.cluster.processes import Process, free_ports, start_tintype
from tintype_testing.gateway import canvas, towards
from tintype_testing.gateway_process import START_SECONDS, clean_environ
from tintype_testing.manifests import Manifest
from tintype_testing.waiting import eventually

PRICE = 640_000
"""The price of an image, in micro-credits."""

CREDITS_MICRO = 1_000 * PRICE
"""The initial credits of the account."""

DRAIN_SECONDS = 120
"""The time limit of requests in flight, which take some seconds."""

Trouble = Callable[[], Awaitable[None]]
"""A disruption of the database, such as a restart."""


@dataclass
class Tally:
    """The results of the clients."""

    complete: dict[str, int] = field(default_factory=dict)
    """Credits charged by the id of each request whose complete response arrived."""

    refused: int = 0
    """Requests with an error response, which cost nothing."""

    broken: int = 0
    """Requests without a complete response: it is unknown whether they were charged."""

    kills: int = 0

    asked: int = 0
    """Requests that clients have begun with."""


class Fleet:
    """Gateways with one ledger, which can be killed and restarted on their ports."""

    def __init__(
        self, folder: Path, simulator: str, ledger_url: str, size: int, **environ: str
    ) -> None:
        self._folder = folder
        self._ports = free_ports(2 * size)
        self._gateways: dict[int, Process] = {}
        self._environ = clean_environ() | {
            "TINTYPE_DATABASE_URL": ledger_url,
            "TINTYPE_CATALOG_DIR": str(folder / "catalog"),
            "TINTYPE_CREDENTIALS_DIR": str(folder),
            "TINTYPE_ALLOW_LOOPBACK_ENDPOINTS": "true",
            "TINTYPE_LOG_LEVEL": "warning",
            **environ,
        }
        (folder / "catalog").mkdir()
        manifests = [towards(manifest, simulator) for manifest in self.manifests()]
        (folder / "catalog" / "sketch.yaml").write_text(yaml.safe_dump_all(manifests))
        (folder / "openai.api-key").write_text("sk-anything")

    def manifests(self) -> list[Manifest]:
        """Return the catalog of the gateways, whose provider is the simulator."""
        return canvas()

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self._ports[::2]]

    def launch(self, index: int) -> None:
        """Start or restart a gateway."""
        port, admin_port = self._ports[2 * index : 2 * index + 2]
        self._gateways[index] = start_tintype(
            self._folder / f"gateway-{index}.log",
            "gateway",
            *("--port", port, "--admin-port", admin_port, "--data-dir", self._folder),
            environ=self.environ_of(index),
        )

    def environ_of(self, index: int) -> dict[str, str]:
        """Return the environment of a gateway; it is the same for all."""
        return self._environ

    def kill(self, index: int) -> None:
        """Kill a gateway with SIGKILL."""
        process = self._gateways[index].popen
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    def pid(self, index: int) -> int:
        """Return the process id of a gateway."""
        return self._gateways[index].popen.pid

    def drain(self, index: int) -> int:
        """Send SIGTERM to a gateway, and return its exit code."""
        return self._gateways[index].stop(DRAIN_SECONDS)

    def exit_code(self, index: int) -> int:
        """Wait for the exit of a gateway that got SIGTERM."""
        return self._gateways[index].exit_code(DRAIN_SECONDS)

    def log(self, index: int) -> str:
        """Return the log of a gateway since its first start."""
        return self._gateways[index].output()

    def stop(self) -> None:
        for gateway in self._gateways.values():
            gateway.stop()

    def end(self) -> None:
        """Kill all processes."""
        for gateway in self._gateways.values():
            gateway.popen.kill()
            gateway.popen.wait()

    def signal(self, index: int) -> None:
        """Send SIGTERM to a gateway, as Kubernetes does."""
        self._gateways[index].popen.terminate()

    def status_url(self, index: int) -> str:
        """Return the `/status` URL of a gateway."""
        return f"http://127.0.0.1:{self._ports[2 * index + 1]}/status"

    async def wait_until_ready(self, session: aiohttp.ClientSession, *indexes: int) -> None:
        """Wait until these gateways, by default all, are ready."""

        async def is_ready(index: int) -> bool:
            ready = await _is_ready(session, self._ports[2 * index + 1])
            assert ready or self._gateways[index].running(), self.log(index)[-4000:]
            return ready

        async with asyncio.timeout(START_SECONDS):
            for index in indexes or range(len(self.urls)):
                await eventually(partial(is_ready, index), START_SECONDS)

    async def wait_until_draining(self, session: aiohttp.ClientSession, index: int) -> None:
        """Wait until a running gateway reports that it is draining."""
        await eventually(partial(_is_draining, session, self._ports[2 * index + 1]))


async def storm(
    fleet: Fleet, key: str, *, requests: int, clients: int, kills: int, seed: int, trouble: Trouble
) -> Tally:
    """Send requests while gateways are killed and the database is disrupted, in turn.

    No client repeats a request, so that each request is charged at most once. However fast the
    machine is, each kill comes while requests are left.
    """
    tally, dice = Tally(), random.Random(seed)  # noqa: S311  # repeatable, not secret
    numbers = iter(range(requests))
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        await fleet.wait_until_ready(session)
        workers = [
            asyncio.create_task(_client(fleet, session, numbers, tally)) for _ in range(clients)
        ]
        while tally.kills < kills and not all(worker.done() for worker in workers):
            share = requests * (tally.kills + 1) // (kills + 1)
            await _moment(tally, share, dice.uniform(0.3, 1.0))
            index = dice.randrange(len(fleet.urls))
            fleet.kill(index)
            tally.kills += 1
            await trouble()
            fleet.launch(index)
        await asyncio.gather(*workers)
    return tally


async def _moment(tally: Tally, share: int, seconds: float) -> None:
    """Wait for this time, or until this share of the requests has begun."""
    with suppress(TimeoutError):
        await eventually(lambda: tally.asked >= share, seconds)


async def _client(
    fleet: Fleet, session: aiohttp.ClientSession, numbers: Iterator[int], tally: Tally
) -> None:
    for number in numbers:
        tally.asked += 1
        attempt = 0
        while not await _ask(fleet, session, number, number + attempt, tally):
            attempt += 1
            await asyncio.sleep(0.05)


async def _ask(
    fleet: Fleet, session: aiohttp.ClientSession, number: int, gateway: int, tally: Tally
) -> bool:
    """Send a request, and return False if the connection was refused."""
    url = f"{fleet.urls[gateway % len(fleet.urls)]}/v1/images/generations"
    body = {"model": "canvas", "prompt": f"image {number}"}
    try:
        async with session.post(url, json=body) as response:
            document = await response.json()
    except aiohttp.ClientConnectorError:
        return False
    except (aiohttp.ClientError, ValueError):
        tally.broken += 1
    else:
        if response.status == 200:
            charged = document["usage"]["credits_used"]
            tally.complete[response.headers["x-request-id"]] = charged
        else:
            tally.refused += 1
    return True


async def _is_draining(session: aiohttp.ClientSession, port: int) -> bool:
    async with session.get(f"http://127.0.0.1:{port}/readyz") as response:
        return response.status == 503


async def _is_ready(session: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{port}/readyz") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False
