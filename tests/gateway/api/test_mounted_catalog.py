"""The catalog's ConfigMap as the kubelet mounts it: a folder that is swapped by one link."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path

import pytest
from typing_extensions import override

from tests.support.gateway import Gateway, catalog_of, easel, running_gateway, until
from tintype_catalog.bundle import CATALOG, MANIFEST, pack
from tintype_catalog.catalog import Catalog
from tintype_gateway.catalog import mount
from tintype_gateway.catalog.store import CatalogStore
from tintype_simulator.app import running


class Volume:
    """A folder that holds a ConfigMap, changed in the way of the kubelet's atomic writer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._versions = 0
        path.mkdir()

    def write(self, files: Mapping[str, bytes]) -> None:
        """Put all files in the place of those before, at one instant."""
        self._versions += 1
        version = self.path / f"..2026_11_20_12_00_00.{self._versions}"
        version.mkdir()
        for name, content in files.items():
            (version / name).write_bytes(content)
        link = self.path / "..data_tmp"
        link.symlink_to(version.name)
        link.rename(self.path / "..data")
        for name in files:
            shown = self.path / name
            if not shown.is_symlink():
                shown.symlink_to(Path("..data") / name)


class WatchedStore(CatalogStore):
    """A store that remembers which sequences it was offered, also those that it turned down."""

    def __init__(self) -> None:
        super().__init__()
        self.offered: list[int] = []

    @override
    def offer(self, catalog: Catalog, sequence: int, source: str) -> bool:
        self.offered.append(sequence)
        return super().offer(catalog, sequence, source)


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return Volume(tmp_path / "catalog")


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    async with running() as url:
        yield url


@pytest.fixture
async def gateway(tmp_path: Path, simulator: str, volume: Volume) -> AsyncIterator[Gateway]:
    async with running_gateway(
        tmp_path, simulator=simulator, source=partial(mount.follow, volume.path)
    ) as gateway:
        yield gateway


def packed(sequence: int, simulator: str = "http://provider", **spec: object) -> dict[str, bytes]:
    """Return the files of a catalog with one model, whose binding has these fields."""
    return pack(catalog_of(easel(**spec), simulator), sequence).files


async def test_the_gateway_starts_before_its_catalog_is_there(
    gateway: Gateway, volume: Volume, simulator: str
) -> None:
    early = await gateway.generate()
    assert early.status_code == 503
    assert early.json()["error"]["code"] == "catalog_unavailable"
    assert early.headers["x-should-retry"] == "true"
    assert await readiness(gateway) == 503

    volume.write(packed(1, simulator))

    await until(lambda: gateway.catalogs.catalog is not None)
    assert (await gateway.generate()).status_code == 200
    assert await readiness(gateway) == 200


async def test_a_swap_of_the_volume_is_served_by_the_next_request(
    gateway: Gateway, volume: Volume, simulator: str
) -> None:
    volume.write(packed(1, simulator))
    await until(lambda: gateway.catalogs.status().sequence == 1)

    volume.write(packed(2, simulator, active=False))

    await until(lambda: gateway.catalogs.status().sequence == 2)
    assert (await gateway.generate()).json()["error"]["code"] == "no_active_providers"


@pytest.mark.parametrize(
    "damage",
    [
        {CATALOG: b"no gzip"},
        {CATALOG: packed(1)[CATALOG][:-9]},
        {MANIFEST: b"{}"},
        {MANIFEST: packed(1)[MANIFEST].replace(b'"schemaVersion": 1', b'"schemaVersion": 2')},
        {CATALOG: packed(1, active=False)[CATALOG]},
    ],
    ids=["no gzip", "cut off", "no manifest", "another schema", "another digest"],
)
async def test_a_damaged_catalog_is_turned_down_and_the_last_good_one_stays(
    gateway: Gateway, volume: Volume, simulator: str, damage: dict[str, bytes]
) -> None:
    volume.write(packed(1, simulator))
    await until(lambda: gateway.catalogs.status().sequence == 1)

    volume.write(packed(2) | damage)

    await until(lambda: gateway.catalogs.status().last_error is not None)
    assert gateway.catalogs.status().sequence == 1
    assert (await gateway.generate()).status_code == 200

    volume.write(packed(3, simulator))

    await until(lambda: gateway.catalogs.status().sequence == 3)
    assert gateway.catalogs.status().last_error is None


async def test_an_older_catalog_is_turned_down(volume: Volume) -> None:
    store = WatchedStore()
    volume.write(packed(5))
    following = asyncio.create_task(mount.follow(volume.path, store))
    await until(lambda: store.offered == [5])

    volume.write(packed(4, active=False))

    await until(lambda: store.offered == [5, 4])
    following.cancel()
    assert store.status().sequence == 5
    assert store.current().catalog.bindings[0].active


async def readiness(gateway: Gateway) -> int:
    async with gateway.http() as http:
        return (await http.get(f"{gateway.admin_url}/readyz")).status_code
