"""The catalog as the content of a ConfigMap, or of the folder where one is mounted.

    manifest.json     what the catalog is: schema, sequence, sha256, counts, who wrote it
    catalog.json.gz   the catalog itself, compressed; equal catalogs are equal bytes

Both are in one object, so that a reader always sees them change together.
"""

import gzip
import hashlib
import io
import zlib
from collections.abc import Mapping
from typing import Annotated, NamedTuple

from pydantic import Field

from tintype_catalog.__about__ import __version__
from tintype_catalog.catalog import SCHEMA_VERSION, Catalog, read_catalog
from tintype_catalog.contract import Contract

MANIFEST = "manifest.json"
CATALOG = "catalog.json.gz"

MAX_PACKED_BYTES = 900 * 1024
"""The largest compressed catalog: an API server refuses objects above 1 MiB."""

MAX_UNPACKED_BYTES = 64 * 1024 * 1024
"""The largest catalog that a reader inflates."""


class BundleError(ValueError):
    """The content is not a catalog that this version can serve. Keep the last good one."""


class Manifest(Contract):
    """What a catalog says of itself."""

    schema_version: int
    """The schema version of the catalog."""

    sequence: Annotated[int, Field(ge=0)]
    """Grows with every publication. Of two catalogs the one with the higher sequence is newer."""

    sha256: str
    """The SHA-256 of the uncompressed catalog: its revision."""

    models: int
    """How many models it holds."""

    bindings: int
    """How many bindings it holds."""

    written_by: str
    """The program that wrote it."""


class Bundle(NamedTuple):
    """The content of a catalog's ConfigMap."""

    manifest: Manifest
    files: dict[str, bytes]


def pack(catalog: Catalog, sequence: int) -> Bundle:
    """Return the files of a catalog.

    Raises:
        BundleError: The catalog is too large for one ConfigMap.
    """
    text = catalog.to_json()
    packed = gzip.compress(text, mtime=0)
    if len(packed) > MAX_PACKED_BYTES:
        raise BundleError(f"the catalog has {len(packed)} bytes, at most {MAX_PACKED_BYTES} fit")
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        sequence=sequence,
        sha256=hashlib.sha256(text).hexdigest(),
        models=len(catalog.models),
        bindings=len(catalog.bindings),
        written_by=f"tintype/{__version__}",
    )
    readable = manifest.model_dump_json(indent=2).encode()
    return Bundle(manifest, {MANIFEST: readable, CATALOG: packed})


def unpack(files: Mapping[str, bytes]) -> tuple[Manifest, Catalog]:
    """Return what the files of a catalog hold.

    Raises:
        BundleError: A file is missing, damaged, too large, or of a schema that we do not know.
    """
    manifest = read_manifest(files)
    if manifest.schema_version != SCHEMA_VERSION:
        raise BundleError(f"schema version {manifest.schema_version} is not {SCHEMA_VERSION}")
    text = _inflate(files)
    digest = hashlib.sha256(text).hexdigest()
    if digest != manifest.sha256:
        raise BundleError(f"the digest is {digest}, the manifest says {manifest.sha256}")
    try:
        return manifest, read_catalog(text)
    except ValueError as error:
        raise BundleError(f"{CATALOG} does not hold a catalog: {error}") from error


def read_manifest(files: Mapping[str, bytes]) -> Manifest:
    """Return the manifest alone, which tells whether the rest is worth reading.

    Raises:
        BundleError: It is missing or damaged.
    """
    try:
        return Manifest.model_validate_json(files[MANIFEST], extra="ignore")
    except KeyError as error:
        raise BundleError(f"{MANIFEST} is missing") from error
    except ValueError as error:
        raise BundleError(f"{MANIFEST} cannot be read: {error}") from error


def _inflate(files: Mapping[str, bytes]) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(files[CATALOG])) as stream:
            text = stream.read(MAX_UNPACKED_BYTES + 1)
    except KeyError as error:
        raise BundleError(f"{CATALOG} is missing") from error
    except (OSError, EOFError, zlib.error) as error:
        raise BundleError(f"{CATALOG} cannot be inflated: {error}") from error
    if len(text) > MAX_UNPACKED_BYTES:
        raise BundleError(f"{CATALOG} inflates to more than {MAX_UNPACKED_BYTES} bytes")
    return text
