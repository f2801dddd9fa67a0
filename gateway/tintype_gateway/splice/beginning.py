"""Whether the first bytes of an answer show a picture that can be passed on as it comes."""

import re
from dataclasses import dataclass

from tintype_catalog.image_model import Watermark
from tintype_gateway.images.base64_view import data_url_length
from tintype_gateway.images.container import ImageHeader, has_c2pa, read_header
from tintype_gateway.images.lazy_json import open_string


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the first bytes of an answer show of its first picture."""

    start: int
    """Where its base64 begins."""

    header: ImageHeader
    watermark: Watermark


def beginning_of(
    look: bytes, first_picture: re.Pattern[bytes], declared: Watermark
) -> Beginning | None:
    """Return how an answer begins, of which `look` is the first part, or None in any doubt.

    Args:
        look: The first bytes, in the middle of the picture.
        first_picture: Matches what stands before the first picture of the dialect's answers.
        declared: The watermark that the model's pictures should carry, which has to be seen here.
    """
    try:
        opening = open_string(look)
    except ValueError:
        return None
    if opening < 0 or first_picture.search(look, 0, opening) is None:
        return None
    start = opening + 1 + data_url_length(look[opening + 1 :])
    picture = look[start:]
    known = memoryview(picture)[: len(picture) // 4 * 4]
    try:
        header = read_header(known)
        is_marked = declared != "c2pa" or has_c2pa(known, header.format)
    except ValueError:
        return None
    if not is_marked or not is_plain(picture):
        return None
    return Beginning(start, header, declared)


def is_plain(piece: bytes) -> bool:
    """Return whether these can be characters of a base64 text that every reader understands.

    Neither escapes nor the URL-safe alphabet, both of which dialects can read in a whole answer.
    """
    return piece.isascii() and not any(mark in piece for mark in (b"\\", b"-", b"_"))
