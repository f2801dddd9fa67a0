"""How many tokens OpenAI counts for an output image, and for an input image.

The tables are OpenAI's image-generation guide. The formulas of the newer models are not published:
these reproduce every published figure, and are good for simulation, not for a contract.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import ceil, floor, isqrt

OutputTokens = Callable[[str, int, int], int]
"""Tokens of one image by its quality, its width and its height in pixels."""

InputTokens = Callable[[int, int, bool], int]
"""Tokens of one input image by its width and its height in pixels, and whether the request asks
for high input fidelity."""

TOKENS_PER_PARTIAL_IMAGE = 100
"""What each partial image of a stream adds to the output tokens."""

EDIT_TEXT_TOKENS = 2
EDIT_TEXT_TOKENS_PER_IMAGE = 14
"""The text tokens that an edit adds to those of its prompt: users measured 16 for one input image
and 30 for two (gpt-image-1.5)."""

GPT_IMAGE_1 = {
    ("low", 1024, 1024): 272,
    ("low", 1024, 1536): 408,
    ("low", 1536, 1024): 400,
    ("medium", 1024, 1024): 1056,
    ("medium", 1024, 1536): 1584,
    ("medium", 1536, 1024): 1568,
    ("high", 1024, 1024): 4160,
    ("high", 1024, 1536): 6240,
    ("high", 1536, 1024): 6208,
}
"""The same for gpt-image-1, gpt-image-1-mini and gpt-image-1.5."""

GPT_IMAGE_2 = {"low": 16, "medium": 48, "high": 96}
"""The factors of gpt-image-2 in the formula."""

GPT_IMAGE_2_5 = {"low": 16, "medium": 24, "high": 48, "xhigh": 64, "max": 96}
"""The factors of gpt-image-2.5 in the formula."""

BASE_TOKENS, TOKENS_PER_TILE, TILE_PIXELS = 65, 129, 512
HIGH_FIDELITY_SQUARE, HIGH_FIDELITY_OTHER = 4160, 6240
"""What `input_fidelity: high` adds for a square image, and for any other."""

PATCH_PIXELS, MOST_PATCHES = 32, 1536


def tabulated(quality: str, width: int, height: int) -> int:
    """Return the output tokens of one image of the gpt-image-1 generation."""
    return GPT_IMAGE_1[quality, width, height]


def by_formula(factors: Mapping[str, int]) -> OutputTokens:
    """Return the count of a newer generation, which follows from shape and pixels."""

    def output_tokens(quality: str, width: int, height: int) -> int:
        factor = factors[quality]
        long_edge, short_edge = max(width, height), min(width, height)
        tiles_across = (2 * factor * short_edge + long_edge) // (2 * long_edge)
        return -(-factor * tiles_across * (2_000_000 + width * height) // 4_000_000)

    return output_tokens


def input_tiles(width: int, height: int, high_fidelity: bool) -> int:
    """Return the input tokens of one image to the gpt-image-1 generation.

    The image is fitted into 2048x2048 pixels, shrunk until its short edge has 512 pixels at most,
    and counted in tiles of 512x512. The scaled edges are rounded down first, as users measured for
    1024x1025.
    """
    fit = min(Fraction(2048, max(width, height)), Fraction(TILE_PIXELS, min(width, height)))
    scale = min(Fraction(1), fit)
    across, down = (max(1, ceil(floor(edge * scale) / TILE_PIXELS)) for edge in (width, height))
    tokens = BASE_TOKENS + TOKENS_PER_TILE * across * down
    if not high_fidelity:
        return tokens
    return tokens + (HIGH_FIDELITY_SQUARE if width == height else HIGH_FIDELITY_OTHER)


def input_patches(width: int, height: int, high_fidelity: bool) -> int:
    """Return the input tokens of one image to gpt-image-2 and its successors, 1536 at most.

    They have no levels of fidelity. A small image is enlarged, up to double, to a long edge of
    1024 pixels; a longer shape than 3:1 is capped to it; a patch has 32x32 pixels.
    """
    long_edge, short_edge = Fraction(max(width, height)), Fraction(min(width, height))
    scale = min(Fraction(2), max(Fraction(1), 1024 / long_edge))
    long_edge, short_edge = long_edge * scale, max(short_edge, long_edge / 3) * scale
    patches = ceil(long_edge / PATCH_PIXELS) * ceil(short_edge / PATCH_PIXELS)
    if patches <= MOST_PATCHES:
        return patches
    # Of an image shrunk to the area of 1536 patches, only whole patches count.
    ratio = long_edge / short_edge
    return isqrt(floor(MOST_PATCHES * ratio)) * isqrt(floor(MOST_PATCHES / ratio))
