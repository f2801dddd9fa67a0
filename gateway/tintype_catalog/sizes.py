"""Image sizes: the sizes of a model, and the nearest one to a requested size.

The same rule applies to every model. A size that the model offers is used unchanged.
Otherwise the candidates are the offered sizes of the same orientation and, where there is none,
the square ones, so that a landscape never becomes a portrait. Among sizes that a model lists, or
gives by aspect ratio, the nearest aspect ratio wins, then the nearest number of pixels. Among
sizes within bounds, those whose height is less than a step of the grid away from the wished aspect
ratio are compared by their edges, of which the nearest win; only where there is none, by ratio and
pixels as in a list. All are compared as ratios, so that half is as far as double, and of equals
the smaller image wins.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from math import log
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator
from typing_extensions import override

from tintype_catalog.contract import Contract, cel, filled

PixelSize = Annotated[str, Field(pattern=r"^[1-9][0-9]{1,4}x[1-9][0-9]{1,4}$", max_length=11)]
"""A size in pixels as `WIDTHxHEIGHT`."""

AspectRatio = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,2}:[1-9][0-9]{0,2}$", max_length=7)]
"""An aspect ratio as `WIDTH:HEIGHT`."""

RatioName = Annotated[
    str,
    Field(
        pattern=r"^[1-9][0-9]{0,2}(\.[0-9])?:[1-9][0-9]{0,2}(\.[0-9])?$",
        min_length=3,
        max_length=11,
    ),
]
"""What a provider calls an aspect ratio, such as `19.5:9`."""

Resolution = Literal["512", "1K", "2K", "4K", "1k", "1.5k", "2k"]
"""What a provider calls a resolution, in its own case."""

_EDGES = {"512": 512, "1k": 1024, "1.5k": 1536, "2k": 2048, "4k": 4096}
"""Resolutions in lower case, with what they are to one another."""

SIZE = re.compile(r"[1-9][0-9]{0,4}x[1-9][0-9]{0,4}|auto")
"""The values of `size` in requests."""

Edge = Annotated[int, Field(ge=1, le=16384)]


class Size(NamedTuple):
    """The width and height of an image in pixels."""

    width: int
    height: int

    @classmethod
    @lru_cache(maxsize=4096)  # a catalog's texts, which every request asks for again
    def parse(cls, text: str) -> Self:
        """Parse `WIDTHxHEIGHT`.

        Raises:
            ValueError: The text is not of that form.
        """
        match = re.fullmatch(r"([1-9][0-9]*)x([1-9][0-9]*)", text)
        if match is None:
            raise ValueError(f"{text!r} is not WIDTHxHEIGHT")
        return cls(int(match[1]), int(match[2]))

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.width * self.height

    @override
    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class SizeRule(Contract):
    """The sizes that a model offers."""

    model_config = cel(
        (f"(self.mode == 'List') == {filled('sizes')}", "`sizes` goes with mode List"),
        (
            f"(self.mode == 'AspectRatio') == {filled('ratios')}",
            "`ratios` goes with mode AspectRatio",
        ),
        (
            "self.mode == 'Pixels' ? has(self.maxEdge) && has(self.maxPixels) : "
            "!has(self.maxEdge) && !has(self.maxPixels)",
            "`maxEdge` and `maxPixels` go with mode Pixels",
        ),
    )

    mode: Literal["List", "Pixels", "AspectRatio", "None"] = "None"
    """How the sizes are given: `List` names them, `Pixels` bounds them, `AspectRatio` names ratios,
    `None` means that the model has no size parameter."""

    accepts_auto: bool = False
    """Whether the provider supports `auto`. Otherwise `auto` means the model's default."""

    sizes: Annotated[tuple[PixelSize, ...], Field(max_length=64)] = ()
    """All sizes, the default one first."""

    multiple_of: Edge = 1
    """Both edges are multiples of this number of pixels."""

    min_edge: Edge = 1
    """The shortest edge, in pixels."""

    max_edge: Edge | None = None
    """The longest edge, in pixels."""

    min_pixels: Annotated[int, Field(ge=1, le=2**32)] = 1
    """The fewest pixels of an image."""

    max_pixels: Annotated[int, Field(ge=1, le=2**32)] | None = None
    """The most pixels of an image."""

    max_aspect_ratio: AspectRatio = "999:1"
    """The maximum ratio of the longer edge to the shorter one."""

    ratios: Annotated[dict[RatioName, PixelSize], Field(max_length=32)] = {}
    """All aspect ratios, each with its size in pixels at the first resolution."""

    resolutions: Annotated[tuple[Resolution, ...], Field(max_length=4)] = ()
    """All resolutions, the default one first."""

    @override
    def __hash__(self) -> int:
        """Allow results of a rule to be cached."""
        return hash((self.mode, self.sizes, self.max_edge, self.max_pixels, *self.ratios))

    @model_validator(mode="after")
    def _fields_fit_the_mode(self) -> Self:
        if (self.mode == "List") != bool(self.sizes):
            raise ValueError("`sizes` goes with mode List")
        if (self.mode == "AspectRatio") != bool(self.ratios):
            raise ValueError("`ratios` goes with mode AspectRatio")
        if (self.mode == "Pixels") != (self.max_edge is not None) or (
            (self.mode == "Pixels") != (self.max_pixels is not None)
        ):
            raise ValueError("`maxEdge` and `maxPixels` go with mode Pixels")
        return self


