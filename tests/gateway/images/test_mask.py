"""Masks: OpenAI's convention comes in, and each provider's own goes out, pixel by pixel."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.sizes import Size
from tintype_gateway.images.input_error import InputImageError
from tintype_gateway.images.mask import (
    bytes_to_render,
    check_mask,
    render_mask,
    rendered,
)
from tintype_testing.sample_photos import (
    SECRET,
    exif,
    file_of,
    heic,
    opened,
    photo,
    scene,
    stored_for,
    upload,
)

SIZE = Size(48, 32)
CONVENTIONS: tuple[MaskConvention, ...] = (
    "alpha",
    "black_edits",
    "white_edits",
    "luminance_edits",
)


def hole(color: tuple[int, int, int] = (0, 0, 0), size: Size = SIZE) -> Image.Image:
    """Return a mask whose left upper quarter is transparent, with a color under it."""
    image = Image.new("RGBA", size, (*color, 255))
    image.paste((*color, 0), (0, 0, size.width // 2, size.height // 2))
    return image


def sent(data: bytes, convention: MaskConvention, size: Size | None = None) -> Image.Image:
    mask = check_mask(upload(data, "mask"), SIZE)
    prepared = render_mask(mask, convention, size=size)
    content = prepared.image.content
    result = opened(content.read(0, content.length))
    assert prepared.image.format == "png"
    assert result.format == "PNG"
    assert prepared.image.size == Size(*result.size)
    return result


def corners(image: Image.Image) -> tuple[object, object]:
    """Return the values of a pixel in the hole, and of one beside it."""
    return image.getpixel((3, 3)), image.getpixel((44, 28))


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (12, 200, 7)])
@pytest.mark.parametrize(
    ("convention", "mode", "edited", "kept"),
    [
        ("alpha", "RGBA", (0, 0, 0, 0), (0, 0, 0, 255)),
        ("black_edits", "L", 0, 255),
        ("white_edits", "L", 255, 0),
        ("luminance_edits", "L", 255, 0),
    ],
)
def test_each_convention_marks_transparent_pixels_of_any_color(
    convention: MaskConvention,
    mode: str,
    edited: object,
    kept: object,
    color: tuple[int, int, int],
) -> None:
    result = sent(file_of(hole(color), "png"), convention)
    assert result.mode == mode
    assert corners(result) == (edited, kept)


@settings(max_examples=50)
@given(alpha=st.binary(min_size=48, max_size=48), colors=st.binary(min_size=144, max_size=144))
def test_every_pixel_follows_the_convention(alpha: bytes, colors: bytes) -> None:
    size = (8, 6)
    image = Image.frombytes("RGB", size, colors)
    image.putalpha(Image.frombytes("L", size, alpha))
    channel = image.getchannel("A")
    assert rendered(channel, "alpha").getchannel("A").tobytes() == alpha
    black = bytes(255 if value >= 128 else 0 for value in alpha)
    white = bytes(255 if value < 128 else 0 for value in alpha)
    strength = bytes(255 - value for value in alpha)
    assert rendered(channel, "black_edits").tobytes() == black
    assert rendered(channel, "white_edits").tobytes() == white
    assert rendered(channel, "luminance_edits").tobytes() == strength


@pytest.mark.parametrize(
    "data",
    [
        file_of(hole(), "png"),
        file_of(hole(), "webp", lossless=True),
        file_of(hole().convert("LA"), "png"),
        file_of(Image.new("P", SIZE), "png", transparency=0),
        file_of(Image.new("RGB", SIZE, "black"), "png", transparency=(0, 0, 0)),
    ],
    ids=["png", "webp", "gray", "palette", "color key"],
)
def test_every_kind_of_transparency_counts(data: bytes) -> None:
    assert sent(data, "black_edits").getpixel((3, 3)) == 0


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_mask_that_is_transparent_everywhere_edits_everything(
    convention: MaskConvention,
) -> None:
    result = sent(file_of(Image.new("RGBA", SIZE), "png"), convention)
    first, second = corners(result)
    assert first == second
    assert first == {"alpha": (0, 0, 0, 0), "black_edits": 0}.get(convention, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_is_turned_upright(orientation: int) -> None:
    stored = stored_for(hole(), orientation)
    data = file_of(stored, "png", exif=exif(orientation))
    assert corners(sent(data, "white_edits")) == (255, 0)


def test_a_mask_has_no_metadata() -> None:
    data = file_of(hole(), "png", exif=exif())
    assert SECRET.encode() in data
    prepared = render_mask(check_mask(upload(data, "mask"), SIZE), "alpha")
    content = prepared.image.content
    assert SECRET.encode() not in content.read(0, content.length)


def test_a_mask_follows_an_image_that_was_made_smaller() -> None:
    result = sent(file_of(hole(), "png"), "white_edits", Size(24, 16))
    assert result.size == (24, 16)
    assert (result.getpixel((3, 3)), result.getpixel((20, 12))) == (255, 0)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (file_of(scene(), "png"), "has no alpha channel"),
        (file_of(scene().convert("L"), "png"), "has no alpha channel"),
        (photo("jpeg"), "is JPEG"),
        (heic(hole()), "is HEIC"),
        (file_of(hole().quantize(8), "gif"), "is GIF"),
        (file_of(hole(size=Size(32, 48)), "png"), "is 32x48 pixels, and image 1 is 48x32"),
        (file_of(hole(), "png", exif=exif(6)), "is 32x48 pixels, and image 1 is 48x32"),
        (file_of(scene(), "tiff"), "is a TIFF image"),
        (
            file_of(hole(), "png", save_all=True, append_images=[hole((9, 9, 9))]),
            "is animated",
        ),
    ],
)
def test_an_invalid_mask_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(InputImageError) as raised:
        check_mask(upload(data, "mask"), SIZE)
    error = raised.value.response_error()
    assert words in error.message
    assert (error.status, error.param) == (400, "mask")


def test_a_mask_that_is_opaque_everywhere_is_refused() -> None:
    mask = check_mask(upload(file_of(scene().convert("RGBA"), "png"), "mask"), SIZE)
    with pytest.raises(InputImageError, match="nothing is edited"):
        render_mask(mask, "alpha")


def test_damaged_pixels_are_a_refusal() -> None:
    noise = Image.effect_noise(SIZE, 90)
    whole = file_of(Image.merge("RGBA", [noise] * 4), "png")
    at = whole.index(b"IDAT") + 40
    mask = check_mask(upload(whole[:at] + bytes(60) + whole[at + 60 :], "mask"), SIZE)
    with pytest.raises(InputImageError, match="damaged"):
        render_mask(mask, "alpha")


def test_memory_is_computed_before() -> None:
    mask = check_mask(upload(file_of(hole(), "png"), "mask"), SIZE)
    assert bytes_to_render(mask) > 4 * SIZE.pixels
