"""What is found out while an image passes is what the whole of it shows, however it is cut."""

import struct

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from tintype_gateway.images.base64_view import decode
from tintype_gateway.images.container import (
    LAST_BYTES,
    Scanner,
    has_c2pa,
    is_whole,
    require_well_formed,
)
from tintype_simulator.painting.content_credentials import with_manifest
from tintype_testing.cuts import cut
from tintype_testing.sample_images import drawn, encoded, png_chunk

FORMS = ["png", "jpeg", "webp"]
FILES = {form: drawn(form, 64, 48) for form in FORMS}
MARKED = {form: with_manifest(FILES[form], form) for form in FORMS}
REFUSED = "refused"

cuts = st.lists(st.integers(0, 10**6), max_size=12)


def webp_chunk(name: bytes, content: bytes = b"") -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def scanned(text: bytes, form: str, places: list[int]) -> object:
    scanner = Scanner(form)
    try:
        for piece in cut(text, places):
            scanner.feed(piece)
        whole = scanner.is_whole()
    except ValueError:
        return REFUSED
    return whole, scanner.has_c2pa


def seen(text: bytes, form: str) -> object:
    """Return what the whole text shows at once."""
    try:
        decode(text)
        require_well_formed(text, form)
        return is_whole(text, form, None), has_c2pa(text, form, None)
    except ValueError:
        return REFUSED


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 16, 100, 10**6])
@pytest.mark.parametrize("form", FORMS)
def test_pieces_of_any_size_show_the_same(form: str, size: int) -> None:
    for file, marked in ((FILES[form], False), (MARKED[form], True)):
        text = encoded(file)
        assert scanned(text, form, list(range(0, len(text), size))) == (True, marked)


PARTS = {
    "png": [
        png_chunk(b"IDAT", bytes(100)),
        png_chunk(b"caBX"),
        png_chunk(b"IHDR", bytes(13)),
        png_chunk(b"IEND"),
        png_chunk(b"tEXt") * 1025,
    ],
    "jpeg": [
        b"\xff\xeb\0\x20JP" + b"c2pa" * 7,
        b"\xff\xe1\0\x10" + b"\xff\xd9" * 7,
        b"\xff\xeb\0\4JP",
        b"\xff",
        b"\xff\xd9",
        b"\xff\xda\0\2",
        b"\xff\xfe\0\2" * 1025,
        FILES["jpeg"][FILES["jpeg"].index(b"\xff\xc0") :][:19],
    ],
    "webp": [
        webp_chunk(b"C2PA"),
        webp_chunk(b"EXIF", bytes(101)),
        webp_chunk(b"EXIF") * 1025,
        b"RIFF",
    ],
}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FORMS), st.data(), cuts)
def test_any_file_shows_the_same(form: str, data: st.DataObject, places: list[int]) -> None:
    """Parts are put in, bytes are changed, and the end is cut off or followed by others."""
    file = bytearray(data.draw(st.sampled_from([FILES[form], MARKED[form]])))
    for _ in range(data.draw(st.integers(0, 3))):
        ends = [2, 8, 12, 20, 33, len(file) - 2, len(file) - 12, len(file)]
        place = data.draw(st.sampled_from(ends) | st.integers(0, len(file)))
        file[place:place] = data.draw(st.sampled_from(PARTS[form]))
    for _ in range(data.draw(st.integers(0, 3))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del file[data.draw(st.integers(0, len(file))) :]
    file += data.draw(st.binary(max_size=90) | st.sampled_from([bytes(2500)]))
    text = encoded(bytes(file))
    expected = seen(text, form)
    event(f"{form}: {expected}")
    if form == "jpeg" and b"\xff\xd9" not in file[-LAST_BYTES:]:
        assume(expected not in [(True, False), (True, True)])  # the one difference: see below

    assert scanned(text, form, places) == expected


@given(st.sampled_from(FORMS), st.integers(0, 10**6), st.sampled_from(b"=!\n-\xff"), cuts)
def test_damaged_base64_shows_the_same(
    form: str, place: int, damage: int, places: list[int]
) -> None:
    text = bytearray(encoded(MARKED[form]))
    text[place % len(text)] = damage
    assert scanned(bytes(text), form, places) == seen(bytes(text), form)


@given(st.sampled_from(FORMS), st.integers(1, 3), cuts)
def test_a_text_of_an_impossible_length_was_cut_off(
    form: str, missing: int, places: list[int]
) -> None:
    text = encoded(FILES[form])[:-missing]
    assert scanned(text, form, places) == REFUSED


@pytest.mark.parametrize("form", FORMS)
def test_the_memory_does_not_grow_with_the_image(form: str) -> None:
    scanner = Scanner(form)
    text = encoded(FILES[form][:-12] + b"\x7f" * 600_000)
    for start in range(0, len(text), 1000):
        scanner.feed(text[start : start + 1000])
        kept = [value for value in vars(scanner).values() if isinstance(value, bytes)]
        assert sum(map(len, kept)) <= LAST_BYTES + 200


def test_a_jpeg_must_show_its_end_among_its_last_characters() -> None:
    text = encoded(FILES["jpeg"] + bytes(LAST_BYTES))
    assert seen(text, "jpeg") == (True, False)
    assert scanned(text, "jpeg", []) == (False, False)


def png_of(lengths: list[int], mark_before: int | None, damaged: int | None) -> bytes:
    """Return a PNG with pixels in chunks of these lengths, as encoders of large images write them.

    A manifest stands before one of them, and the type of one is `damaged`.
    """
    head = FILES["png"][: 8 + 25]
    chunks = [
        png_chunk(b"IDAT" if index != damaged else b"IHDR", bytes(length))
        for index, length in enumerate(lengths)
    ]
    if mark_before is not None:
        chunks.insert(mark_before, png_chunk(b"caBX", b"c2pa"))
    return b"".join([head, *chunks, png_chunk(b"IEND", b"")])


@given(
    st.lists(st.integers(1000, 1060) | st.integers(0, 5000), min_size=1, max_size=12),
    st.none() | st.integers(0, 12),
    st.none() | st.integers(0, 12),
    cuts,
)
def test_the_chunks_of_large_images_show_the_same(
    lengths: list[int], mark_before: int | None, damaged: int | None, places: list[int]
) -> None:
    text = encoded(png_of(lengths, mark_before, damaged))

    found = scanned(text, "png", places)

    assert found == seen(text, "png")
    is_damaged = damaged is not None and damaged < len(lengths)
    assert found == (REFUSED if is_damaged else (True, mark_before is not None))


@given(st.integers(0, 30_000), st.sampled_from(b'"\\-_=! \n\0\xff'), cuts)
def test_damage_anywhere_in_a_large_image_is_refused(
    place: int, damage: int, places: list[int]
) -> None:
    text = bytearray(encoded(png_of([3000] * 7, None, None)))
    text[place % (len(text) - 2)] = damage  # the last two may be padding

    assert scanned(bytes(text), "png", places) == REFUSED
