"""A form is parsed alike wherever its bytes are cut, and what is no form is one kind of error."""

import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.http.bodies.multipart_parser import (
    MAX_HEAD_BYTES,
    MAX_PREAMBLE_BYTES,
    FormEnd,
    FormEvent,
    FormParser,
    MalformedFormError,
    PartEnd,
    PartHead,
    boundary_of,
    part_head,
)

BOUNDARY = "b-0"
NAMES = st.text("abc[]_", min_size=1, max_size=6)
CONTENTS = st.binary(max_size=30) | st.lists(
    st.sampled_from([b"\r", b"\n", b"-", b"--", b"b-0", b"\r\n--b-", b"\r\n", b"x"]), max_size=9
).map(b"".join).filter(lambda content: b"\r\n--b-0" not in b"\r\n" + content)
PARTS = st.lists(st.tuples(NAMES, st.none() | NAMES, CONTENTS), max_size=4)

Part = tuple[str, str | None, bytes]


def written(parts: Iterable[Part]) -> bytes:
    body = b""
    for name, filename, content in parts:
        file = "" if filename is None else f'; filename="{filename}"'
        head = f'--b-0\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return body + b"--b-0--\r\n"


def parsed(chunks: Iterable[bytes]) -> list[Part]:
    """Return the parts of a whole form."""
    parser, found = FormParser(BOUNDARY), list[Part]()
    events: list[FormEvent] = [event for chunk in chunks for event in parser.feed(chunk)]
    parser.finish()
    content = b""
    for event in events:
        match event:
            case PartHead(name, filename):
                head, content = (name, filename), b""
            case bytes():
                content += event
            case PartEnd():
                found.append((*head, content))
    assert events[-1] == FormEnd()
    return found


def cut(body: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:stop] for start, stop in pairwise(edges)]


@given(PARTS, st.lists(st.integers(0, 999), max_size=12))
def test_a_form_is_its_parts_wherever_it_is_cut(parts: list[Part], places: list[int]) -> None:
    assert parsed(cut(written(parts), places)) == parts


@given(PARTS)
def test_a_form_may_come_byte_by_byte(parts: list[Part]) -> None:
    body = written(parts)

    assert parsed(body[at : at + 1] for at in range(len(body))) == parts


def test_little_is_kept_of_what_was_read() -> None:
    parser = FormParser(BOUNDARY)
    opening = written([("image", "a.png", b"")]).partition(b"\r\n--b-0--")[0]
    chunks = [opening + bytes(100_000), bytes(100_000), bytes(100_000) + b"\r\n--b"]

    def kept_of(chunk: bytes) -> int:
        before = sys.getrefcount(chunk)
        assert b"".join(event for event in parser.feed(chunk) if isinstance(event, bytes))
        assert sys.getrefcount(chunk) == before
        return sys.getsizeof(parser._buffer) - sys.getsizeof(b"")

    assert [kept_of(chunk) for chunk in chunks] == [0, 0, len(b"\r\n--b")]


@given(PARTS, st.integers(0, 999), st.integers(0, 99), st.binary(max_size=9))
def test_a_damaged_form_has_one_kind_of_error(
    parts: list[Part], start: int, length: int, instead: bytes
) -> None:
    body = written(parts)
    start %= len(body)
    with suppress(MalformedFormError):
        parsed([body[:start] + instead + body[start + length :]])


@given(st.binary(max_size=200))
def test_bytes_of_no_form_have_one_kind_of_error(body: bytes) -> None:
    with pytest.raises(MalformedFormError):
        parsed([body])


@given(PARTS, st.integers(1, 999))
def test_a_form_without_its_end_is_refused(parts: list[Part], missing: int) -> None:
    body = written(parts).removesuffix(b"--\r\n")

    with pytest.raises(MalformedFormError, match=r"ends before|does not have the boundary"):
        parsed([body[: -(missing % len(body)) or None]])


