"""Server-sent events, read from chunks and written in pieces."""

import json
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.upstream.sse import (
    LINES_AT_ONCE,
    MAX_LINES,
    EndlessEventError,
    EventParser,
    event,
    image_event,
)
from tintype_testing.cuts import cut

LIMIT = 1000

texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20)
data_lines = st.lists(texts, min_size=1, max_size=3).filter(lambda lines: any(lines))
ends = st.sampled_from(["\n", "\r\n", "\r"])


def parsed(chunks: Sequence[bytes]) -> list[bytes]:
    parser = EventParser(LIMIT)
    return [bytes(data) for chunk in chunks for data in parser.feed(chunk) if data]


@given(st.lists(data_lines, max_size=4), ends, st.lists(st.integers(0, 10**6), max_size=8))
def test_events_are_the_same_however_they_are_cut_and_lines_end(
    events: list[list[str]], end: str, places: list[int]
) -> None:
    text = "".join(
        "".join(f"data: {line}{end}" for line in lines) + end for lines in events
    ).encode()

    found = parsed(cut(text, places))

    # A line that is empty adds nothing to an event that has not begun.
    expected = ["\n".join(lines).lstrip("\n") for lines in events]
    assert [data.decode() for data in found] == expected


@given(
    st.lists(st.sampled_from([b"data: x", b"data:", b"yz", b"\n", b"\r", b"\r\n"]), max_size=20),
    st.lists(st.integers(0, 10**6), max_size=8),
)
def test_line_ends_may_be_mixed(words: list[bytes], places: list[int]) -> None:
    text = b"".join(words)

    assert parsed(cut(text, places)) == list(plainly_parsed(text))


def plainly_parsed(text: bytes) -> Iterator[bytes]:
    """Yield what the lines of a whole text say, found in the simplest way."""
    said: list[bytes] = []
    for line in text.splitlines(keepends=True):
        if line in (b"\n", b"\r", b"\r\n"):
            if any(said):
                yield b"\n".join(said).lstrip(b"\n")
            said = []
        elif line.startswith(b"data:") and line.endswith((b"\n", b"\r")):
            said.append(line.removeprefix(b"data:").removeprefix(b" ").rstrip(b"\r\n"))


def test_a_line_end_that_is_cut_in_two_is_one_and_the_next_one_counts() -> None:
    assert parsed([b"data: x\r", b"\n", b"\n", b"data: y\r", b"\n\r\n"]) == [b"x", b"y"]


def test_all_but_data_is_skipped() -> None:
    text = b": ping\n\nevent: x\nid: 7\nretry: 1\n\nevent: y\ndata:{}\nnonsense\n\n"

    assert parsed([text]) == [b"{}"]


def test_an_event_that_the_stream_ends_in_is_none() -> None:
    assert parsed([b"data: whole\n\ndata: cut\n"]) == [b"whole"]


def test_a_caller_can_let_others_run_between_very_many_lines() -> None:
    found = list(EventParser(LIMIT).feed(b"\n" * 1000 + b"data: x\n\n"))

    assert found == [None] * (1000 // LINES_AT_ONCE) + [b"x"]


@pytest.mark.parametrize("line", [b"\n", b"\r", b"\r\n", b": ping\n", b"data: x\n\n"])
@pytest.mark.parametrize("size", [1000, 10**9])
def test_a_stream_has_a_limit_of_lines(line: bytes, size: int) -> None:
    text = line * (MAX_LINES + 1)
    with pytest.raises(EndlessEventError):
        parsed([text[start : start + size] for start in range(0, len(text), size)])


@pytest.mark.parametrize(
    "text",
    [
        b"data: " + b"x" * LIMIT,
        b"data: " + b"x" * (LIMIT // 2) + b"\ndata: " + b"x" * (LIMIT // 2) + b"\n",
        b"data: x\n" * LIMIT,
    ],
)
def test_an_event_that_does_not_end_is_given_up(text: bytes) -> None:
    with pytest.raises(EndlessEventError):
        parsed(cut(text, list(range(0, len(text), 7))))


@given(texts, st.dictionaries(texts, texts | st.integers() | st.none(), min_size=1))
def test_a_written_event_is_read_back(name: str, fields: dict[str, object]) -> None:
    (data,) = EventParser(10**6).feed(b"".join(event("x", {"fields": fields, "name": name})))

    assert json.loads(data or b"") == {"type": "x", "fields": fields, "name": name}


def test_an_image_stands_in_its_event_as_the_bytes_that_arrived() -> None:
    base64 = memoryview(b"iVBORw0KGgo=")

    pieces = image_event("drawn", base64, {"index": 0})

    assert pieces[1] is base64
    assert b"".join(pieces) == (
        b'event: drawn\ndata: {"type": "drawn", "b64_json": "iVBORw0KGgo=", "index": 0}\n\n'
    )
