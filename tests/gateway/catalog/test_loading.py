"""What becomes of the files of a published catalog."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from tintype_catalog.bundle import CATALOG, pack
from tintype_catalog.reading import BATCH_ITEMS
from tintype_gateway.catalog import loading
from tintype_gateway.catalog.loading import CatalogLoader
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.observability.metrics import REGISTRY
from tintype_testing.manifests import compiled, image_model

ONE = compiled(image_model("one"))
TWO = compiled(image_model("two"))
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def propagation(sample: str, source: str) -> float:
    name = f"tintype_catalog_propagation_seconds_{sample}"
    return REGISTRY.get_sample_value(name, {"source": source}) or 0.0


async def test_the_revision_is_that_of_the_manifest() -> None:
    store = CatalogStore()
    bundle = pack(ONE, 5)
    await CatalogLoader(store).load(bundle.files, "watch")
    assert store.status().digest == bundle.manifest.sha256


async def test_an_update_tells_how_long_it_took_to_arrive() -> None:
    loader = CatalogLoader(CatalogStore())
    await loader.load(pack(ONE, 5, published_at=datetime.now(UTC)).files, "a-watch")
    hour_ago = datetime.now(UTC) - timedelta(hours=1)

    await loader.load(pack(TWO, 6, published_at=hour_ago).files, "a-watch")

    assert propagation("count", "a-watch") == 1
    assert 3600 <= propagation("sum", "a-watch") < 3660


async def test_the_first_catalog_of_a_process_is_no_update() -> None:
    await CatalogLoader(CatalogStore()).load(pack(ONE, 5, published_at=NOW).files, "b-watch")
    assert propagation("count", "b-watch") == 0


async def test_the_same_catalog_from_a_second_channel_is_no_update() -> None:
    loader = CatalogLoader(CatalogStore())
    for sequence in (5, 6):
        files = pack(ONE, sequence, published_at=datetime.now(UTC)).files
        await loader.load(files, "c-watch")
        await loader.load(files, "c-mount")
    assert (propagation("count", "c-watch"), propagation("count", "c-mount")) == (1, 0)


async def test_a_clock_that_is_behind_makes_no_negative_delay() -> None:
    loader = CatalogLoader(CatalogStore())
    for sequence in (5, 6):
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        await loader.load(pack(ONE, sequence, published_at=tomorrow).files, "d-watch")
    assert propagation("sum", "d-watch") == 0


async def test_metrics_show_the_served_catalog_and_its_channel() -> None:
    loader = CatalogLoader(CatalogStore())
    await loader.load(pack(ONE, 5, published_at=NOW).files, "mount")
    await loader.load(pack(TWO, 6, published_at=NOW).files, "watch")

    assert REGISTRY.get_sample_value("tintype_catalog_sequence") == 6
    assert REGISTRY.get_sample_value("tintype_catalog_source", {"source": "watch"}) == 1
    assert REGISTRY.get_sample_value("tintype_catalog_source", {"source": "mount"}) is None
    published = REGISTRY.get_sample_value("tintype_catalog_published_timestamp_seconds")
    assert published == NOW.timestamp()


async def test_each_channel_has_its_own_last_error() -> None:
    store = CatalogStore()
    loader = CatalogLoader(store)
    damaged = pack(ONE, 5).files | {CATALOG: b"damaged"}
    await loader.load(damaged, "mount")
    await loader.load(pack(ONE, 6).files, "watch")
    assert (store.status().last_error or "").startswith("mount: ")

    await loader.load(pack(ONE, 6).files, "mount")
    assert store.status().last_error is None


async def test_the_event_loop_turns_between_the_batches_of_a_large_catalog(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, turns = asyncio.get_running_loop(), list[bool]()

    def wait_for_a_turn() -> None:
        turned = threading.Event()
        loop.call_soon_threadsafe(turned.set)
        turns.append(turned.wait(30))

    monkeypatch.setattr(loading, "exclude_living", wait_for_a_turn)
    many = compiled(*(image_model(f"m{number:04}") for number in range(3 * BATCH_ITEMS)))
    store = CatalogStore()
    await CatalogLoader(store).load(pack(many, 5).files, "watch")

    assert (store.catalog, turns) == (many, [True] * 3)
