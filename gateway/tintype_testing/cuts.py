"""Texts in pieces, as they may arrive from a network."""

from collections.abc import Sequence
from itertools import pairwise


def cut(text: bytes, places: Sequence[int]) -> list[bytes]:
    """Return a text in pieces, cut at these places, which count modulo its length."""
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]
