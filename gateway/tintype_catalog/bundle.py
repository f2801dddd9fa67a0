"""The catalog as the content of a ConfigMap, or of the folder where one is mounted.

    manifest.json     metadata of the catalog: schema, sequence, sha256, counts, writer and time
    catalog.json.gz   the catalog itself, compressed; equal catalogs are equal bytes

Both are in one object, so that readers see them change together. A catalog that is too large for
one object is divided into parts, each in its own object, with the manifest as the index. There are
twice as many slots for parts as a catalog may use, so that a new catalog never overwrites the parts
of the previous one: the old index stays valid until the new one replaces it.
"""

import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, Field

from tintype_catalog.__about__ import __version__
from tintype_catalog.catalog import SCHEMA_VERSION, Catalog, Entry, canonical, read_catalog
from tintype_catalog.contract import Contract

MANIFEST = "manifest.json"
CATALOG = "catalog.json.gz"

SLOTS = tuple(f"part-{slot}" for slot in range(8))
"""The names of the files for parts."""

MAX_PARTS = len(SLOTS) // 2
"""The most parts of one catalog."""

MAX_PACKED_BYTES = 900 * 1024
"""The most compressed bytes in one object: an API server refuses objects above 1 MiB."""

MAX_UNPACKED_BYTES = 64 * 1024 * 1024
"""The largest uncompressed catalog that readers accept."""

FILES = frozenset({MANIFEST, CATALOG, *SLOTS})
"""All possible files of a catalog."""


class BundleError(ValueError):
    """The content is not a catalog that this version supports. Keep the last good one."""


class Part(Contract):
    """One piece of a compressed catalog."""

    file: Annotated[str, Field(pattern=r"^part-[0-7]$")]
    """The slot of the part."""

    sha256: str
    """The SHA-256 of the part, so that parts of other catalogs are refused."""


class Manifest(Contract):
    """The metadata of a catalog."""

    schema_version: int
    """The schema version of the catalog."""

    sequence: Annotated[int, Field(ge=0)]
    """Grows with every publication. Of two catalogs the one with the higher sequence is newer."""

    sha256: str
    """The SHA-256 of the uncompressed catalog: its revision."""

    models: int
    """The number of models."""

    bindings: int
    """The number of bindings."""

    written_by: str
    """The program that wrote the catalog."""

    published_at: AwareDatetime | None = None
    """The time of publication."""

    parts: Annotated[tuple[Part, ...], Field(max_length=MAX_PARTS)] = ()
    """The parts in order; empty if the catalog is in one file."""


class Bundle(NamedTuple):
    """The files of a catalog: those of its ConfigMap, and its parts."""

    manifest: Manifest
    files: dict[str, bytes]


def pack(
    catalog: Catalog,
    sequence: int,
    *,
    published_at: datetime | None = None,
    occupied: Collection[str] = (),
    text_of: Callable[[Entry], str] = canonical,
) -> Bundle:
    """Return the files of a catalog.

    Args:
        catalog: The catalog to publish.
        sequence: Its sequence, higher than those of older catalogs.
        published_at: The current time, with a time zone.
        occupied: The parts of the previous catalog, which gateways may still read.
        text_of: Returns the text of an entry, as in `Catalog.to_json`.

    Raises:
        BundleError: The catalog is larger than readers accept.
    """
    text = catalog.to_json(text_of)
    if len(text) > MAX_UNPACKED_BYTES:
        raise BundleError(f"the catalog has {len(text)} bytes, at most {MAX_UNPACKED_BYTES} fit")
    contents = _contents(gzip.compress(text, mtime=0), occupied)
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        sequence=sequence,
        sha256=_sha256(text),
        models=len(catalog.models),
        bindings=len(catalog.bindings),
        written_by=f"tintype/{__version__}",
        published_at=published_at,
        parts=tuple(
            Part(file=file, sha256=_sha256(content))
            for file, content in contents.items()
            if file != CATALOG
        ),
    )
    readable = manifest.model_dump_json(indent=2, exclude_defaults=True).encode()
    return Bundle(manifest, {MANIFEST: readable, **contents})


def unpack(
    files: Mapping[str, bytes], read: Callable[[bytes], Catalog] = read_catalog
) -> tuple[Manifest, Catalog]:
    """Return the catalog in its files.

    Args:
        files: The files of one catalog.
        read: Parses the text of a catalog, or raises a ValueError.

    Raises:
        BundleError: A file is missing, damaged, too large, or of an unknown schema version.
    """
    manifest = read_manifest(files)
    if manifest.schema_version != SCHEMA_VERSION:
        raise BundleError(f"schema version {manifest.schema_version} is not {SCHEMA_VERSION}")
    text = _inflate(_packed(files, manifest.parts))
    digest = _sha256(text)
    if digest != manifest.sha256:
        raise BundleError(f"the digest is {digest}, the manifest says {manifest.sha256}")
    try:
        return manifest, read(text)
    except ValueError as error:
        raise BundleError(f"the text does not hold a catalog: {error}") from error


def read_manifest(files: Mapping[str, bytes]) -> Manifest:
    """Return the manifest alone, so that the caller can skip an old catalog.

    Raises:
        BundleError: The manifest is missing or damaged.
    """
    content = _file(files, MANIFEST)
    try:
        return Manifest.model_validate_json(content, extra="ignore")
    except ValueError as error:
        raise BundleError(f"{MANIFEST} cannot be read: {error}") from error


def part_files(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the names of a manifest's parts; none if the manifest cannot be read."""
    try:
        return tuple(part.file for part in read_manifest(files).parts)
    except BundleError:
        return ()


def object_name(catalog: str, file: str) -> str:
    """Return the name of the ConfigMap of a part, for the name of its index."""
    return f"{catalog}-{file}"


def _contents(packed: bytes, occupied: Collection[str]) -> dict[str, bytes]:
    """Return the file of a compressed catalog, or its parts in free slots."""
    if len(packed) <= MAX_PACKED_BYTES:
        return {CATALOG: packed}
    starts = range(0, len(packed), MAX_PACKED_BYTES)
    if len(starts) > MAX_PARTS:
        most = MAX_PARTS * MAX_PACKED_BYTES
        raise BundleError(f"the catalog has {len(packed)} compressed bytes, at most {most} fit")
    free = (slot for slot in SLOTS if slot not in occupied)
    return {
        slot: packed[start : start + MAX_PACKED_BYTES]
        for slot, start in zip(free, starts, strict=False)
    }


def _packed(files: Mapping[str, bytes], parts: Collection[Part]) -> bytes:
    if parts:
        return b"".join(_piece(files, part) for part in parts)
    return _file(files, CATALOG)


def _piece(files: Mapping[str, bytes], part: Part) -> bytes:
    content = _file(files, part.file)
    if _sha256(content) != part.sha256:
        raise BundleError(f"{part.file} is not of this catalog")
    return content


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    try:
        return files[name]
    except KeyError as error:
        raise BundleError(f"{name} is missing") from error


def _inflate(packed: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            text = stream.read(MAX_UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BundleError(f"the catalog cannot be inflated: {error}") from error
    if len(text) > MAX_UNPACKED_BYTES:
        raise BundleError(f"the catalog inflates to more than {MAX_UNPACKED_BYTES} bytes")
    return text


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
