import gzip
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tintype_catalog import __about__
from tintype_catalog.bundle import (
    CATALOG,
    MANIFEST,
    MAX_PACKED_BYTES,
    MAX_UNPACKED_BYTES,
    BundleError,
    pack,
    read_manifest,
    unpack,
)
from tintype_catalog.catalog import Catalog, read_catalog
from tintype_testing.manifests import compiled, image_model, provider_binding

EXAMPLE = compiled(image_model("canvas", displayName="Léinwand"), provider_binding(model="canvas"))
FILES = pack(EXAMPLE, 7).files
PACKED = FILES[CATALOG]


def described(text: bytes, **changes: object) -> dict[str, bytes]:
    """Return a bundle of any text, whose manifest fits it but for the changes."""
    fitting = json.loads(FILES[MANIFEST]) | {"sha256": hashlib.sha256(text).hexdigest()}
    return {MANIFEST: json.dumps(fitting | changes).encode(), CATALOG: gzip.compress(text)}


def content(**changes: object) -> bytes:
    return json.dumps(json.loads(EXAMPLE.to_json()) | changes).encode()


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("catalog", [EXAMPLE, Catalog()], ids=["catalog", "empty catalog"])
def test_a_packed_bundle_is_unpacked(catalog: Catalog) -> None:
    bundle = pack(catalog, 7)

    assert unpack(bundle.files) == (bundle.manifest, catalog)


def test_a_manifest_describes_the_catalog() -> None:
    manifest = json.loads(FILES[MANIFEST])

    assert manifest == {
        "schemaVersion": 1,
        "sequence": 7,
        "sha256": EXAMPLE.revision(),
        "models": 1,
        "bindings": 1,
        "writtenBy": f"tintype/{__about__.__version__}",
    }


def test_the_manifest_can_be_read_without_the_catalog() -> None:
    assert read_manifest({MANIFEST: FILES[MANIFEST]}).sequence == 7


def test_equal_catalogs_are_equal_bytes() -> None:
    values = {"low": "low", "high": "high"}
    first, second = (
        compiled(image_model(parameters={"quality": {"handling": "Map", "values": dict(items)}}))
        for items in (values.items(), reversed(values.items()))
    )

    assert pack(first, 7).files == pack(second, 7).files


def test_a_catalog_packs_to_the_same_bytes_after_its_journey() -> None:
    _, arrived = unpack(FILES)

    assert pack(arrived, 7).files == FILES


def test_the_time_of_publication_is_in_the_manifest_and_not_in_the_catalog() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    bundle = pack(EXAMPLE, 7, published_at=noon)

    assert json.loads(bundle.files[MANIFEST])["publishedAt"] == "2026-11-20T12:00:00Z"
    assert unpack(bundle.files)[0].published_at == noon
    assert bundle.files[CATALOG] == PACKED


@pytest.mark.parametrize("name", [MANIFEST, CATALOG])
def test_a_missing_file_is_refused(name: str) -> None:
    with pytest.raises(BundleError, match=f"{name} is missing"):
        unpack({other: data for other, data in FILES.items() if other != name})


@pytest.mark.parametrize("name", [MANIFEST, CATALOG])
@given(data=st.data())
def test_a_truncated_file_is_refused(name: str, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, len(FILES[name]) - 1))

    with pytest.raises(BundleError):
        unpack({**FILES, name: FILES[name][:length]})


@given(st.integers(0, 8 * len(PACKED) - 1))
@example(8 * 30)
def test_a_flipped_bit_is_refused_unless_it_changes_nothing(bit: int) -> None:
    """A few bits of a gzip header say nothing, such as its clock and its operating system."""
    assert_refused_or_harmless({**FILES, CATALOG: flip(PACKED, bit)})


@given(st.integers(0, 8 * len(FILES[MANIFEST]) - 1))
def test_a_flipped_bit_of_the_manifest_never_changes_the_catalog(bit: int) -> None:
    assert_refused_or_harmless({**FILES, MANIFEST: flip(FILES[MANIFEST], bit)})


@given(st.sampled_from([MANIFEST, CATALOG]), st.binary(max_size=200))
def test_noise_is_refused(name: str, noise: bytes) -> None:
    with pytest.raises(BundleError):
        unpack({**FILES, name: noise})


def assert_refused_or_harmless(files: Mapping[str, bytes]) -> None:
    try:
        _, catalog = unpack(files)
    except BundleError:
        return
    assert catalog == EXAMPLE


@pytest.mark.parametrize(
    "sha256", ["", "0" * 64, hashlib.sha256(b"another").hexdigest(), EXAMPLE.revision().upper()]
)
def test_a_digest_of_another_text_is_refused(sha256: str) -> None:
    with pytest.raises(BundleError, match="digest"):
        unpack(described(content(), sha256=sha256))


@pytest.mark.parametrize("version", [0, 2, 10**20, "1", None])
def test_an_unknown_schema_version_is_refused(version: object) -> None:
    with pytest.raises(BundleError):
        unpack(described(content(), schemaVersion=version))
    with pytest.raises(BundleError):
        unpack(described(content(schemaVersion=version)))


@pytest.mark.parametrize(
    "text",
    [b"", b"models: []", b"[]", b"null", b"\xff\xfe", b'{"models": 1}', b'{"models": [{}]}',
     b"[" * 100_000],
)  # fmt: skip
def test_a_text_that_is_no_catalog_is_refused(text: bytes) -> None:
    with pytest.raises(BundleError, match="does not hold a catalog"):
        unpack(described(text))


@pytest.mark.parametrize(
    "manifest", [b"", b"{}", b"[]", b"\xff", b'{"sequence": 1}', b"[" * 100_000]
)
def test_a_manifest_that_is_none_is_refused(manifest: bytes) -> None:
    with pytest.raises(BundleError, match="cannot be read"):
        unpack({**FILES, MANIFEST: manifest})


def test_a_negative_sequence_is_refused() -> None:
    with pytest.raises(BundleError, match="sequence"):
        unpack(described(content(), sequence=-1))


def test_a_gzip_bomb_is_refused_without_being_inflated() -> None:
    mebibyte = 1024 * 1024
    bomb = gzip.compress(bytes(mebibyte)) * (2 * MAX_UNPACKED_BYTES // mebibyte)

    assert len(bomb) < MAX_PACKED_BYTES
    with pytest.raises(BundleError, match="inflates to more than"):
        unpack({**FILES, CATALOG: bomb})


def test_fields_that_a_newer_writer_added_are_passed_over() -> None:
    newer = json.loads(content(region="eu"))
    newer["models"][0] |= {"mood": "calm"}
    newer["models"][0]["size"] |= {"depth": 3}
    newer["bindings"][0]["pricing"] |= {"discount": {"percent": 10}}

    manifest, catalog = unpack(described(json.dumps(newer).encode(), region="eu"))

    assert catalog == EXAMPLE
    assert manifest.sequence == 7


def test_a_catalog_can_be_read_from_its_text() -> None:
    assert read_catalog(EXAMPLE.to_json()) == EXAMPLE
