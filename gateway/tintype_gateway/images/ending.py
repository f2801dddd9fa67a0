"""Whether a picture is there to its end, found without decoding it."""

from tintype_gateway.images.chunks import chunks
from tintype_gateway.images.encoded import EncodedBytes, decode

_LAST_LOOK = 64
"""Bytes at the end of a file that usually hold its end mark."""

_PNG_END = b"IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"


def is_whole(text: bytes | memoryview, form: str) -> bool:
    """Return whether a base64-encoded picture has its end.

    Some writers let other bytes follow. Only where the end mark is not among the last bytes it is
    searched for.

    Raises:
        ValueError: The text is not base64.
    """
    file = EncodedBytes(text)
    if form == "webp":
        return int.from_bytes(file.read(4, 4), "little") + 8 <= len(file)
    tail = file.read(max(len(file) - _LAST_LOOK, 0), _LAST_LOOK)
    if form == "jpeg":
        return _JPEG_END in tail or _JPEG_END in decode(text)
    return _PNG_END in tail or any(
        chunk.name == b"IEND" and chunk.end <= len(file) for chunk in chunks(file, form)
    )


def shows_end(first: bytes, last: bytes, length: int, form: str) -> bool:
    """Return the same of a text of which only some characters are known.

    Args:
        first: Its first ones, at least 12.
        last: Its last ones, a multiple of four, among which the end mark has to be.
        length: How many there are in all.
        form: The format that the header tells.

    Raises:
        ValueError: The text is not base64.
    """
    if form == "webp":
        told = int.from_bytes(decode(first[:12])[4:8], "little") + 8
        return told <= length // 4 * 3 - last[-2:].count(b"=")
    return {"png": _PNG_END, "jpeg": _JPEG_END}[form] in decode(last)
