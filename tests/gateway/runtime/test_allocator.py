"""How memory is kept, and given back."""

import asyncio
import gc
import subprocess
import sys

from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.runtime.allocator import spare_collector
from tintype_testing.manifests import compiled, image_model


async def test_objects_of_the_first_catalog_are_excluded_from_garbage_collection() -> None:
    store = CatalogStore()
    sparing = asyncio.create_task(spare_collector(store.arrived))
    await asyncio.sleep(0)
    before = gc.get_freeze_count()

    store.offer(compiled(image_model("canvas")), 1, "watch")
    await sparing

    assert gc.get_freeze_count() > before


KEEPING = """
import asyncio, resource
from tintype_gateway.runtime import allocator as memory

def resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20

async def main():
    memory.tune_allocator()
    pieces = [bytearray(100_000) for _ in range(1000)]
    del pieces[:-1]  # the last one stands on top of all that is free
    before = resident_mib()
    returning = asyncio.create_task(memory.return_kept_regularly(every_seconds=0.01))
    async with asyncio.timeout(120):
        while resident_mib() > before - 50:
            await asyncio.sleep(0.01)
    returning.cancel()

asyncio.run(main())
"""


def test_memory_that_is_kept_in_pieces_is_given_back_in_time() -> None:
    subprocess.run([sys.executable, "-c", KEEPING], check=True, timeout=240)
