"""Google may write base64 in either alphabet, padded or not: it leaves the gateway in one form."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.dialects.google.standard_base64 import standard_base64
from tintype_testing.sample_images import drawn

PNG, JPEG = drawn("png", 40, 30), drawn("jpeg", 40, 30)

UNPADDED = base64.b64encode(PNG).rstrip(b"=")
CUT_OFF = [length for length in range(len(UNPADDED) - 12, len(UNPADDED)) if length % 4]
"""Lengths that tell of themselves that something is missing; of others only a decoder can tell."""


def test_standard_base64_is_not_copied() -> None:
    view = memoryview(b"iVBO" * 200_000)

    standard = standard_base64(view)

    assert isinstance(standard, memoryview)
    assert standard.obj is view.obj


@pytest.mark.parametrize(
    ("text", "standard"),
    [("----", b"++++"), ("____", b"////"), ("A-_A", b"A+/A"), ("+/-_", b"+/+/"), ("", b"")],
)
def test_the_letters_of_the_other_alphabet_are_replaced(text: str, standard: bytes) -> None:
    assert standard_base64(text) == standard


@pytest.mark.parametrize("letter", [b"-", b"_"])
@pytest.mark.parametrize("place", [0, 262_143, 262_144, 799_999])
def test_they_are_found_wherever_they_are(letter: bytes, place: int) -> None:
    text = bytearray(b"iVBO" * 200_000)
    text[place : place + 1] = letter

    standard = standard_base64(memoryview(bytes(text)))

    assert bytes(standard) == bytes(text).replace(b"-", b"+").replace(b"_", b"/")


@pytest.mark.parametrize("file", [PNG, JPEG], ids=["png", "jpeg"])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_the_padding_of_a_whole_image_is_completed(file: bytes, before: int) -> None:
    standard = base64.b64encode(b"\xff" * before + file)

    assert standard_base64(standard.rstrip(b"=").decode()) == standard
    assert standard_base64(memoryview(standard.rstrip(b"="))) == standard


@pytest.mark.parametrize("length", CUT_OFF)
def test_an_image_that_was_cut_off_is_not_completed(length: int) -> None:
    with pytest.raises(ValueError, match="base64"):
        standard_base64(memoryview(UNPADDED[:length]))


@pytest.mark.parametrize("text", ['","x":"a', '-","x":"', '","x":"', "A\nAA", "AAAAA", "Ω", "A=AA"])
def test_invalid_base64_cannot_leave_its_quotes(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64|ascii"):
        standard_base64(text)


@given(st.binary(max_size=300), st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]))
def test_any_file_comes_out_as_it_went_in(file: bytes, encode: Callable[[bytes], bytes]) -> None:
    assert base64.b64decode(standard_base64(encode(file).decode()), validate=True) == file
