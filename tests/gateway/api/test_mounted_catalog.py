"""The catalog's ConfigMap as the kubelet mounts it: a folder that is swapped by one link."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typing_extensions import override

from tintype_catalog.bundle import CATALOG, MANIFEST, MAX_UNPACKED_BYTES, pack
from tintype_gateway.catalog import sources
from tintype_gateway.catalog.loading import CatalogLoader
from tintype_gateway.catalog.snapshot import Snapshot
from tintype_gateway.catalog.store import CatalogStore
from tintype_testing.config_volume import Volume
from tintype_testing.gateway import Gateway, canvas, catalog_of, running_gateway
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually


class WatchedStore(CatalogStore):
    """A store that remembers which sequences it was offered, also those that it turned down."""

    def __init__(self) -> None:
        super().__init__()
        self.offered: list[int] = []

    @override
    def swap(self, snapshot: Snapshot, source: str) -> bool:
        self.offered.append(snapshot.sequence)
        return super().swap(snapshot, source)


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return Volume(tmp_path / "catalog")


@pytest.fixture
async def gateway(tmp_path: Path, simulator: str, volume: Volume) -> AsyncIterator[Gateway]:
    async with running_gateway(
        tmp_path,
        simulator=simulator,
        source=lambda store: sources.follow_mount(volume.path, CatalogLoader(store)),
    ) as gateway:
        yield gateway


def packed(sequence: int, simulator: str = "http://provider", **spec: object) -> dict[str, bytes]:
    """Return the files of a catalog with one model, whose binding has these fields."""
    return pack(catalog_of(canvas(**spec), simulator), sequence).files


DAMAGES = {
    "no gzip": {CATALOG: b"no gzip"},
    "cut off": {CATALOG: packed(2)[CATALOG][:-9]},
    "a flipped bit": {CATALOG: packed(2)[CATALOG][:40] + b"!" + packed(2)[CATALOG][41:]},
    "empty files": {CATALOG: b"", MANIFEST: b""},
    "no manifest": {MANIFEST: b"{}"},
    "another schema": {
        MANIFEST: packed(2)[MANIFEST].replace(b'"schemaVersion": 1', b'"schemaVersion": 2')
    },
    "another digest": {CATALOG: packed(1, active=False)[CATALOG]},
    "a bomb": {CATALOG: gzip.compress(bytes(MAX_UNPACKED_BYTES + 1))},
}


async def test_the_gateway_starts_before_its_catalog_is_there(
    gateway: Gateway, volume: Volume, simulator: str
) -> None:
    early = await gateway.generate()
    assert early.status_code == 503
    assert early.json()["error"]["code"] == "catalog_unavailable"
    assert early.headers["x-should-retry"] == "true"
    assert await readiness(gateway) == 503

    volume.write(packed(1, simulator))

    await eventually(lambda: gateway.catalogs.catalog is not None)
    assert (await gateway.generate()).status_code == 200
    assert await readiness(gateway) == 200


async def test_a_swap_of_the_volume_is_served_by_the_next_request(
    gateway: Gateway, volume: Volume, simulator: str
) -> None:
    volume.write(packed(1, simulator))
    await eventually(lambda: gateway.catalogs.status().sequence == 1)

    volume.write(packed(2, simulator, active=False))

    await eventually(lambda: gateway.catalogs.status().sequence == 2)
    assert (await gateway.generate()).json()["error"]["code"] == "no_active_providers"


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_catalog_is_turned_down_and_the_last_good_one_stays(
    gateway: Gateway, volume: Volume, simulator: str, damage: dict[str, bytes]
) -> None:
    volume.write(packed(1, simulator))
    await eventually(lambda: gateway.catalogs.status().sequence == 1)
    rejected = metric("tintype_catalog_loads_total", source="mount", result="rejected")

    volume.write(packed(2) | damage)

    await eventually(lambda: gateway.catalogs.status().last_error is not None)
    assert gateway.catalogs.status().sequence == 1
    assert rejected < metric("tintype_catalog_loads_total", source="mount", result="rejected")
    assert (await gateway.generate()).status_code == 200

    volume.write(packed(3, simulator))

    await eventually(lambda: gateway.catalogs.status().sequence == 3)
    assert gateway.catalogs.status().last_error is None


async def test_an_older_catalog_is_turned_down(volume: Volume) -> None:
    store = WatchedStore()
    volume.write(packed(5))
    following = asyncio.create_task(sources.follow_mount(volume.path, CatalogLoader(store)))
    await eventually(lambda: store.offered == [5])

    volume.write(packed(4, active=False))

    await eventually(lambda: store.offered == [5, 4])
    following.cancel()
    assert store.status().sequence == 5
    assert store.current().catalog.bindings[0].active


async def test_every_swap_of_the_volume_is_noticed(volume: Volume) -> None:
    store = WatchedStore()
    following = asyncio.create_task(sources.follow_mount(volume.path, CatalogLoader(store)))
    for sequence in range(1, 31):
        volume.write(packed(sequence))
        await eventually(lambda sequence=sequence: store.status().sequence == sequence)  # type: ignore[misc]
    following.cancel()
    assert store.offered == list(range(1, 31))


async def test_an_empty_volume_is_no_damage(volume: Volume) -> None:
    store = WatchedStore()
    following = asyncio.create_task(sources.follow_mount(volume.path, CatalogLoader(store)))
    volume.write({})
    volume.write(packed(1))
    await eventually(lambda: store.offered == [1])
    following.cancel()
    assert store.status().last_error is None


async def readiness(gateway: Gateway) -> int:
    async with gateway.http() as http:
        return (await http.get(f"{gateway.admin_url}/readyz")).status_code