DEFAULT = Size(1024, 1024)
"""The requested size for `auto` if a model has no default."""


class SizeChoice(NamedTuple):
    """The size in the request to a provider.

    `size` is None if the provider decides. `ratio` and `resolution` are set only for models that
    take aspect ratios.
    """

    size: Size | None = None
    ratio: str | None = None
    resolution: str | None = None


@lru_cache(maxsize=4096)  # the search takes up to milliseconds, and clients ask for few sizes
def choose(rule: SizeRule, wish: Size | None) -> SizeChoice:
    """Return the offered size nearest to `wish`, by the rule of this module.

    None means `auto`: the provider decides if it can, otherwise the model's default applies.
    """
    if rule.mode == "None" or (wish is None and rule.accepts_auto):
        return SizeChoice()
    if rule.mode == "AspectRatio":
        return _choose_ratio(rule, wish)
    if rule.mode == "List":
        sizes = [Size.parse(size) for size in rule.sizes]
        return SizeChoice(sizes[0] if wish is None else _nearest(sizes, wish))
    wish = wish or DEFAULT
    if wish.width in _widths(rule) and wish.height in _heights(rule, wish.width):
        return SizeChoice(wish)
    return SizeChoice(_nearest_within(rule, wish))


@lru_cache(maxsize=4096)
def default_size(rule: SizeRule) -> Size:
    """Return the size that `auto` stands for under this rule, even if the provider decides."""
    rule = rule.model_copy(update={"accepts_auto": False})
    return choose(rule, None).size or DEFAULT


@lru_cache(maxsize=4096)
def max_pixels(rule: SizeRule) -> int | None:
    """Return the pixels of the largest image under this rule, or None where nothing bounds it."""
    if rule.mode == "List":
        return max(Size.parse(size).pixels for size in rule.sizes)
    if rule.mode == "AspectRatio":
        return max(choice.size.pixels for choice in _by_ratio(rule, rule.resolutions))
    return rule.max_pixels


def named(rule: SizeRule, wish: Size, ratio: str | None, resolution: str | None) -> Size | None:
    """Return the size of a ratio and a resolution. `wish` replaces an absent ratio, and the default
    an absent resolution. The result is None for a name that the model does not offer.
    """
    resolutions = [resolution] if resolution else list(rule.resolutions[:1])
    if resolution is not None and resolution not in rule.resolutions:
        return None
    choices = {choice.size: choice.ratio for choice in _by_ratio(rule, resolutions)}
    if ratio is None:
        return _nearest(choices, wish) if choices else None
    return next((size for size, name in choices.items() if name == ratio), None)


