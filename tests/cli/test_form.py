"""Forms of files that stay on the disk."""

import email
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_cli.form import PIECE_BYTES, FileChangedError, Form, form_texts
from tintype_gateway.http.bodies.form_values import form_values

NAMES = st.text("abcXYZ_", min_size=1, max_size=8)
SCALARS = (
    st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ghijk -[]=", min_size=1, max_size=9)  # neither a number nor a boolean
)
VALUES = st.recursive(
    SCALARS | st.lists(SCALARS, min_size=1, max_size=3),
    lambda members: st.dictionaries(NAMES, members, min_size=1, max_size=3),
    max_leaves=4,
)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_the_gateway_reads_the_values_that_were_written(fields: dict[str, Any]) -> None:
    assert form_values(form_texts(fields), {}) == fields


def test_a_field_without_a_value_is_left_out() -> None:
    assert list(form_texts({"size": None, "n": 1})) == [("n", "1")]


@given(
    st.lists(st.tuples(NAMES, st.text(st.characters(exclude_categories=["Cs"])))),
    st.lists(st.tuples(NAMES, st.binary()), max_size=3),
)
def test_the_length_is_that_of_the_body(
    texts: list[tuple[str, str]], files: list[tuple[str, bytes]]
) -> None:
    form = Form(texts, [(name, io.BytesIO(content)) for name, content in files])

    assert len(b"".join(form)) == form.length


def test_parts_come_in_their_order_with_the_bytes_of_their_files() -> None:
    form = Form(
        [("prompt", "ein Föhn")],
        [
            ("image[]", io.BytesIO(b"\x89PNG\r\n")),
            ("image[]", io.BytesIO(b"")),
            ("mask", io.BytesIO(b"--")),
        ],
    )

    head = f"Content-Type: {form.content_type}\r\n\r\n".encode()
    _, *parts = email.message_from_bytes(head + b"".join(form)).walk()
    assert [
        (part.get_param("name", header="content-disposition"), part.get_payload(decode=True))
        for part in parts
    ] == [
        ("prompt", "ein Föhn".encode()),
        ("image[]", b"\x89PNG\r\n"),
        ("image[]", b""),
        ("mask", b"--"),
    ]


def test_a_name_cannot_end_its_header() -> None:
    body = b"".join(Form([('a"\r\nX: y', "1")], []))

    assert b'name="a%22%0D%0AX: y"\r\n' in body


def test_a_large_file_is_read_in_pieces() -> None:
    form = Form([], [("image", io.BytesIO(bytes(3 * PIECE_BYTES)))])

    assert max(map(len, form)) == PIECE_BYTES


def test_a_file_that_becomes_shorter_ends_the_body(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(bytes(2 * PIECE_BYTES))
    with path.open("rb") as file:
        pieces = iter(Form([], [("image", file)]))
        for _ in range(3):
            next(pieces)
        path.write_bytes(b"")
        with pytest.raises(FileChangedError, match=r"photo\.png became shorter"):
            list(pieces)
