"""What the first bytes of an image tell."""

import base64
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.sizes import Size
from tintype_gateway.images.container import LongWalkError, read_header
from tintype_testing.sample_images import drawn, encoded, sample_image

SIZES = [(1, 1), (64, 48), (1536, 1024), (255, 16000)]

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "png": ("png", {}),
    "png with alpha": ("png", {"mode": "RGBA"}),
    "baseline jpeg": ("jpeg", {}),
    "progressive jpeg": ("jpeg", {"progressive": True, "optimize": True}),
    "grey jpeg": ("jpeg", {"mode": "L"}),
    "lossy webp": ("webp", {"lossless": False}),
    "lossless webp": ("webp", {"lossless": True}),
    "extended webp": ("webp", {"mode": "RGBA", "exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0"}),
}
IMAGES = [sample_image(form, **options) for form, options in KINDS.values()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_header_tells_format_and_size(kind: str, width: int, height: int) -> None:
    form, options = KINDS[kind]
    header = read_header(sample_image(form, width, height, **options))
    assert header == (form, Size(width, height))


def test_the_three_forms_of_webp_are_all_among_the_images() -> None:
    chunks = {base64.b64decode(text)[12:16] for text in IMAGES if text.startswith(b"UklGR")}
    assert chunks == {b"VP8 ", b"VP8L", b"VP8X"}


def test_the_size_of_an_extended_webp_is_that_of_its_canvas_with_alpha() -> None:
    text = sample_image("webp", 300, 20, mode="RGBA", lossless=False, icc_profile=b"\0" * 128)
    assert read_header(text) == ("webp", Size(300, 20))


@pytest.mark.parametrize(
    "metadata",
    [
        {"exif": b"Exif\0\0" + b"\0" * 60_000},
        {"icc_profile": b"\0" * 500_000},
        {"comment": b"x" * 65_000},
        {"exif": b"Exif\0\0" + b"\xff\xc0" * 20_000, "icc_profile": b"\xff\xc2" * 100_000},
    ],
    ids=["exif", "icc", "comment", "look-alikes of a frame header"],
)
def test_a_jpeg_tells_its_size_behind_large_metadata(metadata: dict[str, bytes]) -> None:
    text = sample_image("jpeg", 640, 360, progressive=True, **metadata)
    assert len(text) > 50_000
    assert read_header(text) == ("jpeg", Size(640, 360))


@pytest.mark.parametrize("marker", [0xC4, 0xC8, 0xCC])
def test_a_table_in_front_of_the_frame_header_is_not_taken_for_one(marker: int) -> None:
    table = bytes([0xFF, marker, 0, 19]) + b"\x01" * 17
    whole = drawn("jpeg", 64, 48)
    assert read_header(encoded(whole[:2] + table + whole[2:])) == ("jpeg", Size(64, 48))


def test_metadata_may_be_of_any_size() -> None:
    segment = b"\xff\xe1\xff\xff" + b"\xff" * 65533
    file = drawn("jpeg", 64, 48)
    assert read_header(encoded(file[:2] + segment * 60 + file[2:])) == ("jpeg", Size(64, 48))
    with pytest.raises(ValueError, match="shows no size"):
        read_header(encoded(b"\xff\xd8" + segment * 60))


def test_fill_bytes_may_come_before_a_marker() -> None:
    file = drawn("jpeg", 64, 48)
    assert read_header(encoded(file[:2] + b"\xff" * 9 + file[2:])) == ("jpeg", Size(64, 48))


@pytest.mark.parametrize("segment", [b"\xff\xe1\0\2", b"\xff"])
def test_a_jpeg_of_many_tiny_segments_is_refused(segment: bytes) -> None:
    text = encoded(b"\xff\xd8" + segment * 2000 + drawn("jpeg", 64, 48)[2:])
    with pytest.raises(LongWalkError):
        read_header(text)
    with pytest.raises(ValueError, match="tiny parts"):
        read_header(text, None)


def test_a_view_of_a_larger_buffer_is_read_in_place() -> None:
    text = sample_image("webp", 20, 10)
    view = memoryview(b'{"b64_json": "' + text + b'"}')[14:-2]
    assert read_header(view) == ("webp", Size(20, 10))


@pytest.mark.parametrize("form", ["gif", "bmp", "tiff", "ico"])
def test_other_formats_are_refused(form: str) -> None:
    with pytest.raises(ValueError, match="not the first bytes of a PNG, JPEG or WebP image"):
        read_header(encoded(drawn(form, 32, 32)))


@pytest.mark.parametrize("text", [b"", b"====", b"not base64!!", "Ω".encode() * 8, b"AAAA AAAA"])
def test_invalid_base64_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"damaged|cut off"):
        read_header(text)


def test_an_image_without_pixels_is_refused() -> None:
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 8
    with pytest.raises(ValueError, match="cannot be 0x0"):
        read_header(encoded(header + b"\x08\x02\0\0\0" + b"\0" * 16))


@given(st.sampled_from(IMAGES), st.integers(min_value=0))
def test_an_image_cut_within_its_header_is_refused(text: bytes, length: int) -> None:
    cut = base64.b64decode(text)[: length % 30]
    with pytest.raises(ValueError, match="cut off"):
        read_header(encoded(cut))


@given(st.sampled_from(IMAGES), st.integers(min_value=0))
def test_an_image_cut_anywhere_shows_its_own_size_or_is_refused(text: bytes, length: int) -> None:
    whole = read_header(text)
    cut = base64.b64decode(text)[: length % len(text)]
    with suppress(ValueError):
        assert read_header(encoded(cut)) == whole


@given(st.sampled_from(IMAGES), st.integers(min_value=0), st.binary(max_size=3))
def test_damaged_base64_is_read_or_refused(text: bytes, place: int, damage: bytes) -> None:
    place %= len(text)
    with suppress(ValueError):
        read_header(text[:place] + damage + text[place + len(damage) :])


STARTS = [
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    *(b"RIFF\0\0\0\0WEBP" + chunk for chunk in (b"VP8 ", b"VP8L", b"VP8X", b"")),
    b"\xff\xd8\xff",
    b"\xff\xd8\xff\xc0\0\x11\x08",
    b"",
]


@given(st.sampled_from(STARTS), st.binary(max_size=200))
def test_any_bytes_show_a_possible_size_or_are_refused(start: bytes, rest: bytes) -> None:
    with suppress(ValueError):
        header = read_header(encoded(start + rest))
        assert min(header.size) > 0
        assert max(header.size) < 65536


@given(st.binary(max_size=200))
def test_any_text_is_read_or_refused(text: bytes) -> None:
    with suppress(ValueError):
        read_header(text)
