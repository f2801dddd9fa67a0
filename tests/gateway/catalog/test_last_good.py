"""The last good catalog on disk, and what a restart makes of it."""

import asyncio
from pathlib import Path

import pytest

from tintype_catalog.bundle import CATALOG, pack
from tintype_gateway.catalog.loading import CatalogLoader, LastGood
from tintype_gateway.catalog.store import LAST_GOOD, CatalogStore
from tintype_testing.manifests import compiled, image_model

ONE = compiled(image_model("one"))
TWO = compiled(image_model("two"))
FILES = pack(ONE, 5).files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "last-good-catalog.json"


async def restarted(path: Path) -> tuple[CatalogStore, CatalogLoader]:
    """A store after a restart, before any channel has brought a catalog."""
    store = CatalogStore()
    loader = CatalogLoader(store, LastGood(path))
    await loader.restore()
    return store, loader


async def test_a_kept_catalog_is_read_back(path: Path) -> None:
    last_good = LastGood(path)
    last_good.write(FILES)
    assert last_good.read() == FILES


async def test_a_catalog_that_is_served_is_kept_for_the_restart(path: Path) -> None:
    _, loader = await restarted(path)
    await loader.load(FILES, "mount")

    store, _ = await restarted(path)

    status = store.status()
    assert store.catalog == ONE
    assert (status.sequence, status.digest) == (5, ONE.revision())
    assert (status.source, status.last_error) == (LAST_GOOD, None)


async def test_a_bad_catalog_is_not_kept(path: Path) -> None:
    _, loader = await restarted(path)
    await loader.load(FILES, "mount")
    await loader.load(pack(TWO, 6).files | {CATALOG: b"damaged"}, "mount")

    store, _ = await restarted(path)

    assert store.catalog == ONE


async def test_an_older_catalog_is_not_kept(path: Path) -> None:
    _, loader = await restarted(path)
    await loader.load(FILES, "watch")
    await loader.load(pack(TWO, 4).files, "mount")

    store, _ = await restarted(path)

    assert store.catalog == ONE


async def test_a_restart_with_a_bad_configmap_serves_the_last_good_one(path: Path) -> None:
    LastGood(path).write(FILES)
    store, loader = await restarted(path)

    await loader.load({}, "mount")

    assert store.catalog == ONE
    assert store.status().last_error == "mount: manifest.json is missing"


@pytest.mark.parametrize("sequence", [4, 5, 6])
async def test_a_catalog_of_a_channel_replaces_the_last_good_one(path: Path, sequence: int) -> None:
    """Else a gateway would never come back from a sequence that was rolled back."""
    LastGood(path).write(FILES)
    store, loader = await restarted(path)

    await loader.load(pack(TWO, sequence).files, "mount")

    assert store.catalog == TWO
    assert store.status().source == "mount"


async def test_at_the_first_start_there_is_none(path: Path) -> None:
    store, _ = await restarted(path)
    assert store.status().sequence is None
    assert store.status().last_error is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"manifest.json": 1}', b"\xff" * 99])
async def test_a_file_that_is_damaged_is_as_good_as_none(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    await asyncio.to_thread(path.write_bytes, content)
    store, _ = await restarted(path)
    assert store.status().sequence is None
    assert "last good catalog not read" in caplog.text


async def test_a_kept_catalog_is_validated(path: Path) -> None:
    LastGood(path).write(FILES | {CATALOG: b"damaged"})
    store, _ = await restarted(path)
    assert store.status().sequence is None
    assert "last-good: " in (store.status().last_error or "")


async def test_a_full_disk_does_not_stop_serving(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, loader = await restarted(tmp_path / "no-such-folder" / "file")
    await loader.load(FILES, "mount")
    assert store.catalog == ONE
    assert "last good catalog not stored" in caplog.text
