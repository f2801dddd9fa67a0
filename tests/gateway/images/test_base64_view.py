"""Random access to what a base64 text stands for."""

import base64
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.images.base64_view import EncodedBytes, decode, encoded


@given(st.binary(max_size=200), st.integers(0, 210), st.integers(0, 210))
def test_it_reads_the_same_bytes_as_a_full_decoding(content: bytes, start: int, count: int) -> None:
    file = EncodedBytes(memoryview(base64.b64encode(content)))

    assert len(file) == len(content)
    assert file.read(start, count) == content[start : start + count]


@given(st.integers(1, 400).filter(lambda length: length % 4))
def test_a_text_of_an_impossible_length_was_cut_off(length: int) -> None:
    with pytest.raises(ValueError, match="cut off"):
        EncodedBytes(b"A" * length)


@pytest.mark.parametrize("text", [b"AA\nA", b"AA-A", b"A===", "AAA\xc3".encode("latin-1")])
def test_text_that_is_not_base64_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="base64"):
        decode(text)


def test_only_the_bytes_read_are_decoded() -> None:
    file = EncodedBytes(b"AAAA" + b"!!!!" * 1000 + b"AAAA")

    assert file.read(0, 3) == file.read(3003, 3) == bytes(3)


@given(st.lists(st.binary(max_size=9)))
async def test_pieces_of_any_length_are_encoded_as_the_whole(pieces: Sequence[bytes]) -> None:
    async def arriving() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    text = [each async for each in encoded(arriving())]

    assert b"".join(text) == base64.b64encode(b"".join(pieces))
    assert all(text)
