"""`tintype gateway` with a mounted catalog and mounted credentials, under steady load."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tintype_catalog.bundle import CATALOG, MANIFEST, pack
from tintype_testing.browser_site import status
from tintype_testing.config_volume import Volume
from tintype_testing.gateway import canvas, catalog_of
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.http import http_client
from tintype_testing.recording_simulator import RecordingSimulator, recording_simulator
from tintype_testing.waiting import eventually

CALLERS = 4
REQUEST = {"model": "canvas", "prompt": "a red fox"}


@dataclass
class Load:
    """What steady callers saw."""

    statuses: list[int] = field(default_factory=list)

    @property
    def failed(self) -> list[int]:
        return [status for status in self.statuses if status != 200]


@dataclass(frozen=True)
class Mounts:
    """What the kubelet mounts into a gateway's pod, and the provider that it calls."""

    folder: Path
    catalog: Volume
    credentials: Volume
    simulator: RecordingSimulator

    def publish(self, sequence: int, **spec: Any) -> dict[str, bytes]:
        """Put a catalog in the place of the one before, and return its files."""
        files = pack(catalog_of(canvas(**spec), self.simulator.url), sequence).files
        self.catalog.write(files)
        return files

    def rotate(self, key: str) -> None:
        self.credentials.write({"openai.api-key": key.encode()})

    async def is_used(self, key: str) -> bool:
        """Whether the last call to the provider came with this key."""
        return self.simulator.last_key == key

    @contextlib.contextmanager
    def gateway(self) -> Iterator[GatewayProcess]:
        with running_process(
            self.folder,
            *("--catalog-mount", self.catalog.path),
            *("--credentials-dir", self.credentials.path),
            "--demo",
        ) as process:
            yield process


@pytest.fixture
async def mounts(tmp_path: Path) -> AsyncIterator[Mounts]:
    async with recording_simulator() as simulator:
        mounts = Mounts(
            tmp_path, Volume(tmp_path / "catalog"), Volume(tmp_path / "credentials"), simulator
        )
        mounts.publish(1)
        mounts.rotate("sk-first")
        yield mounts


async def ask(gateway: GatewayProcess) -> int:
    """Ask for an image, and return the status of the response."""
    headers = {"Authorization": f"Bearer {gateway.demo_key}"}
    async with http_client(gateway.url, headers=headers) as http:
        return (await http.post("/v1/images/generations", json=REQUEST)).status_code


@contextlib.asynccontextmanager
async def steady_load(gateway: GatewayProcess) -> AsyncIterator[Load]:
    """Ask for images without a pause while the block runs, and let the last request complete."""
    load, stop = Load(), asyncio.Event()

    async def call() -> None:
        while not stop.is_set():
            load.statuses.append(await ask(gateway))

    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLERS):
            callers.create_task(call())
        try:
            yield load
        finally:
            stop.set()


async def until_status(gateway: GatewayProcess, **fields: Any) -> None:
    """Wait until `/status` says this."""

    async def says() -> bool:
        return fields.items() <= (await status(gateway)).items()

    await eventually(says)


async def test_no_request_fails_while_catalogs_are_swapped(mounts: Mounts) -> None:
    with mounts.gateway() as gateway:
        async with steady_load(gateway) as load:
            for sequence in range(2, 22):
                mounts.publish(sequence)
                await until_status(gateway, sequence=sequence)

    assert load.statuses
    assert load.failed == []


@pytest.mark.parametrize("name", [CATALOG, MANIFEST])
async def test_no_request_fails_while_damaged_catalogs_arrive(mounts: Mounts, name: str) -> None:
    with mounts.gateway() as gateway:
        async with steady_load(gateway) as load:
            sound = mounts.publish(2)
            await until_status(gateway, sequence=2)
            mounts.catalog.write({other: sound[other] for other in sound if other != name})
            await until_status(gateway, sequence=2, lastError=f"mount: {name} is missing")
            mounts.catalog.write(sound)
            await until_status(gateway, sequence=2, lastError=None)

    assert load.statuses
    assert load.failed == []


async def test_a_restart_with_a_bad_configmap_serves_the_last_good_catalog(
    mounts: Mounts,
) -> None:
    with mounts.gateway() as gateway:
        await until_status(gateway, sequence=1, source="mount")
    mounts.catalog.write(mounts.publish(2) | {CATALOG: b"damaged"})

    with mounts.gateway() as gateway:
        await until_status(gateway, sequence=1, source="last-good")
        assert await ask(gateway) == 200
        mounts.publish(3)
        await until_status(gateway, sequence=3, source="mount", lastError=None)


async def test_a_rotated_key_is_used_without_a_restart_and_no_request_fails(
    mounts: Mounts,
) -> None:
    with mounts.gateway() as gateway:
        async with steady_load(gateway) as load:
            for key in ("sk-first", "sk-second", "sk-third", "sk-fourth"):
                mounts.rotate(key)
                await eventually(partial(mounts.is_used, key))

    assert load.failed == []


async def test_a_withdrawn_key_is_used_no_more(mounts: Mounts) -> None:
    with mounts.gateway() as gateway:
        assert await ask(gateway) == 200
        mounts.credentials.write({})

        async def is_refused() -> bool:
            return await ask(gateway) == 503

        await eventually(is_refused)
