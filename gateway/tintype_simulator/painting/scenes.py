"""The scenes of images: shapes in a unit square, derived from a random source.

Pure: the same source gives the same shapes. Coordinates run from 0 (left, top) to 1: a scene is
stretched to the image's aspect ratio, and only discs stay round.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

Color = tuple[int, int, int]
Point = tuple[float, float]


@dataclass(frozen=True)
class Polygon:
    """A filled polygon."""

    points: tuple[Point, ...]
    color: Color


@dataclass(frozen=True)
class Disc:
    """A filled circle."""

    center: Point
    radius: float
    """As a share of the image's shorter edge."""

    color: Color


Shape = Polygon | Disc


@dataclass(frozen=True)
class Palette:
    """The colors of one image, chosen to go together."""

    zenith: Color
    horizon: Color
    light: Color
    far: Color
    near: Color


Scene = Callable[[Random, Palette], Iterator[Shape]]


def mix(one: Color, other: Color, share: float) -> Color:
    """Return the color that lies `share` (0 to 1) of the way from one to the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def box(left: float, top: float, right: float, bottom: float, color: Color) -> Polygon:
    """Return a rectangle."""
    return Polygon(((left, top), (right, top), (right, bottom), (left, bottom)), color)


def rolling(random: Random, level: float, height: float, waves: float, color: Color) -> Polygon:
    """Return ground below a line of summed sines around `level`, `height` high at most."""
    harmonics = [(waves * 2**k, random.uniform(0, math.tau), 0.55**k) for k in range(6)]
    loudest = sum(weight for _, _, weight in harmonics)

    def line(x: float) -> float:
        wave = sum(w * math.sin(math.tau * f * x + phase) for f, phase, w in harmonics)
        return level + height * wave / loudest

    crest = tuple((step / 160, line(step / 160)) for step in range(161))
    return Polygon(((0.0, 1.0), *crest, (1.0, 1.0)), color)


def mountains(random: Random, palette: Palette) -> Iterator[Shape]:
    """A low sun behind ranges that darken as they come nearer."""
    yield Disc((random.uniform(0.2, 0.8), random.uniform(0.2, 0.45)), 0.09, palette.light)
    ranges = random.randint(4, 7)
    for step in range(ranges):
        depth = step / (ranges - 1)
        color = mix(palette.far, palette.near, depth)
        yield rolling(random, 0.45 + 0.42 * depth, 0.16 - 0.09 * depth, 0.9 + depth, color)


def sea(random: Random, palette: Palette) -> Iterator[Shape]:
    """A disc on the horizon, its reflection broken by the swell."""
    x, horizon = random.uniform(0.25, 0.75), random.uniform(0.48, 0.6)
    yield Disc((x, horizon - random.uniform(0.02, 0.16)), 0.13, palette.light)
    for step in range(9):
        depth = step / 8
        level = horizon + (0.97 - horizon) * depth**1.5
        water = mix(palette.far, palette.near, depth)
        yield rolling(random, level, 0.006 + 0.012 * depth, 2.5 - depth, water)
        half = random.uniform(0.03, 0.11) * (1 - 0.5 * depth)
        glint = mix(palette.light, water, 0.25 + 0.5 * depth)
        yield box(x - half, level + 0.018, x + half, level + 0.024 + 0.01 * depth, glint)


def skyline(random: Random, palette: Palette) -> Iterator[Shape]:
    """Towers in three rows, the nearest with lit windows."""
    yield Disc((random.uniform(0.15, 0.85), random.uniform(0.15, 0.3)), 0.06, palette.light)
    for row in range(3):
        color = mix(palette.far, palette.near, row / 2)
        left = random.uniform(-0.05, 0)
        while left < 1:
            right = left + random.uniform(0.05, 0.11)
            top = random.uniform(0.34, 0.6) + 0.12 * row
            yield box(left, top, right, 1, color)
            if row == 2:
                yield from windows(random, left, top, right, palette.light)
            left = right + random.choice((0, 0, 0.02))


def windows(random: Random, left: float, top: float, right: float, light: Color) -> Iterator[Shape]:
    """The lit windows of one tower."""
    columns = max(1, int((right - left) / 0.02))
    for row in range(int((0.93 - top) / 0.035)):
        for column in range(columns):
            if random.random() < 0.45:
                x, y = left + 0.007 + 0.02 * column, top + 0.015 + 0.035 * row
                yield box(x, y, x + 0.009, y + 0.018, light)


def tiles(random: Random, palette: Palette) -> Iterator[Shape]:
    """A framed board of discs, wedges and squares."""
    count = random.randint(4, 7)
    edge = 0.8 / count
    colors = (palette.near, palette.far, palette.light, palette.zenith)
    for cell in range(count * count):
        left, top = 0.1 + edge * (cell % count), 0.08 + edge * (cell // count)
        yield box(left, top, left + edge, top + edge, random.choice(colors))
        yield motif(random, left, top, edge, random.choice(colors))


def motif(random: Random, left: float, top: float, edge: float, color: Color) -> Shape:
    """The figure on one tile: a disc, or one of the four wedges."""
    corners = ((left, top), (left + edge, top), (left + edge, top + edge), (left, top + edge))
    if random.random() < 0.4:
        return Disc((left + edge / 2, top + edge / 2), edge * random.uniform(0.2, 0.5), color)
    missing = random.randrange(4)
    return Polygon(tuple(p for i, p in enumerate(corners) if i != missing), color)


SCENES: tuple[Scene, ...] = (mountains, sea, skyline, tiles)
"""Every scene that an image may be of."""
