import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.input_tokens import InputImageTokens, input_image_tokens
from tintype_catalog.sizes import Size
from tintype_simulator.openai import tokens
from tintype_simulator.text_tokens import text_tokens

edges = st.integers(1, 20_000)

QUALITIES = ("low", "medium", "high")

GPT_IMAGE_1_GUIDE = {
    (1024, 1024): (272, 1056, 4160),
    (1024, 1536): (408, 1584, 6240),
    (1536, 1024): (400, 1568, 6208),
}
GPT_IMAGE_2_PUBLISHED = {
    (1024, 1024): (196, 1756, 7024),
    (1536, 1024): (158, 1372, 5488),
    (1024, 1536): (158, 1372, 5488),
    (1536, 864): (120, 1078, 4312),
    (2048, 1152): (157, 1413, 5650),
    (2048, 2048): (397, 3568, 14272),
    (3840, 2160): (371, 3336, 13342),
}
GPT_IMAGE_2_5_PUBLISHED = {
    (1024, 1024): (196, 439, 1756, 3122, 7024),
    (1536, 1024): (158, 343, 1372, 2459, 5488),
    (1024, 1536): (158, 343, 1372, 2459, 5488),
    (1536, 864): (120, 280, 1078, 1917, 4312),
    (2048, 1152): (157, 367, 1413, 2511, 5650),
    (2048, 2048): (397, 892, 3568, 6343, 14272),
    (3840, 2160): (371, 865, 3336, 5930, 13342),
}


@pytest.mark.parametrize(("size", "expected"), GPT_IMAGE_1_GUIDE.items())
def test_the_first_generation_counts_as_its_guide_says(
    size: tuple[int, int], expected: tuple[int, ...]
) -> None:
    assert tuple(tokens.tabulated(quality, *size) for quality in QUALITIES) == expected


@pytest.mark.parametrize(("size", "expected"), GPT_IMAGE_2_PUBLISHED.items())
def test_the_formula_gives_every_published_count_of_gpt_image_2(
    size: tuple[int, int], expected: tuple[int, ...]
) -> None:
    count = tokens.by_formula(tokens.GPT_IMAGE_2)

    assert tuple(count(quality, *size) for quality in QUALITIES) == expected


@pytest.mark.parametrize(("size", "expected"), GPT_IMAGE_2_5_PUBLISHED.items())
def test_the_formula_gives_every_published_count_of_gpt_image_2_5(
    size: tuple[int, int], expected: tuple[int, ...]
) -> None:
    count = tokens.by_formula(tokens.GPT_IMAGE_2_5)

    assert tuple(count(quality, *size) for quality in (*QUALITIES, "xhigh", "max")) == expected


@pytest.mark.parametrize(
    ("size", "low", "high"),
    [
        ((1024, 1024), 194, 4354),
        ((1536, 1024), 323, 6563),
        ((1024, 1025), 194, 6434),
        ((300, 9000), 581, 6821),
    ],
)
def test_the_first_generation_counts_input_images_in_tiles(
    size: tuple[int, int], low: int, high: int
) -> None:
    assert (tokens.input_tiles(*size, False), tokens.input_tiles(*size, True)) == (low, high)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((256, 256), 256),
        ((369, 984), 384),
        ((512, 512), 1024),
        ((1024, 1024), 1024),
        ((1536, 1024), 1536),
        ((1920, 1080), 1508),
        ((2048, 2048), 1521),
        ((4000, 4000), 1521),
    ],
)
def test_gpt_image_2_counts_input_images_in_patches(size: tuple[int, int], expected: int) -> None:
    assert tokens.input_patches(*size, False) == expected


@given(edges, edges)
def test_no_input_image_has_more_than_1536_patches(width: int, height: int) -> None:
    assert 1 <= tokens.input_patches(width, height, False) <= 1536


@given(edges, edges, st.booleans())
def test_the_gateway_never_expects_fewer_input_tokens_than_are_counted(
    width: int, height: int, high_fidelity: bool
) -> None:
    size = Size(width, height)
    tiles, patches = (InputImageTokens(formula=name) for name in ("Tiles512", "Patches32"))

    counted = tokens.input_tiles(width, height, high_fidelity)
    assert counted <= input_image_tokens(tiles, size, high_fidelity)
    assert tokens.input_patches(width, height, False) <= input_image_tokens(patches, size, False)


@given(st.text(min_size=1))
def test_a_prompt_has_at_least_one_token_and_at_most_one_for_each_byte(prompt: str) -> None:
    assert 1 <= text_tokens(prompt) <= len(prompt.encode())
