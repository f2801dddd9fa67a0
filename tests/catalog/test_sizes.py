import pytest

from tintype_catalog.sizes import Size, SizeChoice, SizeRule, choose, max_pixels, named
from tintype_testing.manifests import PIXELS, read

GPT_IMAGE_2 = read(SizeRule, PIXELS)
GPT_IMAGE_1 = read(SizeRule, {"mode": "List", "sizes": ["1024x1024", "1536x1024", "1024x1536"]})
SQUARES = read(SizeRule, {"mode": "List", "sizes": ["1024x1024", "512x512", "256x256"]})
LANDSCAPES = read(SizeRule, {"mode": "List", "sizes": ["1024x768", "1920x1080"]})
RATIOS = {"1:1": "1024x1024", "3:2": "1248x832", "2:3": "832x1248", "16:9": "1344x768"}
GEMINI = read(SizeRule, {"mode": "AspectRatio", "ratios": RATIOS, "resolutions": ["1K", "2K"]})
ONE_TO_ONE = read(SizeRule, {"mode": "AspectRatio", "ratios": {"1:1": "1024x1024"}})
NO_KNOB = SizeRule()
MEGAPIXEL = read(
    SizeRule,
    {"mode": "Pixels", "multipleOf": 64, "maxEdge": 4096}
    | {"minPixels": 1048576, "maxPixels": 1048576},
)


@pytest.mark.parametrize(
    ("rule", "wish", "given"),
    [
        # Within bounds: the nearest edges on the grid.
        (GPT_IMAGE_2, "1024x1024", "1024x1024"),
        (GPT_IMAGE_2, "1024x1536", "1024x1536"),
        (GPT_IMAGE_2, "3840x2160", "3840x2160"),
        (GPT_IMAGE_2, "1920x1080", "1920x1088"),
        (GPT_IMAGE_2, "1080x1920", "1088x1920"),
        (GPT_IMAGE_2, "1000x1000", "1008x1008"),
        # Too small, too large, too long: the wished ratio survives as far as the bounds let it.
        (GPT_IMAGE_2, "512x512", "816x816"),
        (GPT_IMAGE_2, "4096x4096", "2880x2880"),
        (GPT_IMAGE_2, "7680x4320", "3840x2160"),
        (GPT_IMAGE_2, "8000x4000", "3840x1920"),
        (GPT_IMAGE_2, "4000x1000", "3456x1152"),
        (GPT_IMAGE_2, "1000x4000", "1152x3456"),
        # No size of about the wished ratio: the nearest ratio there is.
        (MEGAPIXEL, "1000x1000", "1024x1024"),
        (MEGAPIXEL, "1000x900", "2048x512"),
        (MEGAPIXEL, "100x9000", "256x4096"),
        # A list: the nearest ratio of the same orientation, then the nearest number of pixels.
        (GPT_IMAGE_1, "1536x1024", "1536x1024"),
        (GPT_IMAGE_1, "512x512", "1024x1024"),
        (GPT_IMAGE_1, "1920x1080", "1536x1024"),
        (GPT_IMAGE_1, "1080x1920", "1024x1536"),
        (GPT_IMAGE_1, "1025x1024", "1536x1024"),
        (LANDSCAPES, "4000x3000", "1024x768"),
        (LANDSCAPES, "1600x900", "1920x1080"),
        # No such orientation: a square; no square either: any size.
        (SQUARES, "1024x1536", "1024x1024"),
        (SQUARES, "300x200", "256x256"),
        (LANDSCAPES, "768x1024", "1024x768"),
        # Half is as far as double, and of equals the smaller image wins.
        (SQUARES, "400x400", "512x512"),
        (SQUARES, "724x724", "512x512"),
        (SQUARES, "725x725", "1024x1024"),
    ],
)
def test_a_wish_becomes_the_nearest_size_on_offer(rule: SizeRule, wish: str, given: str) -> None:
    assert choose(rule, Size.parse(wish)) == SizeChoice(Size.parse(given))


