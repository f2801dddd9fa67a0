"""The tokens of input images, against the figures that OpenAI published and users measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.input_tokens import (
    NO_INPUTS,
    InputImageTokens,
    Inputs,
    input_image_tokens,
    input_text_tokens,
    input_tokens,
    patches,
    tiles,
)
from tintype_catalog.sizes import Size

PATCHES = InputImageTokens(formula="Patches32")
TILES = InputImageTokens(formula="Tiles512")
FIXED = InputImageTokens(fixed=560)
RULES = (PATCHES, TILES, FIXED)

edges = st.integers(1, 20_000)
sizes = st.builds(Size, edges, edges)
inputs = st.builds(Inputs, st.lists(sizes, max_size=16).map(tuple), st.booleans(), st.booleans())


@pytest.mark.parametrize(
    ("size", "count"),
    [
        ("512x512", 1024),
        ("1024x1024", 1024),
        ("2048x2048", 1521),
        ("4000x4000", 1521),
        ("256x256", 256),
        ("1536x1024", 1536),
        ("1920x1080", 1508),
        ("1080x1920", 1508),
    ],
)
def test_patches_are_those_that_users_of_gpt_image_2_measured(size: str, count: int) -> None:
    assert patches(Size.parse(size)) == count


@pytest.mark.parametrize(
    ("size", "low", "high"),
    [
        ("1024x1024", 194, 4354),
        ("1536x1024", 323, 6563),
        ("1024x1536", 323, 6563),
        ("1024x1025", 194, 6434),
        ("4096x1024", 581, 6821),
        ("100x100", 194, 4354),
    ],
)
def test_tiles_are_those_of_openais_guide(size: str, low: int, high: int) -> None:
    assert tiles(Size.parse(size), high_fidelity=False) == low
    assert tiles(Size.parse(size), high_fidelity=True) == high


@given(sizes)
def test_an_image_has_at_least_one_patch_and_at_most_1536(size: Size) -> None:
    assert 1 <= patches(size) <= 1536


@given(sizes, st.booleans())
def test_an_image_has_one_to_four_tiles(size: Size, high: bool) -> None:
    added = (4160 if size.width == size.height else 6240) if high else 0

    assert (tiles(size, high) - added - 65) // 129 in (1, 2, 3, 4)


@given(st.sampled_from(RULES), sizes, st.booleans())
def test_an_image_on_its_side_takes_the_same_tokens(
    rule: InputImageTokens, size: Size, high: bool
) -> None:
    turned = Size(size.height, size.width)

    assert input_image_tokens(rule, size, high) == input_image_tokens(rule, turned, high)


@given(st.sampled_from(RULES), inputs)
def test_images_add_up_and_a_mask_counts_as_the_dearest_image(
    rule: InputImageTokens, given_inputs: Inputs
) -> None:
    each = [input_image_tokens(rule, size, given_inputs.high_fidelity) for size in given_inputs[0]]
    total = input_tokens(rule, given_inputs)
    masked = input_tokens(rule, given_inputs._replace(mask=True))

    assert total - sum(each) == (masked - sum(each) if given_inputs.mask else 0)
    assert masked - sum(each) >= max(each, default=1)


def test_images_without_a_rule_are_free() -> None:
    assert input_tokens(None, Inputs((Size(1024, 1024),), mask=True)) == 0


def test_no_images_take_no_tokens() -> None:
    assert all(input_tokens(rule, NO_INPUTS) == 0 for rule in RULES)
    assert input_text_tokens(NO_INPUTS) == 0


def test_each_image_and_the_mask_may_add_64_tokens_of_text() -> None:
    two = (Size(64, 64), Size(64, 64))

    assert input_text_tokens(Inputs(two)) == 128
    assert input_text_tokens(Inputs(two, mask=True)) == 192
