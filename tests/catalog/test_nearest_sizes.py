"""The rule of nearness, against a naive reading of it that counts every size."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import log

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.catalog.strategies import (
    list_rules,
    pixel_rules,
    ratio_rules,
    small_wishes,
    wishes,
)
from tintype_catalog.sizes import Size, SizeChoice, SizeRule, choose
from tintype_testing.manifests import PIXELS, read

GPT_IMAGE_2 = read(SizeRule, PIXELS)
ROUNDING = 1e-8

TWINS = {"3:2": "96x64", "2:3": "64x96"}
"""Two shapes, equally far from a square."""


def listed(rule: SizeRule) -> list[Size]:
    return [Size.parse(size) for size in rule.sizes]


def by_ratio(rule: SizeRule) -> list[SizeChoice]:
    """Count every choice: an aspect ratio at a resolution, at the scale of that resolution."""
    edges = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
    named: Sequence[str | None] = rule.resolutions or [None]
    scales = [Fraction(edges[name], edges[rule.resolutions[0]]) if name else 1 for name in named]
    return [
        SizeChoice(Size(int(width * scale), int(height * scale)), ratio, name)
        for ratio, size in rule.ratios.items()
        for width, height in [Size.parse(size)]
        for name, scale in zip(named, scales, strict=True)
    ]


def within(rule: SizeRule) -> list[Size]:
    """Count every size between the bounds of a narrow rule."""
    edges = range(rule.min_edge, (rule.max_edge or 0) + 1)
    long, short = (int(part) for part in rule.max_aspect_ratio.split(":"))
    return [
        Size(width, height)
        for width in edges
        for height in edges
        if width % rule.multiple_of == 0
        and height % rule.multiple_of == 0
        and rule.min_pixels <= width * height <= (rule.max_pixels or 0)
        and Fraction(max(width, height), min(width, height)) <= Fraction(long, short)
    ]


def orientation(size: Size) -> str:
    if size.width == size.height:
        return "square"
    return "landscape" if size.width > size.height else "portrait"


def eligible(offered: Iterable[Size], wish: Size) -> list[Size]:
    """Return the sizes that may stand in for a wish by their orientation."""
    offered = list(offered)
    same = [size for size in offered if orientation(size) == orientation(wish)]
    return same or [size for size in offered if orientation(size) == "square"] or offered


def ratio_change(size: Size, wish: Size) -> float:
    return abs(log(size.width / size.height) - log(wish.width / wish.height))


def edge_change(size: Size, wish: Size) -> float:
    return abs(log(size.width / wish.width)) + abs(log(size.height / wish.height))


def chosen(rule: SizeRule, wish: Size) -> Size:
    size = choose(rule, wish).size
    assert size is not None
    return size


@given(list_rules, wishes)
def test_a_size_of_a_list_is_on_the_list_and_of_the_nearest_ratio(
    rule: SizeRule, wish: Size
) -> None:
    size, rivals = chosen(rule, wish), eligible(listed(rule), wish)

    assert size in rivals
    assert ratio_change(size, wish) <= min(ratio_change(r, wish) for r in rivals) + ROUNDING


@given(list_rules)
def test_a_listed_size_is_taken_as_it_is(rule: SizeRule) -> None:
    assert [chosen(rule, size) for size in listed(rule)] == listed(rule)


@given(st.integers(10, 900), st.integers(10, 900), st.integers(2, 10))
def test_of_a_multiple_and_a_fraction_of_a_wish_the_fraction_wins(
    width: int, height: int, factor: int
) -> None:
    large, small = Size(width * factor**2, height * factor**2), Size(width, height)
    rule = SizeRule(mode="List", sizes=(str(large), str(small)))

    assert chosen(rule, Size(width * factor, height * factor)) == small


@given(ratio_rules, wishes)
def test_a_choice_by_ratio_is_on_offer_and_never_flips_the_image(
    rule: SizeRule, wish: Size
) -> None:
    choice = choose(rule, wish)
    shapes = {orientation(size) for size in map(Size.parse, rule.ratios.values())}

    assert choice in by_ratio(rule)
    if {orientation(wish), "square"} & shapes:
        assert {orientation(chosen(rule, wish)), orientation(wish)} != {"landscape", "portrait"}


@given(ratio_rules)
def test_a_size_that_a_ratio_gives_is_taken_as_it_is(rule: SizeRule) -> None:
    for choice in by_ratio(rule):
        assert choice.size is not None
        assert chosen(rule, choice.size) == choice.size


@given(ratio_rules, st.none() | wishes)
@example(read(SizeRule, {"mode": "AspectRatio", "ratios": TWINS}), Size(64, 64))
def test_the_order_of_ratios_does_not_matter(rule: SizeRule, wish: Size | None) -> None:
    """An API server keeps no order of keys."""
    backwards = rule.model_copy(update={"ratios": dict(reversed(rule.ratios.items()))})

    assert choose(backwards, wish) == choose(rule, wish)


@given(pixel_rules(), small_wishes)
def test_a_wish_finds_a_size_exactly_if_there_is_one_within_bounds(
    rule: SizeRule, wish: Size
) -> None:
    offered = within(rule)

    if offered:
        assert chosen(rule, wish) in offered
    else:
        with pytest.raises(ValueError, match="empty"):
            choose(rule, wish)


@given(pixel_rules(), small_wishes)
def test_within_bounds_the_nearest_edges_of_about_the_wished_ratio_win_and_else_the_nearest_ratio(
    rule: SizeRule, wish: Size
) -> None:
    offered = within(rule)
    assume(offered and wish not in offered)
    about = [size for size in offered if keeps_ratio(rule, size, wish)]
    rivals, change = eligible(about or offered, wish), edge_change if about else ratio_change

    assert chosen(rule, wish) in rivals
    nearest = min(change(rival, wish) for rival in rivals)
    assert change(chosen(rule, wish), wish) <= nearest + ROUNDING


def keeps_ratio(rule: SizeRule, size: Size, wish: Size) -> bool:
    """Whether, at this width, the height is next to the one of the wished ratio on the grid."""
    long, short = (int(part) for part in rule.max_aspect_ratio.split(":"))
    ratio = min(max(Fraction(*wish), Fraction(short, long)), Fraction(long, short))
    return abs(size.height - size.width / ratio) < rule.multiple_of


@given(pixel_rules(), small_wishes)
def test_bounds_never_flip_an_image_that_they_could_keep_upright(
    rule: SizeRule, wish: Size
) -> None:
    offered = within(rule)
    assume({orientation(wish), "square"} & {orientation(size) for size in offered})

    assert {orientation(chosen(rule, wish)), orientation(wish)} != {"landscape", "portrait"}


@given(pixel_rules())
def test_a_size_within_bounds_is_taken_as_it_is(rule: SizeRule) -> None:
    assert all(choose(rule, size) == SizeChoice(size) for size in within(rule))


@given(wishes)
def test_any_wish_becomes_a_size_that_gpt_image_2_takes(wish: Size) -> None:
    width, height = chosen(GPT_IMAGE_2, wish)

    assert width % 16 == height % 16 == 0
    assert max(width, height) <= 3840
    assert 655_360 <= width * height <= 8_294_400
    assert max(width, height) <= 3 * min(width, height)
    assert {orientation(Size(width, height)), orientation(wish)} != {"landscape", "portrait"}
