"""Picture sizes: which ones a model offers, and which of them is nearest to a client's wish.

The rule of nearness, for every model alike: a wish that the model offers is taken as it is.
Otherwise the candidates are the offered sizes of the same orientation and, where there is none,
the square ones, so that a landscape never becomes a portrait. Among sizes that a model lists, or
gives by aspect ratio, the nearest aspect ratio wins, then the nearest number of pixels. Among
sizes within bounds the one with the nearest edges wins. All are compared as ratios, so that half
is as far as double, and of equals the smaller picture wins.
"""

from collections.abc import Callable, Iterable, Iterator
from math import isqrt, log
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator
from typing_extensions import override

from tintype_catalog.contract import Contract, cel

PixelSize = Annotated[str, Field(pattern=r"^[1-9][0-9]{1,4}x[1-9][0-9]{1,4}$", max_length=11)]
"""A size in pixels as `WIDTHxHEIGHT`."""

AspectRatio = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,2}:[1-9][0-9]{0,2}$", max_length=7)]
"""An aspect ratio as `WIDTH:HEIGHT`."""

Edge = Annotated[int, Field(ge=1, le=65535)]


class Size(NamedTuple):
    """The width and height of a picture in pixels."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the size that `WIDTHxHEIGHT` names.

        Raises:
            ValueError: The text is not of that form.
        """
        width, height = text.split("x")
        return cls(int(width), int(height))

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.width * self.height

    @override
    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class SizeRule(Contract):
    """Which sizes a model offers."""

    model_config = cel(
        ("(self.mode == 'List') == has(self.sizes)", "`sizes` goes with mode List"),
        (
            "(self.mode == 'AspectRatio') == has(self.ratios)",
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
    `None` means that the model has no such knob."""

    accepts_auto: bool = False
    """Whether the provider understands `auto`. Elsewhere `auto` means the model's default."""

    sizes: Annotated[tuple[PixelSize, ...], Field(max_length=64)] = ()
    """Every size on offer, the default one first."""

    multiple_of: Edge = 1
    """Both edges are multiples of this number of pixels."""

    min_edge: Edge = 1
    """The shortest edge, in pixels."""

    max_edge: Edge | None = None
    """The longest edge, in pixels."""

    min_pixels: Annotated[int, Field(ge=1, le=2**32)] = 1
    """The fewest pixels of a picture."""

    max_pixels: Annotated[int, Field(ge=1, le=2**32)] | None = None
    """The most pixels of a picture."""

    max_aspect_ratio: AspectRatio = "999:1"
    """The longer edge to the shorter one, at most."""

    ratios: Annotated[dict[AspectRatio, PixelSize], Field(max_length=32)] = {}
    """Every aspect ratio on offer, with its size in pixels at the first resolution."""

    resolutions: Annotated[tuple[Literal["512", "1K", "2K", "4K"], ...], Field(max_length=4)] = ()
    """The resolutions on offer, the default one first."""

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


class SizeChoice(NamedTuple):
    """The size that a provider is asked for.

    `size` is None where the provider decides. `ratio` and `resolution` are set only for models
    that are asked by aspect ratio.
    """

    size: Size | None = None
    ratio: str | None = None
    resolution: str | None = None


def choose(rule: SizeRule, wish: Size | None) -> SizeChoice:
    """Return the offered size nearest to `wish`, by the rule of this module.

    A wish of None stands for `auto`: the provider decides where it can, else the model's default.
    """
    if rule.mode == "None" or (wish is None and rule.accepts_auto):
        return SizeChoice()
    if rule.mode == "AspectRatio":
        return _choose_ratio(rule, wish)
    if rule.mode == "List":
        sizes = [Size.parse(size) for size in rule.sizes]
        return SizeChoice(sizes[0] if wish is None else _nearest(sizes, wish))
    wish = wish or Size(1024, 1024)
    if _fits(rule, wish):
        return SizeChoice(wish)
    return SizeChoice(_nearest(_candidates(rule, wish), wish, _edge_distance))


def max_pixels(rule: SizeRule) -> int | None:
    """Return the pixels of the largest picture under this rule, or None where nothing bounds it."""
    if rule.mode == "List":
        return max(Size.parse(size).pixels for size in rule.sizes)
    if rule.mode == "AspectRatio":
        scale = max((_scale(rule, name) for name in rule.resolutions), default=1)
        return int(max(Size.parse(size).pixels for size in rule.ratios.values()) * scale * scale)
    return rule.max_pixels


def _choose_ratio(rule: SizeRule, wish: Size | None) -> SizeChoice:
    sizes = {Size.parse(size): ratio for ratio, size in rule.ratios.items()}
    base = next(iter(sizes)) if wish is None else _nearest(sizes, wish)
    if not rule.resolutions:
        return SizeChoice(base, sizes[base])
    options = {
        Size(int(base.width * scale), int(base.height * scale)): name
        for name in rule.resolutions
        for scale in [_scale(rule, name)]
    }
    size = base if wish is None else min(options, key=lambda option: _edge_distance(option, wish))
    return SizeChoice(size, sizes[base], options[size])


def _scale(rule: SizeRule, resolution: str) -> float:
    edges = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
    return edges[resolution] / edges[rule.resolutions[0]]


def _ratio_distance(size: Size, wish: Size) -> tuple[float, float, int]:
    ratio = abs(log(size.width * wish.height / (size.height * wish.width)))
    return round(ratio, 9), abs(log(size.pixels / wish.pixels)), size.pixels


def _edge_distance(size: Size, wish: Size) -> tuple[float, float, int]:
    edges = abs(log(size.width / wish.width)) + abs(log(size.height / wish.height))
    return round(edges, 9), abs(log(size.pixels / wish.pixels)), size.pixels


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


def _fits(rule: SizeRule, size: Size) -> bool:
    long, short = max(size), min(size)
    ratio_long, ratio_short = (int(part) for part in rule.max_aspect_ratio.split(":"))
    return (
        size.width % rule.multiple_of == size.height % rule.multiple_of == 0
        and rule.min_edge <= short
        and (rule.max_edge is None or long <= rule.max_edge)
        and rule.min_pixels <= size.pixels
        and (rule.max_pixels is None or size.pixels <= rule.max_pixels)
        and long * ratio_short <= short * ratio_long
    )


def _candidates(rule: SizeRule, wish: Size) -> Iterator[Size]:
    """Yield, for every width on offer, the two heights around the wished aspect ratio.

    The extreme ratios that the rule allows stand in for a wish beyond them.
    """
    step = rule.multiple_of
    edge = rule.max_edge or isqrt(rule.max_pixels or 2**32)
    long, short = (int(part) for part in rule.max_aspect_ratio.split(":"))
    ratio = min(max(wish.width / wish.height, short / long), long / short)
    first = -(-rule.min_edge // step) * step
    for width in range(first, edge + 1, step):
        for height in {int(width / ratio) // step * step, -(-int(width / ratio) // step) * step}:
            size = Size(width, height)
            if height > 0 and _fits(rule, size):
                yield size
