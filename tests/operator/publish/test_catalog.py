import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.bundle import MANIFEST, MAX_PACKED_BYTES, MAX_PARTS, pack, part_files
from tintype_catalog.compiler import compile_manifests
from tintype_kubernetes.configmaps import configmap_of, files_of, secret_files_of
from tintype_operator.errors import NewerCatalogError
from tintype_operator.publish.catalog import (
    Published,
    configmap_names,
    next_sequence,
    published_in,
)
from tintype_testing.manifests import compiled, image_model, noisy_models

CATALOG = compile_manifests([image_model()]).catalog


def configmap(sequence: int = 7) -> dict[str, Any]:
    packed = configmap_of("ns", "catalog", pack(CATALOG, sequence).files)
    packed["metadata"]["resourceVersion"] = "42"
    return packed


@given(st.integers(0, 2**53), st.integers(0, 2**53))
def test_a_sequence_grows_even_if_the_clock_goes_back(previous: int, milliseconds: int) -> None:
    assert next_sequence(previous, milliseconds) > previous
    assert next_sequence(previous, milliseconds) >= milliseconds


def test_a_published_catalog_can_be_read_back() -> None:
    assert published_in(configmap(sequence=7)) == Published(CATALOG, 7, ("42",))


def test_a_damaged_catalog_keeps_its_sequence() -> None:
    damaged = configmap(sequence=7)
    damaged["binaryData"]["catalog.json.gz"] = base64.b64encode(b"damaged").decode()

    assert published_in(damaged) == Published(None, 7, ("42",))


@pytest.mark.parametrize("data", [{}, {"manifest.json": "damaged"}])
def test_a_configmap_with_other_content_has_no_catalog(data: dict[str, str]) -> None:
    other = {"metadata": {"resourceVersion": "42"}, "data": data}

    assert published_in(other) == Published(None, 0, ("42",))


def test_a_catalog_of_a_newer_schema_is_an_error() -> None:
    newer = configmap()
    manifest = json.loads(newer["data"]["manifest.json"]) | {"schemaVersion": 2}
    newer["data"]["manifest.json"] = json.dumps(manifest)

    with pytest.raises(NewerCatalogError, match=r"schema 2, and this operator writes 1"):
        published_in(newer)


@given(st.dictionaries(st.text(min_size=1), st.binary()))
def test_a_configmap_holds_any_files(files: dict[str, bytes]) -> None:
    assert files_of(configmap_of("ns", "x", files)) == files


def test_text_files_stay_readable_in_a_configmap() -> None:
    packed = configmap_of("ns", "x", {"text": b"readable", "bytes": b"\xff"})

    assert packed["data"] == {"text": "readable"}
    assert packed["binaryData"] == {"bytes": "/w=="}


def test_a_large_catalog_is_read_from_its_parts() -> None:
    large = compiled(*noisy_models(3 * MAX_PACKED_BYTES // 2))
    files = dict(pack(large, 7).files)
    parts = part_files(files)
    configmaps = [configmap_of("ns", "catalog", {MANIFEST: files[MANIFEST]})]
    configmaps += [configmap_of("ns", f"catalog-{part}", {part: files[part]}) for part in parts]
    for number, each in enumerate(configmaps):
        each["metadata"]["resourceVersion"] = str(number)

    versions = tuple(str(number) for number in range(len(configmaps)))
    assert len(parts) > 1
    assert published_in(*configmaps) == Published(large, 7, versions, parts)
    assert published_in(*configmaps[:2]) == Published(None, 7, ("0", "1"), parts)


def test_the_names_of_all_configmaps_of_a_catalog_are_known() -> None:
    names = configmap_names("catalog")

    assert names[:2] == ("catalog", "catalog-part-0")
    assert len(names) == 1 + 2 * MAX_PARTS


def test_a_secret_holds_files() -> None:
    assert secret_files_of({"data": {"openai.api-key": "c2stMQ=="}}) == {"openai.api-key": b"sk-1"}
    assert secret_files_of({}) == {}
