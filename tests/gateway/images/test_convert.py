"""Another format of the same image: what is kept, what is dropped, what is refused."""

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tintype_catalog.sizes import Size
from tintype_gateway.images.container import read_header
from tintype_gateway.images.convert import convert
from tintype_gateway.images.decoder import MAX_PIXELS
from tintype_gateway.values.job import ConvertibleFormat, Encoding
from tintype_testing.sample_images import encoded
from tintype_testing.sample_photos import file_of

FORMS: list[ConvertibleFormat] = ["png", "jpeg", "webp"]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def photo(mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Return something with more than one color."""
    gradient = Image.linear_gradient("L").resize(size)
    return Image.merge("RGB", (gradient, gradient.rotate(180), gradient)).convert(mode)


PHOTOS = {form: file_of(photo(), form) for form in FORMS}
NOISE = encoded(file_of(Image.effect_noise((64, 48), 90).convert("RGB"), "png"))


def converted(file: bytes, form: ConvertibleFormat, compression: int | None = None) -> Image.Image:
    result = convert(encoded(file), Encoding(form, compression))
    image = Image.open(io.BytesIO(result.content))
    image.load()
    assert image.format == form.upper()
    assert image.size == result.size
    return image


def weight(compression: int | None, form: ConvertibleFormat) -> int:
    return len(convert(NOISE, Encoding(form, compression)).content)


@pytest.mark.parametrize("source", FORMS)
@pytest.mark.parametrize("target", FORMS)
def test_every_format_becomes_every_other(
    source: ConvertibleFormat, target: ConvertibleFormat
) -> None:
    image = converted(PHOTOS[source], target)

    assert image.size == (64, 48)
    red, _, _ = (band.getextrema() for band in image.convert("RGB").split())
    assert red[0] < 10  # type: ignore[operator]
    assert red[1] > 245  # type: ignore[operator]


def test_from_png_to_png_no_pixel_changes() -> None:
    assert converted(PHOTOS["png"], "png").tobytes() == photo().tobytes()


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_less_is_kept_by_a_lower_percentage(form: ConvertibleFormat) -> None:
    weights = [weight(percent, form) for percent in (0, 30, 60, 100)]
    assert weights == sorted(set(weights))


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_the_default_compression_is_100_percent(form: ConvertibleFormat) -> None:
    assert weight(None, form) == weight(100, form)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_are_white_in_a_jpeg(mode: str) -> None:
    clear = Image.new("RGBA", (64, 48), (255, 0, 0, 0)).convert(mode)
    options = {"transparency": 0} if mode == "P" else {}

    assert converted(file_of(clear, "png", **options), "jpeg").getpixel((5, 5)) == (255, 255, 255)


def test_half_transparent_red_is_pink_on_white() -> None:
    half = Image.new("RGBA", (64, 48), (255, 0, 0, 128))

    red, green, blue = converted(file_of(half, "png"), "jpeg").getpixel((5, 5))  # type: ignore[misc]
    assert red > 250
    assert 120 < green < 135
    assert 120 < blue < 135


@pytest.mark.parametrize("form", ["png", "webp"])
def test_other_formats_stay_transparent(form: ConvertibleFormat) -> None:
    half = Image.new("RGBA", (64, 48), (255, 0, 0, 128))

    assert converted(file_of(half, "png"), form).getchannel("A").getextrema() == (128, 128)


@pytest.mark.parametrize("mode", ["L", "1", "I;16", "CMYK"])
def test_other_color_modes_become_rgb(mode: str) -> None:
    source = Image.new(mode, (64, 48))
    file = file_of(source, "jpeg" if mode == "CMYK" else "png")

    assert converted(file, "webp").mode == "RGB"


@pytest.mark.parametrize("source", FORMS)
@pytest.mark.parametrize("target", FORMS)
def test_the_color_profile_is_kept(source: ConvertibleFormat, target: ConvertibleFormat) -> None:
    file = file_of(photo(), source, icc_profile=SRGB)
    assert converted(file, target).info["icc_profile"] == SRGB


def test_the_profile_of_another_color_space_is_not() -> None:
    file = file_of(photo("L"), "png", icc_profile=SRGB)
    assert "icc_profile" not in converted(file, "webp").info


def test_a_turned_image_is_upright_afterwards() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    image = converted(file_of(photo(), "jpeg", exif=exif), "png")

    assert image.size == (48, 64)
    assert not image.getexif()


@pytest.mark.parametrize("target", FORMS)
def test_all_other_metadata_is_dropped(target: ConvertibleFormat) -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRET"
    options = {"exif": exif, "comment": b"SECRET", "xmp": b"<x>SECRET</x>"}
    file = file_of(photo(), "jpeg", **options)
    assert file.count(b"SECRET") == 3

    assert b"SECRET" not in convert(encoded(file), Encoding(target)).content


def bomb(width: int, height: int) -> bytes:
    """Return a small PNG that says it is large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    return start + struct.pack(">I", zlib.crc32(chunk)) + PHOTOS["png"][33:]


@pytest.mark.parametrize(("width", "height"), [(8192, 4097), (65535, 65535)])
def test_an_image_that_is_larger_than_any_provider_makes_is_not_decoded(
    width: int, height: int
) -> None:
    assert width * height > MAX_PIXELS
    with pytest.raises(ValueError, match="pixels"):
        convert(encoded(bomb(width, height)), Encoding("jpeg"))


def test_an_image_that_shows_its_true_size_late_is_not_decoded() -> None:
    file = PHOTOS["jpeg"]
    start = file.index(b"\xff\xc0")
    frame = file[start : start + 19]
    large = frame[:5] + struct.pack(">HH", 65000, 65000) + frame[9:]
    with pytest.raises(ValueError, match="cannot be decoded"):
        convert(encoded(file[: start + 19] + large + file[start + 19 :]), Encoding("png"))


@given(st.sampled_from(FORMS), st.data())
def test_a_damaged_image_is_converted_or_refused_and_nothing_else(
    form: ConvertibleFormat, data: st.DataObject
) -> None:
    file = bytearray(PHOTOS[form])
    for position in data.draw(st.lists(st.integers(0, len(file) - 1), max_size=8)):
        file[position] = data.draw(st.integers(0, 255))
    file = file[: data.draw(st.integers(0, len(file)))]
    try:
        result = convert(encoded(bytes(file)), Encoding("webp"))
    except ValueError:
        return
    assert read_header(encoded(result.content)).size == result.size
    assert result.size.pixels <= MAX_PIXELS


def test_the_size_is_that_of_the_new_image() -> None:
    assert convert(encoded(PHOTOS["png"]), Encoding("jpeg")).size == Size(64, 48)
