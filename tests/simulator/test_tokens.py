import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_simulator.openai import tokens
from tintype_simulator.text_tokens import text_tokens

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


@given(st.text(min_size=1))
def test_a_prompt_has_at_least_one_token_and_at_most_one_for_each_byte(prompt: str) -> None:
    assert 1 <= text_tokens(prompt) <= len(prompt.encode())
