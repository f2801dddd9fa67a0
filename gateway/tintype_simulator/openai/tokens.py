"""How many tokens OpenAI counts for an image.

The tables are OpenAI's image-generation guide. The formula of the newer models is not published:
it reproduces every figure that is, and is good for simulation, not for a contract.
"""

from collections.abc import Callable, Mapping

OutputTokens = Callable[[str, int, int], int]
"""Tokens of one image by its quality, its width and its height in pixels."""

TOKENS_PER_PARTIAL_IMAGE = 100
"""What each partial image of a stream adds to the output tokens."""

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


def tabulated(quality: str, width: int, height: int) -> int:
    """Return the output tokens of one image of the gpt-image-1 generation."""
    return GPT_IMAGE_1[quality, width, height]


def by_formula(factors: Mapping[str, int]) -> OutputTokens:
    """Return the count of a newer generation: tiles by the shape, each dearer with more pixels."""

    def output_tokens(quality: str, width: int, height: int) -> int:
        factor = factors[quality]
        long_edge, short_edge = max(width, height), min(width, height)
        tiles_across = (2 * factor * short_edge + long_edge) // (2 * long_edge)
        return -(-factor * tiles_across * (2_000_000 + width * height) // 4_000_000)

    return output_tokens
