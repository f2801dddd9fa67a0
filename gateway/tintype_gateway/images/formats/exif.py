"""The orientation in EXIF metadata, which are a small TIFF file (EXIF 3.0, 4.5; TIFF 6.0)."""

import struct

_ORIENTATION = 0x0112
_MAX_ENTRIES = 512
_ENTRY_BYTES = 12


def orientation_of(tiff: bytes) -> int:
    """Return the orientation, 1 to 8, in EXIF metadata: 1 where they have none that is valid."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return 1
    (start,) = struct.unpack(f"{order}I", tiff[4:8])
    counted = tiff[start : start + 2]
    if len(counted) < 2:
        return 1
    (count,) = struct.unpack(f"{order}H", counted)
    for index in range(min(count, _MAX_ENTRIES)):
        at = start + 2 + index * _ENTRY_BYTES
        entry = tiff[at : at + _ENTRY_BYTES]
        if len(entry) < _ENTRY_BYTES:
            return 1
        tag, kind, number = struct.unpack(f"{order}HHI", entry[:8])
        if tag == _ORIENTATION:
            return _value(order, kind, number, entry[8:])
    return 1


def _value(order: str, kind: int, number: int, field: bytes) -> int:
    form = {3: "H2x", 4: "I"}.get(kind)
    if form is None or number != 1:
        return 1
    value: int = struct.unpack(f"{order}{form}", field)[0]
    return value if 1 <= value <= 8 else 1
