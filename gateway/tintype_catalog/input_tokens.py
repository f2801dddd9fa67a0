"""The tokens of input images, by the formulas that providers publish.

The hold of a request uses these formulas. The charge uses the counts that the provider reports.
`Patches32` and `Tiles512` are OpenAI's, the latter as its guide to image inputs has it, the former
as users measured it.
"""

from fractions import Fraction
from math import ceil, isqrt
from typing import Literal, NamedTuple, Self

from pydantic import model_validator

from tintype_catalog.contract import Contract, Tokens, cel
from tintype_catalog.sizes import Size

TEXT_TOKENS_PER_IMAGE = 64
"""The most tokens of text that a provider adds for an image, twice what was measured at OpenAI."""

PATCH = 32
MAX_PATCHES = 1536
MAX_PATCH_RATIO = 3
ENLARGED_EDGE = 1024
MAX_ENLARGEMENT = 2

TILE = 512
MAX_TILED_EDGE = 2048
MAX_TILES = MAX_TILED_EDGE // TILE
TOKENS_PER_TILE = 129
BASE_TOKENS = 65
HIGH_FIDELITY_SQUARE = 4160
HIGH_FIDELITY_OTHER = 6240

_EITHER = "exactly one of `formula` and `fixed`"


class InputImageTokens(Contract):
    """The tokens of an input image: by a formula from its size, or the same for each."""

    model_config = cel(("has(self.formula) != has(self.fixed)", _EITHER))

    formula: Literal["Patches32", "Tiles512"] | None = None
    """`Patches32` counts patches of 32 pixels, at most 1536 (OpenAI from gpt-image-2 on).
    `Tiles512` counts tiles of 512 pixels, and adds to them at high fidelity (before)."""

    fixed: Tokens | None = None
    """The tokens of every image, whatever its size."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.formula is None) == (self.fixed is None):
            raise ValueError(_EITHER)
        return self


class Inputs(NamedTuple):
    """The properties of input images that determine a price."""

    sizes: tuple[Size, ...] = ()
    """The size of each image in pixels, upright, as the provider gets it."""

    mask: bool = False
    """Whether there is a mask. It is not documented whether providers count it as an image."""

    high_fidelity: bool = False
    """Whether the request asks for a high `input_fidelity`."""


NO_INPUTS = Inputs()


def input_tokens(rule: InputImageTokens | None, inputs: Inputs) -> int:
    """Return the most image tokens of one image that is made from these.

    A mask counts as an image of any size. Without a rule, images are free.
    """
    if rule is None:
        return 0
    counts = [input_image_tokens(rule, size, inputs.high_fidelity) for size in inputs.sizes]
    return sum(counts) + (_most(rule, inputs.high_fidelity) if inputs.mask else 0)


def input_text_tokens(inputs: Inputs) -> int:
    """Return the most tokens of text that a provider adds to the prompt for these images."""
    return TEXT_TOKENS_PER_IMAGE * (len(inputs.sizes) + inputs.mask)


def input_image_tokens(rule: InputImageTokens, size: Size, high_fidelity: bool) -> int:
    """Return the tokens of one input image of this size in pixels."""
    if rule.fixed is not None:
        return rule.fixed
    return patches(size) if rule.formula == "Patches32" else tiles(size, high_fidelity)


def patches(size: Size) -> int:
    """Return the tokens of an image by `Patches32`.

    Images below 1024 pixels are enlarged, at most to double size, and those above 1536 patches
    shrunk. Ratios beyond 3:1 count as 3:1; that the shorter edge grows is the dearer reading.
    """
    long, short = Fraction(max(size)), Fraction(min(size))
    scale = max(min(Fraction(MAX_ENLARGEMENT), ENLARGED_EDGE / long), Fraction(1))
    long, short = long * scale, max(short, long / MAX_PATCH_RATIO) * scale
    count = ceil(long / PATCH) * ceil(short / PATCH)
    if count <= MAX_PATCHES:
        return count
    # Scaled to the area of 1536 patches, an edge has the square root of 1536 times the ratio.
    return isqrt(int(MAX_PATCHES * long / short)) * isqrt(int(MAX_PATCHES * short / long))


def tiles(size: Size, high_fidelity: bool) -> int:
    """Return the tokens of an image by `Tiles512`.

    It is shrunk into 2048x2048, then to a shorter edge of 512 pixels, without parts of a pixel.
    """
    long, short = Fraction(max(size)), Fraction(min(size))
    scale = min(Fraction(1), MAX_TILED_EDGE / long, TILE / short)
    across, down = (max(int(edge * scale), 1) for edge in (long, short))
    count = BASE_TOKENS + TOKENS_PER_TILE * ceil(across / TILE) * ceil(down / TILE)
    if not high_fidelity:
        return count
    return count + (HIGH_FIDELITY_SQUARE if long == short else HIGH_FIDELITY_OTHER)


def _most(rule: InputImageTokens, high_fidelity: bool) -> int:
    """Return the tokens of the dearest image."""
    if rule.fixed is not None:
        return rule.fixed
    if rule.formula == "Patches32":
        return MAX_PATCHES
    fidelity = HIGH_FIDELITY_OTHER if high_fidelity else 0
    return BASE_TOKENS + TOKENS_PER_TILE * MAX_TILES + fidelity
