"""What the decoder is asked, and given: nothing but what it and our own reading agree on."""

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tintype_catalog.sizes import Size
from tintype_gateway.images.container import read_header
from tintype_gateway.images.decoder import MAX_PIXELS, MAX_SCANS, ask_decoder, decoded
from tintype_gateway.images.inspection import inspect_fully, inspect_quickly
from tintype_testing.sample_images import drawn, encoded

FORMS = ["png", "jpeg", "webp"]
FILES = {form: drawn(form, 64, 48) for form in FORMS}
PROGRESSIVE = drawn("jpeg", 64, 48, progressive=True)
FRAME = FILES["jpeg"].index(b"\xff\xc0")


def png_chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def ihdr(width: int, height: int) -> bytes:
    return png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def frame(width: int, height: int) -> bytes:
    start = FILES["jpeg"][FRAME : FRAME + 19]
    return start[:5] + struct.pack(">HH", height, width) + start[9:]


def two_headed_png(edge: int = 8000) -> bytes:
    """Return a PNG of 16x16 pixels by its first header, and of `edge` squared by its second."""
    file = io.BytesIO()
    Image.new("RGB", (edge, edge)).save(file, "png", compress_level=9)
    return file.getvalue()[:8] + ihdr(16, 16) + file.getvalue()[8:]


def decode(file: bytes) -> Size:
    with decoded(encoded(file)) as image:
        return Size(*image.size)


@pytest.mark.parametrize("form", FORMS)
def test_an_ordinary_image_is_decoded(form: str) -> None:
    assert decode(FILES[form]) == (64, 48)


def test_a_bomb_behind_a_second_header_is_refused() -> None:
    file = two_headed_png()
    assert len(file) < 250_000
    assert read_header(encoded(file)).size == (16, 16)

    with pytest.raises(ValueError, match="pixels"):
        decode(file)


@pytest.mark.parametrize("place", [8, 33, -12], ids=["first", "second", "last"])
@pytest.mark.parametrize("size", [(64, 48), (16, 16)])
def test_a_second_header_is_refused_wherever_it_is(place: int, size: tuple[int, int]) -> None:
    file = FILES["png"]
    with pytest.raises(ValueError, match=r"one IHDR|its header shows"):
        decode(file[:place] + ihdr(*size) + file[place:])


@pytest.mark.parametrize("size", [(64, 48), (16, 16)])
def test_a_second_frame_of_a_jpeg_is_refused(size: tuple[int, int]) -> None:
    file = FILES["jpeg"]
    with pytest.raises(ValueError, match=r"one frame header|its header shows"):
        decode(file[: FRAME + 19] + frame(*size) + file[FRAME + 19 :])


def test_a_jpeg_of_very_many_scans_is_refused() -> None:
    first = PROGRESSIVE.index(b"\xff\xda")
    second = PROGRESSIVE.index(b"\xff\xda", first + 2)
    scan = PROGRESSIVE[first:second]
    assert decode(PROGRESSIVE) == (64, 48)

    with pytest.raises(ValueError, match="scans"):
        decode(PROGRESSIVE[:first] + scan * MAX_SCANS + PROGRESSIVE[first:])


HEADERS: dict[str, Callable[[int, int], bytes]] = {
    "png": ihdr,
    "jpeg": frame,
    "webp": lambda width, height: (
        b"VP8X\x0a\0\0\0\0\0\0\0"
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little")
    ),
}


@given(st.sampled_from(FORMS), st.data())
def test_a_decoded_image_has_the_size_of_its_header(form: str, data: st.DataObject) -> None:
    """Headers are added, bytes are changed, and parts are cut out, in all combinations."""
    file = bytearray(FILES[form])
    for _ in range(data.draw(st.integers(0, 2))):
        edges = st.integers(1, 300) | st.just(16000)
        header = HEADERS[form](data.draw(edges), data.draw(edges))
        place = data.draw(st.sampled_from([8, 12, 33, FRAME, FRAME + 19]) | st.integers(0, 200))
        file[place:place] = header
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(file) - 1))
        file[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(file)))
    del file[cut : cut + data.draw(st.integers(0, 3))]
    text = encoded(bytes(file))
    try:
        with decoded(text) as image:
            size = Size(*image.size)
            assert image.im.size == size
    except ValueError:
        return
    assert size.pixels <= MAX_PIXELS
    try:
        shown = read_header(text, None)
    except ValueError:  # then the decoder alone could tell
        shown = ask_decoder(text)
    assert shown.size == size


def test_pillow_reads_headers_that_the_gateway_cannot() -> None:
    file = FILES["jpeg"]
    text = encoded(file[:20] + b"junk that decoders skip" + file[20:])
    with pytest.raises(ValueError, match="shows no size"):
        inspect_quickly(text, find_c2pa=True)

    assert inspect_fully(text, find_c2pa=True) == ("jpeg", Size(64, 48), False)
    assert decode(file[:20] + b"junk" + file[20:]) == (64, 48)


@pytest.mark.parametrize(
    "file",
    [
        FILES["jpeg"][:20] + b"x" * 1_000_000 + FILES["jpeg"][20:],
        FILES["jpeg"][:20] + b"\xff" * 1_000_000 + FILES["jpeg"][20:],
        FILES["jpeg"][:20] + b"x" + frame(65000, 65000) + FILES["jpeg"][FRAME + 19 :],
        FILES["png"][:8] + png_chunk(b"tEXt", b"") * 50_000 + FILES["png"][8:],
        drawn("bmp", 64, 48),
    ],
    ids=["junk", "fill bytes", "a bomb", "chunks", "another format"],
)
def test_beyond_its_bounds_the_decoder_does_not_tell_either(file: bytes) -> None:
    with pytest.raises(ValueError, match=r"not the first bytes|shows no size|tiny parts"):
        inspect_fully(encoded(file), find_c2pa=True)


@pytest.mark.parametrize("form", FORMS)
def test_both_inspections_agree_on_an_ordinary_image(form: str) -> None:
    text = encoded(FILES[form])
    assert inspect_quickly(text, find_c2pa=True) == inspect_fully(text, find_c2pa=True)
