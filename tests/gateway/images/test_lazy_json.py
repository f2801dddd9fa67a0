"""JSON whose long strings stay where they are."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.images.documents import documents
from tintype_gateway.images.lazy_json import SHORTEST_BLOB, loads, open_string

LONG = b"QUJD" * 2000
REFUSED = object()


def plain(value: Any) -> Any:
    """Return a document with every view as the text that it shows."""
    match value:
        case memoryview():
            return str(value, "utf-8")
        case list():
            return [plain(item) for item in value]
        case dict():
            return {name: plain(item) for name, item in value.items()}
    return value


def views(value: Any) -> list[memoryview]:
    """Return every view in a document."""
    match value:
        case memoryview():
            return [value]
        case list():
            return [view for item in value for view in views(item)]
        case dict():
            return [view for item in value.values() for view in views(item)]
    return []


def outcome(parse: Callable[[bytes], object], text: bytes) -> object:
    """Return what a parser makes of a text, or that it refuses it."""
    try:
        return plain(parse(text))
    except ValueError:
        return REFUSED


def refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def standard(text: bytes) -> object:
    return json.loads(text.decode(), parse_constant=refuse)


def lenient(text: bytes) -> object:
    return json.loads(text.decode(), parse_constant=refuse, strict=False)


@given(documents())
def test_a_document_is_read_as_the_standard_parser_reads_it(text: bytes) -> None:
    assert plain(loads(text)) == json.loads(text)


@given(documents())
def test_a_view_shows_the_bytes_of_the_text_itself(text: bytes) -> None:
    undone = b"\\/" in text or b"\\u003d" in text.lower()
    assert all(view.obj is text or undone for view in views(loads(text)))


@given(documents(), st.data())
def test_a_truncated_document_is_refused(text: bytes, data: st.DataObject) -> None:
    whole = b"[" + text + b"]"
    assert outcome(loads, whole[: data.draw(st.integers(0, len(whole) - 1))]) is REFUSED


@given(documents(), st.binary(max_size=4), st.data())
def test_a_damaged_document_is_judged_as_by_the_standard_parser(
    text: bytes, damage: bytes, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(text)))
    text = text[:place] + damage + text[place + data.draw(st.integers(0, 4)) :]
    # A control character in a long string is the one fault that is not looked for.
    assert outcome(loads, text) in (outcome(standard, text), outcome(lenient, text))


@given(st.binary(max_size=60) | st.text('[]{},:"\\NaInfity-0 \n').map(str.encode))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    with suppress(ValueError):
        loads(text)


def test_every_long_string_of_a_document_is_cut_out() -> None:
    text = b'{"data": [{"b64_json": "%s"}, {"b64_json": "%s"}], "n": 2}' % (LONG, LONG)
    assert loads(text) == {"data": [{"b64_json": LONG}, {"b64_json": LONG}], "n": 2}
    assert len(views(loads(text))) == 2


def test_blank_space_between_strings_is_no_string_however_long() -> None:
    text = b'{"a": "b",%s"c": "%s"}' % (b" " * 2 * SHORTEST_BLOB, LONG)
    assert loads(text) == {"a": "b", "c": LONG}


@pytest.mark.parametrize(
    ("length", "kind"), [(SHORTEST_BLOB - 1, str), (SHORTEST_BLOB, memoryview)]
)
def test_only_strings_from_a_length_on_are_cut_out(length: int, kind: type) -> None:
    assert type(loads(b'"%s"' % (b"A" * length))) is kind


def test_a_long_string_with_an_escape_is_parsed_as_usual() -> None:
    text = b'["%s\\n9", "%s"]' % (LONG, LONG)
    assert loads(text) == [f"{LONG.decode()}\n9", LONG]


@pytest.mark.parametrize("end", [b"\\/9==", b"+9\\u003d\\u003d", b"+9\\u003D"])
def test_base64_that_was_escaped_is_cut_out_nevertheless(end: bytes) -> None:
    (view,) = views(loads(b'["%s%s"]' % (LONG, end)))
    assert bytes(view) == LONG + json.loads(b'"%s"' % end).encode()


@pytest.mark.parametrize("end", [b"\\\\", b'\\"', b'\\\\\\"', b"\\\\\\\\"])
def test_a_string_that_ends_in_backslashes_hides_nothing_behind_it(end: bytes) -> None:
    text = b'["x%s", "%s"]' % (end, LONG)
    assert plain(loads(text)) == json.loads(text)
    assert views(loads(text)) == [LONG]


def test_a_document_with_a_long_key_is_parsed_as_usual() -> None:
    text = b'{"%s": "%s"}' % (LONG, LONG)
    assert loads(text) == {LONG.decode(): LONG.decode()}


def test_of_a_repeated_key_the_last_value_counts() -> None:
    text = b'{"a": "%s", "a": 1, "b": 2, "b": "%s"}' % (LONG, LONG)
    assert loads(text) == {"a": 1, "b": LONG}


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
@pytest.mark.parametrize("text", [b"%s", b'[%s, "L"]', b'["L", %s]', b'{"a": "L", "b": [%s]}'])
def test_json_that_only_python_accepts_is_refused(text: bytes, constant: bytes) -> None:
    with pytest.raises(ValueError, match="is not JSON"):
        loads(text.replace(b"L", LONG) % constant)


@pytest.mark.parametrize(
    "text", [b'"\xff"', b'["' + LONG + b'\xff"]', b'{"\xc3": "' + LONG + b'"}']
)
def test_a_body_that_is_not_utf8_is_refused(text: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        loads(text)


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(RecursionError):
        loads(b"[" * 20_000)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        (b'{"a": "b"', -1),
        (b"{", -1),
        (b'{"a": "b', 6),
        (b'{"a": "b\\"c', 6),
        (b'{"a": "b\\\\", "c', 13),
    ],
)
def test_a_string_that_is_open_at_the_end_is_found(text: bytes, start: int) -> None:
    assert open_string(text) == start


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b'"",' * 3000 + b"0]",
        b"[" + b"1," * 30_000 + b"0]",
        b"[" + b" " * 100_000 + b"0]",
        b'["' + b'\\"' * 500_000 + b'"]',
        b"[" + (b'"' + LONG + b'\\n",') * 100 + b"0]",
        b'{"' + LONG * 100 + b'": "' + LONG + b'"}',
    ],
    ids=["strings", "numbers", "space", "escapes", "text", "a long key"],
)
def test_a_document_with_too_many_parts_is_refused(text: bytes) -> None:
    assert json.loads(text)
    with pytest.raises(ValueError, match=r"too many|more text|NaN|property name"):
        loads(text)
