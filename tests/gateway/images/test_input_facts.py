"""The format and size of an upload come from its bytes, not from its declared type."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tintype_catalog.sizes import Size
from tintype_gateway.images.files import AssembledContent
from tintype_gateway.images.formats.exif import orientation_of
from tintype_gateway.images.formats.facts import InputFacts
from tintype_gateway.images.input_error import InputImageError
from tintype_gateway.images.input_inspection import inspect_input
from tintype_testing.sample_photos import (
    exif,
    file_of,
    heic,
    multi_image_jpeg,
    photo,
    scene,
    upload,
)

SIZE = Size(48, 32)


def facts_of(data: bytes) -> InputFacts:
    return inspect_input(upload(data))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


SAMPLES = {
    "jpeg": photo("jpeg"),
    "png": photo("png"),
    "webp": photo("webp"),
    "heic": heic(scene()),
    "gif": file_of(scene().quantize(16), "gif"),
}


@pytest.mark.parametrize("form", SAMPLES)
def test_format_and_size_are_read_from_the_bytes(form: str) -> None:
    facts = facts_of(SAMPLES[form])
    assert (facts.format, facts.upright) == (form, SIZE)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_the_size_is_that_of_the_upright_image(form: str, orientation: int) -> None:
    assert facts_of(photo(form, orientation)).upright == SIZE


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_heic_is_turned_by_its_own_box(orientation: int) -> None:
    assert facts_of(heic(scene(), orientation)).upright == SIZE


def test_a_phone_s_multi_image_jpeg_is_a_jpeg_with_more_images() -> None:
    facts = facts_of(multi_image_jpeg(scene()))
    assert facts.format == "jpeg"
    assert facts.is_multiple


@pytest.mark.parametrize(
    ("image", "form", "colors", "bits", "has_alpha"),
    [
        (scene().convert("L"), "jpeg", "gray", 8, False),
        (scene().convert("CMYK"), "jpeg", "cmyk", 8, False),
        (scene().convert("RGBA"), "png", "rgb", 8, True),
        (scene().convert("LA"), "png", "gray", 8, True),
        (scene().quantize(16), "png", "palette", 4, False),
        (Image.new("I;16", SIZE, 40_000), "png", "gray", 16, False),
        (Image.new("1", SIZE), "png", "gray", 1, False),
        (scene().convert("RGBA"), "webp", "rgb", 8, False),
        (Image.new("RGBA", SIZE, (1, 2, 3, 4)), "webp", "rgb", 8, True),
    ],
)
def test_color_facts_are_read(
    image: Image.Image, form: str, colors: str, bits: int, *, has_alpha: bool
) -> None:
    facts = facts_of(file_of(image, form))
    assert (facts.colors, facts.bits, facts.has_alpha) == (colors, bits, has_alpha)


def test_a_color_key_is_an_alpha_channel() -> None:
    assert facts_of(file_of(scene(), "png", transparency=(0, 0, 0))).has_alpha


def test_a_heic_tells_its_alpha_channel() -> None:
    assert facts_of(heic(Image.new("RGBA", SIZE, (1, 2, 3, 4)))).has_alpha
    assert not facts_of(heic(scene())).has_alpha


@pytest.mark.parametrize("form", ["png", "webp", "gif"])
def test_animations_are_distinguished_from_single_frames(form: str) -> None:
    frames = [scene(), scene().transpose(Image.Transpose.ROTATE_180)]
    animated = file_of(frames[0], form, save_all=True, append_images=frames[1:], duration=100)
    assert facts_of(animated).is_animated
    assert not facts_of(file_of(frames[0], form)).is_animated


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (file_of(scene(), "tiff"), "a TIFF image"),
        (file_of(scene(), "bmp"), "a BMP image"),
        (file_of(scene(), "avif"), "an AVIF image"),
        (file_of(scene(), "ico"), "an icon"),
        (b"%PDF-1.7", "a PDF document"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG image"),
        (b"GIF88a" + bytes(64), "not an image that is known here"),
        (b"hello", "not an image that is known here"),
    ],
)
def test_an_error_names_the_sent_and_the_accepted_values(data: bytes, words: str) -> None:
    with pytest.raises(InputImageError) as raised:
        inspect_input(upload(data, "image[2]"))
    error = raised.value.response_error()
    assert words in error.message
    assert "PNG, JPEG, WebP, HEIC and GIF" in error.message
    assert (error.status, error.param, error.code) == (400, "image[2]", "invalid_image_file")


@pytest.mark.parametrize("form", SAMPLES)
def test_a_file_that_breaks_off_is_refused(form: str) -> None:
    whole = SAMPLES[form]
    for length in (len(whole) // 3, len(whole) * 2 // 3, len(whole) - 3):
        with pytest.raises(InputImageError):
            facts_of(whole[:length])


@given(
    form=st.sampled_from(sorted(SAMPLES)),
    position=st.floats(0, 1, exclude_max=True),
    junk=st.binary(min_size=1, max_size=8),
)
def test_damaged_files_are_refused_or_described(form: str, position: float, junk: bytes) -> None:
    whole = SAMPLES[form]
    at = int(len(whole) * position)
    damaged = whole[:at] + junk + whole[at + len(junk) :]
    try:
        facts = facts_of(damaged)
    except InputImageError:
        return
    assert facts.size.pixels > 0
    bare = AssembledContent(upload(damaged).content, facts.bare)
    assert len(bare.read(0, len(damaged))) == bare.length


def test_a_file_of_very_many_tiny_parts_is_refused() -> None:
    data = photo("png")
    stuffed = data[:33] + chunk(b"tEXt", b"a\0b") * 1100 + data[33:]
    with pytest.raises(InputImageError, match="tiny parts"):
        facts_of(stuffed)
    data = photo("jpeg")
    with pytest.raises(InputImageError, match="tiny parts"):
        facts_of(data[:2] + b"\xff\xfe\0\4ab" * 1100 + data[2:])
    with pytest.raises(InputImageError, match="tiny parts"):
        facts_of(data[:2] + b"\xff" * 1100 + data[2:])


def test_a_second_frame_header_is_refused() -> None:
    data = photo("jpeg")
    at = data.index(b"\xff\xc0")
    frame = data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4])]
    with pytest.raises(InputImageError, match="two frame headers"):
        facts_of(data[:at] + frame + data[at:])


def test_a_jpeg_of_very_many_scans_is_refused() -> None:
    data = photo("jpeg")
    scan = data[data.index(b"\xff\xda") : -2]
    with pytest.raises(InputImageError, match="100 scans"):
        facts_of(data[:-2] + scan * 100 + data[-2:])


def test_a_heic_that_hides_most_of_its_pixels_is_refused() -> None:
    data = heic(scene())
    extent = struct.pack(">II", 64, 64)
    with pytest.raises(InputImageError, match="not supported"):
        facts_of(data.replace(extent, struct.pack(">II", 30_000, 30_000)))


@given(st.binary(max_size=64))
def test_an_orientation_is_always_one_of_eight(data: bytes) -> None:
    assert 1 <= orientation_of(data) <= 8
    assert 1 <= orientation_of(b"MM\0*\0\0\0\x08" + data) <= 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_orientation_is_read_in_both_byte_orders(orientation: int) -> None:
    big = exif(orientation).tobytes().removeprefix(b"Exif\0\0")
    entry = struct.pack("<HHIHH", 0x112, 3, 1, orientation, 0)
    little = b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry
    assert big.startswith(b"MM")
    assert orientation_of(big) == orientation_of(little) == orientation


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_unknown_orientation_is_upright(orientation: int) -> None:
    assert facts_of(file_of(scene(), "jpeg", exif=exif(orientation))).orientation == 1
