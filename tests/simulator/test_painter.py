import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageFont, ImageStat

from tintype_simulator.painting.renderer import Picture, encode, fitting, paint, unfinished
from tintype_simulator.painting.scenes import SCENES, Scene
from tintype_testing.simulators import opened

PICTURE = Picture(seed="fox/0", caption="a red fox in the snow", width=192, height=128, detail=192)


def distance(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures' pixels."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean)


def test_the_same_order_gives_the_same_bytes() -> None:
    assert encode(paint(PICTURE), "png") == encode(paint(PICTURE), "png")


def test_a_file_has_the_weight_of_a_real_one() -> None:
    file = encode(paint(replace(PICTURE, width=1024, height=1024)), "png")

    assert 500_000 < len(file) < 3_000_000


def test_another_seed_gives_another_picture() -> None:
    assert encode(paint(PICTURE), "png") != encode(paint(replace(PICTURE, seed="fox/1")), "png")


def test_no_two_of_many_seeds_look_alike() -> None:
    pictures = {paint(replace(PICTURE, seed=str(seed), caption="")).tobytes() for seed in range(40)}

    assert len(pictures) == 40


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_makes_a_picture(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tintype_simulator.painting.renderer.SCENES", (scene,))

    image = paint(PICTURE)

    assert len(image.getcolors(maxcolors=192 * 128) or []) > 100


@given(
    caption=st.text(max_size=500),
    width=st.integers(16, 200),
    height=st.integers(16, 200),
    detail=st.integers(16, 200),
    transparent=st.booleans(),
)
def test_any_order_is_painted_at_its_size(
    caption: str, width: int, height: int, detail: int, transparent: bool
) -> None:
    image = paint(Picture("seed", caption, width, height, detail, transparent=transparent))

    assert image.size == (width, height)


def test_an_opaque_picture_has_no_alpha() -> None:
    assert paint(PICTURE).mode == "RGB"


@pytest.mark.parametrize("output_format", ["png", "webp"])
def test_a_transparent_picture_shows_what_is_below_its_sky(output_format: str) -> None:
    file = encode(paint(replace(PICTURE, transparent=True)), output_format)

    alpha = opened(file).getchannel("A")
    assert alpha.getpixel((0, 0)) == 0
    assert alpha.getextrema() == (0, 255)


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_each_format_is_what_it_says(output_format: str) -> None:
    image = Image.open(io.BytesIO(encode(paint(PICTURE), output_format)))

    assert image.format == output_format.upper()


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
def test_less_quality_makes_a_smaller_file(output_format: str) -> None:
    sizes = [len(encode(paint(PICTURE), output_format, quality)) for quality in (0, 50, 100)]

    assert sizes == sorted(set(sizes))


def test_more_detail_gives_crisper_edges() -> None:
    soft, crisp = (paint(replace(PICTURE, detail=detail)) for detail in (24, 384))

    assert distance(soft, crisp) > 1


def test_an_unfinished_picture_comes_closer_to_the_finished_one() -> None:
    image = paint(PICTURE)

    distances = [distance(image, unfinished(image, share)) for share in (0.25, 0.5, 0.75)]

    assert distances == sorted(distances, reverse=True)
    assert distances[-1] > 0


def test_without_saturation_a_picture_is_gray() -> None:
    image = paint(replace(PICTURE, saturation=0.0))

    red, green, blue = image.split()
    assert red.tobytes() == green.tobytes() == blue.tobytes()


def test_a_caption_changes_only_the_lower_edge() -> None:
    plain, captioned = paint(replace(PICTURE, caption="")), paint(PICTURE)

    box = ImageChops.difference(plain, captioned).getbbox()

    assert box is not None
    assert box[1] > PICTURE.height * 0.8


@given(st.text(alphabet="il MW.", max_size=300), st.integers(40, 400))
def test_a_caption_is_cut_to_the_width_of_the_picture(caption: str, width: int) -> None:
    font = ImageFont.load_default(12)

    line = fitting(caption, font, width)

    assert font.getlength(line) <= width
    assert line == caption or line.endswith("...")
