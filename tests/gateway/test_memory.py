"""What the garbage collector is spared."""

import asyncio
import gc

from tests.support.manifests import compiled, image_model
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.memory import spare_collector


async def test_what_is_there_with_the_first_catalog_is_no_more_searched_for_garbage() -> None:
    store = CatalogStore()
    sparing = asyncio.create_task(spare_collector(store.arrived))
    await asyncio.sleep(0)
    before = gc.get_freeze_count()
    try:
        store.offer(compiled(image_model("canvas")), 1, "watch")
        await sparing
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
