import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageFont, ImageStat

from tintype_simulator.painting.renderer import ImageSpec, encode, fitting, paint, unfinished
from tintype_simulator.painting.scenes import SCENES, Scene
from tintype_testing.simulators import opened

IMAGE = ImageSpec(seed="fox/0", caption="a red fox in the snow", width=192, height=128, detail=192)


def distance(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two images' pixels."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean)


def test_the_same_specification_gives_the_same_bytes() -> None:
    assert encode(paint(IMAGE), "png") == encode(paint(IMAGE), "png")


def test_a_file_is_as_large_as_a_real_one() -> None:
    file = encode(paint(replace(IMAGE, width=1024, height=1024)), "png")

    assert 500_000 < len(file) < 3_000_000


def test_another_seed_gives_another_image() -> None:
    assert encode(paint(IMAGE), "png") != encode(paint(replace(IMAGE, seed="fox/1")), "png")


def test_no_two_of_many_seeds_look_alike() -> None:
    images = {paint(replace(IMAGE, seed=str(seed), caption="")).tobytes() for seed in range(40)}

    assert len(images) == 40


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_makes_an_image(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tintype_simulator.painting.renderer.SCENES", (scene,))

    image = paint(IMAGE)

    assert len(image.getcolors(maxcolors=192 * 128) or []) > 100


@given(
    caption=st.text(max_size=500),
    width=st.integers(1, 200),
    height=st.integers(1, 200),
    detail=st.integers(16, 200),
    transparent=st.booleans(),
)
def test_any_specification_is_painted_at_its_size(
    caption: str, width: int, height: int, detail: int, transparent: bool
) -> None:
    image = paint(ImageSpec("seed", caption, width, height, detail, transparent=transparent))

    assert image.size == (width, height)


def test_an_opaque_image_has_no_alpha() -> None:
    assert paint(IMAGE).mode == "RGB"


@pytest.mark.parametrize("output_format", ["png", "webp"])
def test_a_transparent_image_shows_what_is_below_its_sky(output_format: str) -> None:
    file = encode(paint(replace(IMAGE, transparent=True)), output_format)

    alpha = opened(file).getchannel("A")
    assert alpha.getpixel((0, 0)) == 0
    assert alpha.getextrema() == (0, 255)


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_each_format_is_what_it_says(output_format: str) -> None:
    image = Image.open(io.BytesIO(encode(paint(IMAGE), output_format)))

    assert image.format == output_format.upper()


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
def test_less_quality_makes_a_smaller_file(output_format: str) -> None:
    sizes = [len(encode(paint(IMAGE), output_format, quality)) for quality in (0, 50, 100)]

    assert sizes == sorted(set(sizes))


def test_more_detail_gives_crisper_edges() -> None:
    soft, crisp = (paint(replace(IMAGE, detail=detail)) for detail in (24, 384))

    assert distance(soft, crisp) > 1


def test_an_unfinished_image_comes_closer_to_the_finished_one() -> None:
    image = paint(IMAGE)

    distances = [distance(image, unfinished(image, share)) for share in (0.25, 0.5, 0.75)]

    assert distances == sorted(distances, reverse=True)
    assert distances[-1] > 0


def test_without_saturation_an_image_is_gray() -> None:
    image = paint(replace(IMAGE, saturation=0.0))

    red, green, blue = image.split()
    assert red.tobytes() == green.tobytes() == blue.tobytes()


def test_a_caption_changes_only_the_lower_edge() -> None:
    plain, captioned = paint(replace(IMAGE, caption="")), paint(IMAGE)

    box = ImageChops.difference(plain, captioned).getbbox()

    assert box is not None
    assert box[1] > IMAGE.height * 0.8


@given(st.text(alphabet="il MW.", max_size=300), st.integers(0, 400))
def test_a_caption_is_cut_to_the_width_of_the_image(caption: str, width: int) -> None:
    font = ImageFont.load_default(12)

    line = fitting(caption, font, width)

    assert font.getlength(line) <= width
    assert line in (caption, "") or line.endswith("...")
