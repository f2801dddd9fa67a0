"""What must happen to an image is decided from its facts and the model's rule alone."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.operations import OperationRule
from tintype_catalog.sizes import Size
from tintype_gateway.images.files import Range
from tintype_gateway.images.formats.facts import MAX_INPUT_PIXELS, InputFacts
from tintype_gateway.images.input_error import InputImageError
from tintype_gateway.images.input_plan import Preparation, bytes_to_decode, fitted, plan_input

PNG = InputFacts("png", Size(800, 600), 1000, bare=(Range(0, 1000),))
JPEG = replace(PNG, format="jpeg", is_lossy=True)
WEBP = replace(PNG, format="webp", is_lossy=True)
HEIC = replace(JPEG, format="heic", has_metadata=True, bare=())
RULE = OperationRule()


def planned(facts: InputFacts, rule: OperationRule = RULE, **options: Any) -> Preparation:
    return plan_input(facts, rule, param="image", **options)


@pytest.mark.parametrize("facts", [PNG, JPEG, replace(PNG, has_alpha=True)])
def test_an_image_that_the_model_takes_is_passed_as_it_is(facts: InputFacts) -> None:
    assert planned(facts) == Preparation("pass", facts.format, Size(800, 600))


def test_metadata_are_removed_without_decoding() -> None:
    facts = replace(JPEG, has_metadata=True, is_multiple=True)
    assert planned(facts).step == "strip"
    assert planned(facts, keep_metadata=True).step == "cut"
    assert planned(replace(facts, is_multiple=False), keep_metadata=True).step == "pass"


@pytest.mark.parametrize(
    ("facts", "rule", "form"),
    [
        (replace(JPEG, orientation=6), RULE, "jpeg"),
        (replace(JPEG, colors="cmyk"), RULE, "jpeg"),
        (replace(JPEG, is_plain=False), RULE, "jpeg"),
        (replace(PNG, colors="palette"), RULE, "png"),
        (replace(PNG, bits=16), RULE, "png"),
        (WEBP, RULE, "jpeg"),
        (replace(WEBP, is_lossy=False), RULE, "png"),
        (replace(WEBP, has_alpha=True), RULE, "png"),
        (HEIC, RULE, "jpeg"),
        (HEIC, OperationRule(input_formats=("png",)), "png"),
        (HEIC, OperationRule(input_formats=("heic", "png")), "png"),
        (replace(HEIC, has_alpha=True), RULE, "png"),
        (JPEG, OperationRule(input_formats=("png",)), "png"),
        (PNG, OperationRule(input_formats=("jpeg",)), "jpeg"),
        (replace(PNG, has_alpha=True), OperationRule(input_formats=("webp", "jpeg")), "webp"),
    ],
)
def test_other_images_are_made_anew(facts: InputFacts, rule: OperationRule, form: str) -> None:
    assert (planned(facts, rule).step, planned(facts, rule).format) == ("decode", form)


def test_a_heic_is_passed_only_with_its_metadata_to_a_provider_that_takes_it() -> None:
    rule = OperationRule(input_formats=("heic", "jpeg"))
    assert planned(HEIC, rule, keep_metadata=True) == Preparation("pass", "heic", HEIC.size)
    assert planned(HEIC, rule).format == "jpeg"


@pytest.mark.parametrize("formats", [("png", "jpeg"), ("jpeg",)])
def test_transparency_is_flattened_where_it_is_refused(formats: Any) -> None:
    rule = OperationRule(opaque="png" in formats, input_formats=formats)
    assert planned(replace(PNG, has_alpha=True), rule).flatten
    assert not planned(PNG, rule).flatten


def test_animated_images_are_refused() -> None:
    with pytest.raises(InputImageError, match="animated images are not accepted"):
        planned(replace(PNG, is_animated=True))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (OperationRule(max_edge=700), "edges of at most 700"),
        (OperationRule(min_edge=601), "edges of at least 601"),
        (OperationRule(max_pixels=479_999), "at most 479999 pixels"),
        (OperationRule(min_pixels=480_001), "at least 480001 pixels"),
        (OperationRule(max_aspect_ratio="1.3"), "at most 1.3:1"),
        (OperationRule(max_bytes=999), "at most 999"),
    ],
)
def test_an_image_beyond_a_limit_is_refused_with_both_values(
    rule: OperationRule, words: str
) -> None:
    with pytest.raises(InputImageError) as raised:
        planned(JPEG, rule)
    assert words in raised.value.allowed
    assert "800x600" in raised.value.sent or "1000 bytes" in raised.value.sent
    assert raised.value.response_error().code == "unsupported_value"


def test_lenient_handling_makes_a_large_image_smaller_and_says_so() -> None:
    facts = replace(JPEG, size=Size(3000, 4000), orientation=6)
    made = planned(facts, OperationRule(max_edge=3072, max_pixels=2**23), lenient=True)
    assert made == Preparation(
        "decode", "jpeg", Size(3072, 2304), adjustments=("image=4000x3000->3072x2304",)
    )


def test_lenient_handling_re_encodes_a_file_of_too_many_bytes() -> None:
    assert planned(JPEG, OperationRule(max_bytes=999), lenient=True).step == "decode"


def test_lenient_handling_never_enlarges() -> None:
    with pytest.raises(InputImageError, match="at least 601"):
        planned(JPEG, OperationRule(min_edge=601), lenient=True)


def test_an_image_that_becomes_too_small_for_the_model_is_refused() -> None:
    facts = replace(JPEG, size=Size(4000, 400))
    with pytest.raises(InputImageError, match="2000x200 when made smaller"):
        planned(facts, OperationRule(min_edge=300, max_edge=2000), lenient=True)


def test_an_image_of_very_many_pixels_passes_only_undecoded() -> None:
    huge = replace(JPEG, size=Size(2**14, 2**13))
    assert huge.size.pixels > MAX_INPUT_PIXELS
    assert planned(huge).step == "pass"
    with pytest.raises(InputImageError, match="67108864 pixels"):
        planned(replace(huge, orientation=3))


def test_only_decoding_takes_memory() -> None:
    assert bytes_to_decode(JPEG, planned(JPEG)) == 0
    turned = replace(JPEG, orientation=3)
    assert bytes_to_decode(turned, planned(turned)) > 4 * turned.size.pixels


@given(
    st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)),
    st.none() | st.integers(16, 20_000),
    st.none() | st.integers(4096, 10**8),
)
def test_a_fitted_size_is_within_limits_and_never_larger(
    edges: tuple[int, int], max_edge: int | None, max_pixels: int | None
) -> None:
    size = Size(*edges)
    made = fitted(size, max_edge, max_pixels)
    assert made.width <= size.width
    assert made.height <= size.height
    assert max_edge is None or max(made) <= max_edge
    assert max_pixels is None or made.pixels <= max_pixels or min(made) == 1
    if (max_edge is None or max(size) <= max_edge) and (
        max_pixels is None or size.pixels <= max_pixels
    ):
        assert made == size


@given(st.tuples(st.integers(100, 9000), st.integers(100, 9000)), st.integers(50, 9000))
def test_a_fitted_size_keeps_the_aspect_ratio(edges: tuple[int, int], max_edge: int) -> None:
    width, height = edges
    made = fitted(Size(width, height), max_edge, None)
    longest = max(made)
    assert abs(made.width - width * longest / max(edges)) <= 1
    assert abs(made.height - height * longest / max(edges)) <= 1
