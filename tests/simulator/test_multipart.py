"""How the simulator parses forms: completely, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_simulator.multipart import MultipartError, Part, parse_multipart

TYPE = "multipart/form-data; boundary=b"
PART = (
    b'Content-Disposition: form-data; name="image[]"; filename="a.png"\r\nContent-Type: image/png'
)


def form(*parts: bytes) -> bytes:
    """Return a form with these parts."""
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


def test_a_part_has_name_file_name_type_and_content() -> None:
    parts = parse_multipart(TYPE, form(PART + b"\r\n\r\nbytes"))

    assert parts == [Part("image[]", "a.png", "image/png", b"bytes")]


def test_a_part_without_a_file_name_is_a_text() -> None:
    [part] = parse_multipart(TYPE, form(b'Content-Disposition: form-data; name="n"\r\n\r\n2'))

    assert part == Part("n", None, None, b"2")


@given(st.lists(st.binary(max_size=200).filter(lambda content: b"--b" not in content)))
def test_any_content_comes_back_as_it_was(contents: list[bytes]) -> None:
    body = form(*(PART + b"\r\n\r\n" + content for content in contents))

    assert [part.content for part in parse_multipart(TYPE, body)] == contents


@pytest.mark.parametrize(
    ("content_type", "body", "problem"),
    [
        ("multipart/form-data", form(), "names no boundary"),
        ("multipart/form-data; boundary=other", form(), "does not begin"),
        (TYPE, b"", "does not begin"),
        (TYPE, form(PART + b"\r\n\r\nx")[:-8], "closing boundary is missing"),
        (TYPE, form(PART + b"\r\n\r\nx").replace(b"\r\n", b"\n"), "end of its line"),
        (TYPE, form(PART), "closing boundary is missing"),
        (TYPE, form(b"Content-Disposition: form-data\r\n\r\nx"), "has no name"),
        (TYPE, form(b"\r\n\r\nx"), "has no name"),
    ],
)
def test_a_form_that_breaks_the_format_is_refused(
    content_type: str, body: bytes, problem: str
) -> None:
    with pytest.raises(MultipartError, match=problem):
        parse_multipart(content_type, body)


@given(st.binary(max_size=300))
def test_any_body_is_parsed_or_refused(body: bytes) -> None:
    for content in (body, b"--b" + body, form(body)):
        try:
            parts = parse_multipart(TYPE, content)
        except MultipartError:
            continue
        assert all(part.name for part in parts)
