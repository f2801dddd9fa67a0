"""A catalog that is too large for one ConfigMap: an index, and parts that belong to it."""

import gzip
import itertools
from collections.abc import Iterable

import pytest

from tintype_catalog.bundle import (
    CATALOG,
    MANIFEST,
    MAX_PACKED_BYTES,
    MAX_PARTS,
    MAX_UNPACKED_BYTES,
    SLOTS,
    BundleError,
    pack,
    part_files,
    read_manifest,
    unpack,
)
from tintype_catalog.catalog import Catalog
from tintype_testing.manifests import compiled, image_model, noisy_models

API_SERVERS_LIMIT = 1024 * 1024


def noisy(packed_bytes: int, name: str = "canvas") -> Catalog:
    """Return a catalog that compresses to slightly more than a number of bytes."""
    return compiled(*noisy_models(packed_bytes, name))


LARGE = noisy(2 * MAX_PACKED_BYTES)
FILES = pack(LARGE, 7).files
PARTS = part_files(FILES)


def without(files: dict[str, bytes], names: Iterable[str]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name not in names}


def test_a_catalog_that_fits_has_no_parts() -> None:
    assert part_files(pack(compiled(image_model()), 7).files) == ()


def test_a_large_catalog_is_cut_into_parts_that_fit_a_configmap() -> None:
    assert SLOTS[:3] == PARTS
    assert set(FILES) == {MANIFEST, *PARTS}
    assert max(map(len, FILES.values())) < API_SERVERS_LIMIT


def test_the_parts_together_are_the_compressed_catalog() -> None:
    assert gzip.decompress(b"".join(FILES[part] for part in PARTS)) == LARGE.to_json()
    assert unpack(FILES) == (read_manifest(FILES), LARGE)


@pytest.mark.parametrize("missing", [PARTS[:1], PARTS[1:2], PARTS[2:], PARTS])
def test_an_incomplete_set_is_refused(missing: tuple[str, ...]) -> None:
    with pytest.raises(BundleError, match=f"{missing[0]} is missing"):
        unpack(without(FILES, missing))


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_another_catalog_is_refused(part: str) -> None:
    other = pack(noisy(2 * MAX_PACKED_BYTES, "sketch"), 8).files

    with pytest.raises(BundleError, match=f"{part} is not of this catalog"):
        unpack(FILES | {part: other[part]})


def test_a_catalog_never_touches_the_parts_of_the_one_before() -> None:
    occupied: tuple[str, ...] = ()
    for sequence in range(5):
        parts = part_files(pack(LARGE, sequence, occupied=occupied).files)
        assert not set(parts) & set(occupied)
        occupied = parts


def test_the_old_index_can_be_read_while_the_new_parts_arrive() -> None:
    new = pack(noisy(2 * MAX_PACKED_BYTES, "sketch"), 8, occupied=PARTS).files
    arriving = list(without(new, [MANIFEST]).items())

    for count in range(len(arriving) + 1):
        assert unpack(FILES | dict(itertools.islice(arriving, count)))[1] == LARGE
    assert unpack(FILES | new)[0].sequence == 8


def test_the_largest_set_still_leaves_room_for_the_next() -> None:
    largest = pack(noisy((MAX_PARTS - 1) * MAX_PACKED_BYTES), 7)
    following = pack(LARGE, 8, occupied=part_files(largest.files))

    assert len(largest.manifest.parts) == MAX_PARTS
    assert set(part_files(following.files)) <= set(SLOTS[MAX_PARTS:])


def test_a_catalog_larger_than_its_parts_is_not_packed() -> None:
    with pytest.raises(BundleError, match=f"at most {MAX_PARTS * MAX_PACKED_BYTES} fit"):
        pack(noisy(MAX_PARTS * MAX_PACKED_BYTES), 7)


def test_a_catalog_that_readers_would_not_inflate_is_not_packed() -> None:
    model = image_model(providerParameters={"svg": []}, defaults={"svg": "x" * 8000})
    models = compiled(model).models * (MAX_UNPACKED_BYTES // 8000)

    with pytest.raises(BundleError, match=f"at most {MAX_UNPACKED_BYTES} fit"):
        pack(Catalog(models=models), 7)


def test_the_parts_of_an_index_that_cannot_be_read_are_none() -> None:
    assert part_files({}) == ()
    assert part_files({MANIFEST: b"{"}) == ()
    assert part_files({CATALOG: b""}) == ()
