"""Thousands of damaged catalogs: nothing is raised, and the last good one is served on.

`TINTYPE_TEST_FUZZED_CATALOGS` says how many, and `TINTYPE_TEST_SEED` which.
"""

import gzip
import hashlib
import json
import logging
import os
import random
from collections.abc import Callable, Iterator

import pytest

from tintype_catalog.bundle import CATALOG, MANIFEST, pack
from tintype_gateway.catalog.loading import CatalogLoader
from tintype_gateway.catalog.store import CatalogStore
from tintype_testing.manifests import compiled, image_model, provider_binding

COUNT = int(os.environ.get("TINTYPE_TEST_FUZZED_CATALOGS", "10000"))
SEED = int(os.environ.get("TINTYPE_TEST_SEED", "1"))

GOOD = compiled(image_model("good"))
NEXT = compiled(image_model("canvas"), provider_binding(model="canvas"))

SOUND = pack(NEXT, 9).files

Files = dict[str, bytes]
Damage = Callable[[random.Random, bytes], bytes]


def seeded() -> random.Random:
    return random.Random(SEED)  # noqa: S311 - the same damages in each run


def flipped(chance: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 8])):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def truncated(chance: random.Random, content: bytes) -> bytes:
    return content[: chance.randrange(len(content))]


def shortened(chance: random.Random, content: bytes) -> bytes:
    here, there = (chance.randrange(len(content)) for _ in range(2))
    return content[:here] + content[there:]


def stuffed(chance: random.Random, content: bytes) -> bytes:
    here = chance.randrange(len(content))
    return content[:here] + chance.randbytes(chance.choice([1, 4, 64])) + content[here:]


def replaced(chance: random.Random, content: bytes) -> bytes:
    return chance.choice([b"", b"\0" * 64, b"[" * 9999, b"null", chance.randbytes(len(content))])


DAMAGES: tuple[Damage, ...] = (flipped, truncated, shortened, stuffed, replaced)


def damaged_file(chance: random.Random, files: Files) -> Files:
    """Damage what arrives, as a bad disk would."""
    name = chance.choice(sorted(files))
    return files | {name: chance.choice(DAMAGES)(chance, files[name])}


def damaged_text(chance: random.Random, files: Files) -> Files:
    """Damage the text within a sound bundle, as a faulty writer would."""
    text = chance.choice(DAMAGES)(chance, gzip.decompress(files[CATALOG]))
    manifest = json.loads(files[MANIFEST]) | {"sha256": hashlib.sha256(text).hexdigest()}
    return {MANIFEST: json.dumps(manifest).encode(), CATALOG: gzip.compress(text, 1)}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Without a line in the log for each of them."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


async def loaded(files: Files) -> CatalogStore:
    """A store that served `GOOD` when these files arrived."""
    store = CatalogStore()
    store.offer(GOOD, 1, "test")
    await CatalogLoader(store).load(files, "test")
    return store


async def test_a_damaged_delivery_is_never_served() -> None:
    chance, rejected = seeded(), 0
    for _ in range(COUNT // 2):
        store = await loaded(damaged_file(chance, SOUND))
        rejected += store.status().last_error is not None
        # Some bits say nothing of the catalog, such as those of the clock in a gzip header.
        assert store.catalog in (GOOD, NEXT)
    assert rejected > COUNT // 2 * 0.9


async def test_a_damaged_file_crashes_no_gateway() -> None:
    chance, rejected = seeded(), 0
    for _ in range(COUNT // 2):
        store = await loaded(damaged_text(chance, SOUND))
        status = store.status()
        # A text that is still a catalog is one, such as with another letter in a name.
        assert (status.sequence == 1) == (status.last_error is not None)
        rejected += status.sequence == 1
    assert rejected > COUNT // 2 * 0.5
