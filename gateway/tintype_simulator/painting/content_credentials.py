"""Puts a C2PA manifest into files, at the place where OpenAI's GPT models have it.

The manifest is an empty store without a signature (C2PA specification 2.2, A.3 and 11.1): enough
to be found, and clearly not a real one.
"""

import struct
import zlib

_STORE_TYPE = bytes.fromhex("63327061 0011 0010 8000 00AA00389B71")
"""The type of a manifest store: `c2pa`, and what ISO 19566-5 adds to such names."""


def with_manifest(file: bytes, form: str) -> bytes:
    """Return a `png`, `jpeg` or `webp` file with a manifest in it."""
    return {"png": _in_png, "jpeg": _in_jpeg, "webp": _in_webp}[form](file, _manifest_store())


def _manifest_store() -> bytes:
    description = _box(b"jumd", _STORE_TYPE + b"\x03c2pa\0")
    return _box(b"jumb", description)


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def _in_png(file: bytes, manifest: bytes) -> bytes:
    """Put a `caBX` chunk after the header, which is 25 bytes and follows 8 of signature."""
    checksum = zlib.crc32(b"caBX" + manifest)
    chunk = struct.pack(">I4s", len(manifest), b"caBX") + manifest + struct.pack(">I", checksum)
    return file[:33] + chunk + file[33:]


def _in_jpeg(file: bytes, manifest: bytes) -> bytes:
    """Put an APP11 segment, whose box is the only one and in one packet, at the beginning."""
    segment = b"JP" + struct.pack(">HI", 1, 1) + manifest
    return file[:2] + b"\xff\xeb" + struct.pack(">H", 2 + len(segment)) + segment + file[2:]


def _in_webp(file: bytes, manifest: bytes) -> bytes:
    """Put a `C2PA` chunk at the end."""
    chunk = b"C2PA" + struct.pack("<I", len(manifest)) + manifest + b"\0" * (len(manifest) % 2)
    return b"RIFF" + struct.pack("<I", len(file) - 8 + len(chunk)) + file[8:] + chunk
