import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.manifests import image_model
from tintype_catalog.bundle import pack
from tintype_catalog.compiler import compile_manifests
from tintype_kubernetes.configmaps import configmap_of, files_of
from tintype_operator.errors import NewerCatalogError
from tintype_operator.publisher import Published, next_sequence, published_in

CATALOG = compile_manifests([image_model()]).catalog


def configmap(sequence: int = 7) -> dict[str, Any]:
    packed = configmap_of("ns", "catalog", pack(CATALOG, sequence).files)
    packed["metadata"]["resourceVersion"] = "42"
    return packed


@given(st.integers(0, 2**53), st.integers(0, 2**53))
def test_a_sequence_grows_whatever_the_clock_says(previous: int, milliseconds: int) -> None:
    assert next_sequence(previous, milliseconds) > previous
    assert next_sequence(previous, milliseconds) >= milliseconds


def test_what_is_published_can_be_read_back() -> None:
    assert published_in(configmap(sequence=7)) == Published(CATALOG, 7, "42")


def test_a_damaged_catalog_keeps_its_sequence() -> None:
    damaged = configmap(sequence=7)
    damaged["binaryData"]["catalog.json.gz"] = base64.b64encode(b"damaged").decode()

    assert published_in(damaged) == Published(None, 7, "42")


@pytest.mark.parametrize("data", [{}, {"manifest.json": "damaged"}])
def test_a_configmap_of_something_else_holds_no_catalog(data: dict[str, str]) -> None:
    other = {"metadata": {"resourceVersion": "42"}, "data": data}

    assert published_in(other) == Published(None, 0, "42")


def test_a_newer_schema_is_not_ours_to_overwrite() -> None:
    newer = configmap()
    manifest = json.loads(newer["data"]["manifest.json"]) | {"schemaVersion": 2}
    newer["data"]["manifest.json"] = json.dumps(manifest)

    with pytest.raises(NewerCatalogError, match=r"schema 2, and this operator writes 1"):
        published_in(newer)


@given(st.dictionaries(st.text(min_size=1), st.binary()))
def test_a_configmap_holds_any_files(files: dict[str, bytes]) -> None:
    assert files_of(configmap_of("ns", "x", files)) == files


def test_texts_stay_readable_in_a_configmap() -> None:
    packed = configmap_of("ns", "x", {"text": b"readable", "bytes": b"\xff"})

    assert packed["data"] == {"text": "readable"}
    assert packed["binaryData"] == {"bytes": "/w=="}
