"""Data URLs are taken out of JSON wherever it is cut, and the rest stays what it was."""

import base64
import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.http.bodies.data_urls import (
    MAX_BYTES_BETWEEN,
    MAX_STRINGS,
    DataUrlParser,
    UrlEnd,
    UrlStart,
)
from tintype_gateway.images.lazy_json import ComplexJsonError

HEADS = st.sampled_from(
    ["data:image/png;base64,", "data:;base64,", "DATA:image/svg+xml;a=b;BASE64,"]
)


class DataUrl(str):
    """A text that stands for bytes."""

    data: bytes

    def __new__(cls, head: str, data: bytes) -> "DataUrl":
        url = super().__new__(cls, head + base64.b64encode(data).decode())
        url.data = data
        return url


URLS = st.builds(DataUrl, HEADS, st.binary(max_size=40))
TEXTS = st.text(max_size=20) | st.sampled_from(
    ['"', "\\", '\\"', "data:", "data:,a", "data:image/png,YQ==", "a data:;base64,YQ==", "NaN"]
)
DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | TEXTS | URLS,
    lambda each: st.lists(each, max_size=4) | st.dictionaries(TEXTS, each, max_size=4),
    max_leaves=8,
)

Url = tuple[bytes, str | None]


def parsed(chunks: Iterable[bytes], max_characters: int = 1000) -> tuple[bytes, list[Url]]:
    """Return what is left of a text, and the bytes and the problem of each data URL."""
    parser, urls, data = DataUrlParser(max_characters, 2**20), list[Url](), b""
    for chunk in chunks:
        for event in parser.feed(chunk):
            match event:
                case UrlStart():
                    data = b""
                case bytes():
                    data += event
                case UrlEnd(problem):
                    urls.append((data, problem))
    return parser.finish(), urls


def cut(text: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:stop] for start, stop in pairwise(edges)]


def restored(document: bytes, urls: Sequence[Url]) -> Any:
    remaining = iter(urls)
    return json.loads(document, parse_constant=lambda name: next(remaining)[0])


def with_bytes(value: Any) -> Any:
    match value:
        case DataUrl():
            return value.data
        case list():
            return [with_bytes(each) for each in value]
        case dict():
            return {name: with_bytes(each) for name, each in value.items()}
    return value


@given(DOCUMENTS, st.lists(st.integers(0, 999), max_size=9), st.booleans(), st.booleans())
def test_a_document_has_the_bytes_of_its_data_urls_in_their_places(
    document: object, places: list[int], is_ascii: bool, escapes_slashes: bool
) -> None:
    text = json.dumps(document, ensure_ascii=is_ascii)
    if escapes_slashes:
        text = text.replace("/", "\\/")

    left, urls = parsed(cut(text.encode(), places))

    assert restored(left, urls) == with_bytes(document)
    assert all(problem is None for _, problem in urls)


@given(DOCUMENTS)
def test_a_document_may_come_byte_by_byte(document: object) -> None:
    text = json.dumps(document).encode()

    left, urls = parsed(text[at : at + 1] for at in range(len(text)))

    assert restored(left, urls) == with_bytes(document)


@given(st.lists(st.integers(0, 99), max_size=5))
def test_base64_may_be_escaped_as_json_allows(places: list[int]) -> None:
    text = rb'"data:;base64,\u002b\u002B\/w\u002f\/8\u003d"'

    assert parsed(cut(text, places)) == (b"NaN", [(base64.b64decode("++/w//8="), None)])


@pytest.mark.parametrize(
    "text",
    [
        "YQ",
        "YQ=",
        "Y",
        "YQ==YQ==",
        "YQ=a",
        "====",
        "YQ==\\n",
        "Y Q=",
        "YQ-_",
        "é" * 4,
        "YQ\\u003",
        "\\\\",
    ],
)
@pytest.mark.parametrize("step", [1, 4, 999])
def test_invalid_base64_is_a_problem_of_its_url(text: str, step: int) -> None:
    whole = f'["data:;base64,{text}", "data:;base64,Zm94"]'.encode()

    left, urls = parsed(whole[at : at + step] for at in range(0, len(whole), step))

    assert left == b"[NaN, NaN]"
    assert [problem is None for _, problem in urls] == [False, True]
    assert urls[1][0] == b"fox"


@pytest.mark.parametrize(("most", "is_within"), [(33, True), (32, False)])
def test_a_data_url_has_a_bound_that_counts_all_its_characters(most: int, is_within: bool) -> None:
    url = DataUrl("data:;base64,", bytes(15))

    _, [(_, problem)] = parsed([json.dumps(url).encode()], max_characters=most)

    assert (problem is None) is is_within


def test_a_text_that_ends_within_a_data_url_is_no_json() -> None:
    with pytest.raises(ValueError, match="ends within a string"):
        parsed([b'"data:;base64,Zm94'])


@pytest.mark.parametrize(
    "text", [b'"a",' * (MAX_STRINGS + 1), b" " * (MAX_BYTES_BETWEEN + 1), b"[" * 20_000]
)
def test_a_text_of_too_many_parts_is_refused_as_it_arrives(text: bytes) -> None:
    with pytest.raises(ComplexJsonError):
        parsed([text])


def test_the_text_beside_the_urls_is_bounded() -> None:
    with pytest.raises(OverflowError):
        parsed([b'"', *[b"x" * 1024] * 1025])
