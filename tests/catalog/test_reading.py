"""One catalog after another, read as if each were the first."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tintype_catalog.catalog import Catalog, read_catalog
from tintype_catalog.envelope import cut
from tintype_catalog.reading import BATCH_ITEMS, CatalogReader
from tintype_testing.manifests import compiled, image_model, per_image, provider_binding

BEFORE = compiled(
    image_model("canvas", lifecycle={"retiresOn": "2030-01-01"}),
    image_model("sketch", displayName="Stäffelei"),
    provider_binding("first", model="canvas"),
    provider_binding("second", model="sketch"),
)
AFTER = compiled(
    image_model("sketch", displayName="Stäffelei"),
    image_model("fresco"),
    provider_binding("second", model="sketch", pricing=per_image("0.07")),
    provider_binding("third", model="fresco"),
)


def reader_of(catalog: Catalog) -> CatalogReader:
    reader = CatalogReader()
    reader.read(catalog.to_json())
    return reader


@pytest.mark.parametrize("catalog", [BEFORE, AFTER, Catalog()])
def test_each_catalog_is_read_independently_of_earlier_ones(catalog: Catalog) -> None:
    assert reader_of(BEFORE).read(catalog.to_json()) == catalog


def test_unchanged_objects_are_reused() -> None:
    reader = CatalogReader()
    before = {item.name: item for item in reader.read(BEFORE.to_json()).models}
    after = {item.name: item for item in reader.read(AFTER.to_json()).models}

    assert after["sketch"] is before["sketch"]


def test_the_results_of_deleted_objects_are_dropped() -> None:
    reader = reader_of(BEFORE)
    (canvas, _) = reader.read(BEFORE.to_json()).models
    reader.read(AFTER.to_json())
    (again, _) = reader.read(BEFORE.to_json()).models

    assert again == canvas
    assert again is not canvas


def test_a_text_that_holds_no_catalog_changes_nothing() -> None:
    reader = CatalogReader()
    before = reader.read(BEFORE.to_json())
    broken = json.loads(AFTER.to_json())
    broken["bindings"][1]["dialect"] = "nobody"

    with pytest.raises(ValueError, match="dialect"):
        reader.read(json.dumps(broken).encode())
    assert reader.read(BEFORE.to_json()).bindings[0] is before.bindings[0]


@given(
    st.sampled_from(["models", "bindings"]),
    st.integers(0, 1),
    st.sampled_from(["name", "size", "pricing", "lifecycle", "mood"]),
    json_values,
)
def test_a_text_is_read_as_one_that_is_read_at_once(
    kind: str, index: int, field: str, value: object
) -> None:
    document = json.loads(BEFORE.to_json())
    document[kind][index][field] = value
    text = json.dumps(document).encode()

    assert _read_by(reader_of(BEFORE).read, text) == _read_by(read_catalog, text)


@given(st.sampled_from(["schemaVersion", "models", "bindings", "mood"]), json_values)
def test_so_is_one_with_another_envelope(field: str, value: object) -> None:
    text = json.dumps(json.loads(BEFORE.to_json()) | {field: value}).encode()

    assert _read_by(reader_of(BEFORE).read, text) == _read_by(read_catalog, text)


@given(
    st.dictionaries(st.sampled_from(["models", "bindings", "mood"]), json_values),
    st.sampled_from([None, 0, 3]),
    st.sampled_from(["", " ", "\n\t\r "]),
)
def test_any_object_is_cut_into_the_texts_of_its_items(
    document: dict[str, object], indent: int | None, space: str
) -> None:
    members = cut((space + json.dumps(document, indent=indent) + space).encode())

    whole = {
        name: [json.loads(text) for text in value] if isinstance(value, tuple) else value
        for name, value in members.items()
    }
    assert whole == document


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{} {}",
        b"{1: 2}",
        b'{"models": [1 2]}',
        b'{"models": [1,]}',
        b'{"models": [1}',
        b'{"models": [], }',
        b'{"models": ' + b"[" * 100_000,
        b'{"mood": "\xff"}',
    ],
)
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of two parsers
        cut(text)


def test_what_follows_new_items_is_done_in_batches_over_all_catalogs() -> None:
    names = [f"m{number:04}" for number in range(2 * BATCH_ITEMS)]
    batches = list[int]()
    reader = CatalogReader(after_batch=lambda: batches.append(1))

    reader.read(compiled(*map(image_model, names[:-1])).to_json())
    assert len(batches) == 1
    reader.read(compiled(*map(image_model, names)).to_json())
    assert len(batches) == 2


def _read_by(read: Callable[[bytes], Catalog], text: bytes) -> Catalog | None:
    try:
        return read(text)
    except ValueError:
        return None