class _RatioChoice(NamedTuple):
    size: Size
    ratio: str
    resolution: str | None


def _choose_ratio(rule: SizeRule, wish: Size | None) -> SizeChoice:
    """Return a choice by ratio, for `auto` the squarest one at the default resolution."""
    resolutions = rule.resolutions if wish else rule.resolutions[:1]
    choices = {choice.size: choice for choice in _by_ratio(rule, resolutions)}
    return SizeChoice(*choices[_nearest(choices, wish or DEFAULT)])


def _by_ratio(rule: SizeRule, resolutions: Sequence[str]) -> Iterator[_RatioChoice]:
    """Yield every choice, in an order of its own: an API server keeps none of the ratios."""
    for ratio, text in sorted(rule.ratios.items()):
        size = Size.parse(text)
        if not resolutions:
            yield _RatioChoice(size, ratio, None)
        for name in resolutions:
            edge, first = _EDGES[name.lower()], _EDGES[rule.resolutions[0].lower()]
            scaled = Size(size.width * edge // first, size.height * edge // first)
            yield _RatioChoice(scaled, ratio, name)


def _ratio_distance(size: Size, wish: Size) -> tuple[float, float, int]:
    ratio = abs(log(size.width * wish.height / (size.height * wish.width)))
    return round(ratio, 9), round(abs(log(size.pixels / wish.pixels)), 9), size.pixels


def _edge_distance(size: Size, wish: Size) -> tuple[float, float, int]:
    edges = abs(log(size.width / wish.width)) + abs(log(size.height / wish.height))
    return round(edges, 9), round(abs(log(size.pixels / wish.pixels)), 9), size.pixels


def _nearest(
    offered: Iterable[Size],
    wish: Size,
    distance: Callable[[Size, Size], tuple[float, float, int]] = _ratio_distance,
) -> Size:
    offered = list(offered)
    same = [size for size in offered if _orientation(size) == _orientation(wish)]
    square = [size for size in offered if _orientation(size) == 0]
    return min(same or square or offered, key=lambda size: distance(size, wish))


def _orientation(size: Size) -> int:
    return (size.width > size.height) - (size.width < size.height)


def _widths(rule: SizeRule) -> range:
    """Return the edges on the grid, each the width of some size unless other bounds forbid it."""
    step = rule.multiple_of
    return range(-(-rule.min_edge // step) * step, (rule.max_edge or 0) + 1, step)


def _heights(rule: SizeRule, width: int) -> range:
    """Return the heights on offer for images of that width."""
    step, edges = rule.multiple_of, _widths(rule)
    long, short = _longest(rule)
    lowest = max(edges.start, -(-rule.min_pixels // width), -(-width * short // long))
    highest = min(edges.stop - 1, (rule.max_pixels or 0) // width, width * long // short)
    return range(-(-lowest // step) * step, highest + 1, step)


def _nearest_within(rule: SizeRule, wish: Size) -> Size:
    """Return the nearest size within bounds.

    Around the wished aspect ratio each width has two heights on the grid. The extreme ratios that
    the rule allows stand in for a wish beyond them.
    """
    extreme = Fraction(*_longest(rule))
    ratio = min(max(Fraction(*wish), 1 / extreme), extreme)
    rise, run = ratio.denominator, ratio.numerator * rule.multiple_of
    offered = {width: heights for width in _widths(rule) if (heights := _heights(rule, width))}
    around = [
        Size(width, height)
        for width, heights in offered.items()
        for count in (width * rise // run, -(-width * rise // run))
        if (height := count * rule.multiple_of) in heights
    ]
    if around:
        return _nearest(around, wish, _edge_distance)
    ends = [Size(width, heights[end]) for width, heights in offered.items() for end in (0, -1)]
    return _nearest(ends, wish)


def _longest(rule: SizeRule) -> tuple[int, int]:
    long, short = rule.max_aspect_ratio.split(":")
    return int(long), int(short)