@pytest.mark.parametrize(
    ("rule", "wish", "choice"),
    [
        (GEMINI, "1024x1024", SizeChoice(Size(1024, 1024), "1:1", "1K")),
        (GEMINI, "2048x2048", SizeChoice(Size(2048, 2048), "1:1", "2K")),
        (GEMINI, "1792x1024", SizeChoice(Size(1344, 768), "16:9", "1K")),
        (GEMINI, "3840x2160", SizeChoice(Size(2688, 1536), "16:9", "2K")),
        (GEMINI, "1024x1536", SizeChoice(Size(832, 1248), "2:3", "1K")),
        (ONE_TO_ONE, "1024x1536", SizeChoice(Size(1024, 1024), "1:1")),
        (ONE_TO_ONE, "4096x16", SizeChoice(Size(1024, 1024), "1:1")),
    ],
)
def test_a_wish_becomes_the_nearest_aspect_ratio_and_resolution(
    rule: SizeRule, wish: str, choice: SizeChoice
) -> None:
    assert choose(rule, Size.parse(wish)) == choice


@pytest.mark.parametrize("rule", [GPT_IMAGE_1, GPT_IMAGE_2, GEMINI, NO_KNOB])
def test_auto_is_left_to_a_provider_that_understands_it(rule: SizeRule) -> None:
    assert choose(rule.model_copy(update={"accepts_auto": True}), None) == SizeChoice()


@pytest.mark.parametrize(
    ("rule", "default"),
    [
        (LANDSCAPES, SizeChoice(Size(1024, 768))),
        (GPT_IMAGE_2, SizeChoice(Size(1024, 1024))),
        (GEMINI, SizeChoice(Size(1024, 1024), "1:1", "1K")),
    ],
)
def test_auto_is_the_default_size_of_a_model_whose_provider_has_no_auto(
    rule: SizeRule, default: SizeChoice
) -> None:
    assert choose(rule.model_copy(update={"accepts_auto": False}), None) == default


def test_the_default_ratio_does_not_depend_on_the_order_of_the_ratios() -> None:
    """An API server keeps no order of keys."""
    backwards = GEMINI.model_copy(update={"ratios": dict(reversed(RATIOS.items()))})

    assert choose(backwards, None) == choose(GEMINI, None)


def test_a_model_without_a_size_knob_is_asked_for_no_size() -> None:
    assert choose(NO_KNOB, Size(1024, 1024)) == SizeChoice()


@pytest.mark.parametrize(
    ("rule", "pixels"),
    [
        (GPT_IMAGE_1, 1536 * 1024),
        (GPT_IMAGE_2, 8294400),
        (GEMINI, 2048 * 2048),
        (ONE_TO_ONE, 1024 * 1024),
        (NO_KNOB, None),
    ],
)
def test_the_largest_image_of_a_rule_is_known(rule: SizeRule, pixels: int | None) -> None:
    assert max_pixels(rule) == pixels


def test_a_size_is_written_as_it_is_read() -> None:
    assert str(Size.parse("1792x1024")) == "1792x1024"


@pytest.mark.parametrize(
    "text",
    ["", "auto", "1024", "1024x", "x1024", "1024X1024", "1024*1024", "1024x1024x3", " 1024x1024",
     "1024x1024\n", "-16x16", "+16x16", "1_6x16", "016x16", "0x16", "16.0x16", "\u0661\u0666x16"],
)  # fmt: skip
def test_a_text_of_another_form_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="WIDTHxHEIGHT"):
        Size.parse(text)


def test_names_of_ratios_and_resolutions_are_those_of_the_provider() -> None:
    ratios = {"19.5:9": "1504x688", "1:1": "1024x1024"}
    fields = {"mode": "AspectRatio", "ratios": ratios, "resolutions": ["1k", "1.5k", "2k"]}
    rule = read(SizeRule, fields)

    assert choose(rule, Size(1536, 1536)) == SizeChoice(Size(1536, 1536), "1:1", "1.5k")
    assert choose(rule, Size(3008, 1376)) == SizeChoice(Size(3008, 1376), "19.5:9", "2k")
    assert named(rule, Size(1, 1), "19.5:9", "1k") == Size(1504, 688)
