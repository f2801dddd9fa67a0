"""The chunks of a body hold its parts, whatever was announced."""

from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.http.chunks import Chunks

PARTS = st.lists(st.binary(max_size=40), max_size=6)


def unframed(written: bytes) -> tuple[bytes, list[int]]:
    """Return the body that a client reads, and the lengths of its chunks."""
    body, lengths = b"", list[int]()
    while True:
        line, _, rest = written.partition(b"\r\n")
        length = int(line, 16)
        if not length:
            assert rest == b"\r\n"
            return body, lengths
        assert rest[length : length + 2] == b"\r\n"
        body += rest[:length]
        lengths.append(length)
        written = rest[length + 2 :]


@given(PARTS, st.binary(max_size=40))
def test_each_part_is_a_chunk(parts: list[bytes], last: bytes) -> None:
    chunks = Chunks()

    written = b"".join([*map(chunks.framed, parts), chunks.ended(last)])

    body, lengths = unframed(written)
    assert body == b"".join([*parts, last])
    assert lengths == [len(part) for part in [*parts, last] if part]


@given(PARTS, st.integers(1, 200), PARTS, st.binary(max_size=40))
def test_a_chunk_that_was_begun_has_its_length(
    before: list[bytes], length: int, parts: list[bytes], last: bytes
) -> None:
    chunks = Chunks()
    written = [*map(chunks.framed, before)]
    chunks.begin(length)
    written += [chunks.framed(memoryview(part)) for part in parts]
    written.append(chunks.ended(last))

    body, lengths = unframed(b"".join(written))

    missing = max(length - len(b"".join([*parts, last])), 0)
    assert body == b"".join([*before, *parts, last]) + b" " * missing
    assert lengths[sum(map(bool, before))] == length


def test_what_is_in_the_middle_of_a_chunk_is_not_copied() -> None:
    chunks, piece = Chunks(), b"xyz"
    chunks.begin(100)
    chunks.framed(b"first")

    assert chunks.framed(piece) is piece
