"""How a folder of manifests changes while a gateway serves it."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tintype_catalog.catalog import Catalog
from tintype_gateway.audit.catalog_changes import CatalogChanges, catalog_differences
from tintype_gateway.ledger import Ledger, open_ledger
from tintype_testing.manifests import compiled, image_model, provider_binding
from tintype_testing.waiting import eventually_equal

EMPTY = Catalog()


ONE = compiled(image_model(), provider_binding())
CHANGED = compiled(image_model(ownedBy="another"), provider_binding())


def told(before: Catalog, after: Catalog) -> list[tuple[str, str]]:
    return [(each.kind, each.action) for each in catalog_differences(before, after)]


def test_models_and_bindings_are_compared_by_their_names() -> None:
    assert told(EMPTY, ONE) == [("model", "create"), ("binding", "create")]
    assert told(ONE, EMPTY) == [("model", "delete"), ("binding", "delete")]
    assert told(ONE, CHANGED) == [("model", "update")]
    assert told(ONE, compiled(image_model(), provider_binding())) == []


def test_a_difference_has_the_specs_before_and_after() -> None:
    (difference,) = catalog_differences(ONE, CHANGED)

    before, after = dict(difference.before or {}), dict(difference.after or {})
    assert difference.name == ONE.models[0].name
    assert after.pop("ownedBy") == "another"
    assert before.pop("ownedBy") == "tintype"
    assert before == after


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield ledger
    await ledger.close()


@pytest.fixture
async def changes(ledger: Ledger) -> AsyncIterator[CatalogChanges]:
    changes = CatalogChanges(ledger, Path("manifests"), retry_seconds=0.01)
    following = asyncio.create_task(changes.follow())
    yield changes
    following.cancel()


async def recorded(ledger: Ledger) -> list[tuple[str, str, str]]:
    found = await ledger.changes()
    return [(each.author.kind, each.difference.kind, each.difference.action) for each in found]


async def test_a_reload_is_recorded_with_the_folder(
    ledger: Ledger, changes: CatalogChanges
) -> None:
    changes.changed(ONE, CHANGED)

    await eventually_equal(lambda: recorded(ledger), [("folder", "model", "update")])
    assert (await ledger.changes())[0].author.name == "manifests"


async def test_reloads_that_follow_each_other_are_all_told(
    ledger: Ledger, changes: CatalogChanges
) -> None:
    changes.changed(EMPTY, ONE)
    changes.changed(ONE, CHANGED)

    found = [("folder", "model", "create"), ("folder", "binding", "create")]
    await eventually_equal(lambda: recorded(ledger), found)
    assert ((await ledger.changes())[0].difference.after or {})["ownedBy"] == "another"


async def test_no_replaced_catalog_is_kept(ledger: Ledger, changes: CatalogChanges) -> None:
    before = compiled(image_model(), provider_binding())
    kept = weakref.ref(before)
    changes.changed(before, CHANGED)
    del before

    await eventually_equal(lambda: recorded(ledger), [("folder", "model", "update")])

    gc.collect()
    assert kept() is None


async def test_gateways_with_one_folder_record_a_reload_once(
    ledger: Ledger, changes: CatalogChanges
) -> None:
    changes.changed(ONE, CHANGED)
    await eventually_equal(lambda: recorded(ledger), [("folder", "model", "update")])
    changes.changed(ONE, CHANGED)  # as another gateway would
    changes.changed(CHANGED, EMPTY)

    found = [("folder", "model", "update"), ("folder", "model", "delete")]
    await eventually_equal(lambda: recorded(ledger), [*found, ("folder", "binding", "delete")])