BROKEN = {
    "it is empty": (b"", "does not have the boundary"),
    "it is JSON": (b'{"prompt": "a fox"}', "does not have the boundary"),
    "its boundary is another": (b"--b-1\r\n\r\n\r\n--b-1--\r\n", "does not have the boundary"),
    "its lines end with LF": (
        written([("a", None, b"1")]).replace(b"\r\n", b"\n"),
        "has a line that only begins with its boundary|ends before",
    ),
    "a preamble without end": (b"x" * (MAX_PREAMBLE_BYTES + 100), "before its first boundary"),
    "an epilogue without end": (
        written([]) + b"x" * (MAX_PREAMBLE_BYTES + 1),
        "after its last boundary",
    ),
    "a longer boundary": (b"--b-01\r\n", "only begins with its boundary"),
    "a head without end": (b"--b-0\r\nA: " + b"x" * MAX_HEAD_BYTES, "bytes of headers"),
    "padding without end": (b"--b-0" + b" " * 100, "only begins with its boundary"),
    "no headers": (b"--b-0\r\n\r\nx\r\n--b-0--\r\n", "without a name"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_invalid_form_is_refused_with_the_reason(case: str) -> None:
    body, why = BROKEN[case]

    with pytest.raises(MalformedFormError, match=why):
        parsed([body])


def test_white_space_after_a_boundary_and_short_texts_around_a_form_are_ignored() -> None:
    body = b"preamble\r\n" + written([("a", None, b"1")]).replace(b"b-0\r\n", b"b-0 \t\r\n")

    assert parsed([body + b"epilogue"]) == [("a", None, b"1")]


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=b-0", "b-0"),
        ('multipart/form-data; charset=utf-8; BOUNDARY="b 0"', "b 0"),
        (
            "multipart/form-data;boundary=----WebKitFormBoundaryAbc/+=;",
            "----WebKitFormBoundaryAbc/+=",
        ),
        ("multipart/form-data; boundary=" + "x" * 70, "x" * 70),
    ],
)
def test_a_content_type_names_the_boundary(content_type: str, boundary: str) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=" + "x" * 71,
        "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=ä",
        'multipart/form-data; boundary="a\r\nb"',
        'multipart/form-data; boundary="a ',
    ],
)
def test_a_content_type_without_a_usable_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(MalformedFormError):
        boundary_of(content_type)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b'Content-Disposition: form-data; name="image[]"; filename="a.png"', ("image[]", "a.png")),
        (b"content-disposition:form-data;name=prompt", ("prompt", None)),
        (b'CONTENT-DISPOSITION: Form-Data; NAME="a b" ; FileName=""', ("a b", "")),
        (b'Content-Disposition: form-data; name="a\\"b%22c"', ('a"b"c', None)),
        ('Content-Disposition: form-data; name="é"; filename="../ä"'.encode(), ("é", "../ä")),
        (b"Content-Disposition: form-data; name=\"a\"; filename*=UTF-8''%c3%a9.png", ("a", "file")),
        (
            b'X-Other: 1\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: x/y',
            ("a", None),
        ),
    ],
)
def test_the_headers_of_a_part_name_it(head: bytes, expected: tuple[str, str | None]) -> None:
    assert part_head(head) == expected


@pytest.mark.parametrize("encoding", ["binary", "8bit", "7BIT"])
def test_an_encoding_that_changes_nothing_is_accepted(encoding: str) -> None:
    head = f'Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: {encoding}'

    assert part_head(head.encode()) == ("a", None)


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"Content-Disposition: form-data", "without a name"),
        (b'Content-Disposition: form-data; name=""', "without a name"),
        (b'Content-Disposition: form-data; filename="a.png"', "without a name"),
        (b'Content-Disposition: attachment; name="a"', "without a name"),
        (b"Content-Type: text/plain", "without a name"),
        (b'Content-Disposition: form-data; name="a"; name="b"', "names `name` twice"),
        (b'Content-Disposition: form-data; name="a', "parameters cannot be read"),
        (b'Content-Disposition: form-data; name="a" b', "parameters cannot be read"),
        (b'Content-Disposition: form-data; name="a"\r\n b', "headers cannot be read"),
        (b'Content-Disposition : form-data; name="a"', "headers cannot be read"),
        (b'Content-Disposition: form-data; name="a"\r\nnonsense', "headers cannot be read"),
        (2 * b'Content-Disposition: form-data; name="a"\r\n', "headers cannot be read"),
        (
            b'Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64',
            "Content-Transfer-Encoding 'base64'",
        ),
    ],
)
def test_the_headers_of_a_part_that_two_readers_could_take_differently_are_refused(
    head: bytes, why: str
) -> None:
    with pytest.raises(MalformedFormError, match=why):
        part_head(head)
