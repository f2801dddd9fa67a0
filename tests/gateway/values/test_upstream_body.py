"""A body with files is described without reading them, and sent in steps of a known length."""

import base64
import json
from email import message_from_bytes
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from tintype_gateway.values.content import BytesContent
from tintype_gateway.values.upstream_body import (
    PART_BYTES,
    STEP_BYTES,
    FileBase64,
    FileBytes,
    FormPart,
    StreamedBody,
    json_body,
    multipart_body,
)

FILES = st.binary(max_size=40).map(BytesContent).map(FileBase64)
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | FILES
DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    LEAVES, lambda each: st.lists(each) | st.dictionaries(st.text(max_size=9), each), max_leaves=9
)
BOUNDARIES = (0, 1, 2, 3, STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 2 * STEP_BYTES + 2)


def sent(body: StreamedBody) -> bytes:
    return b"".join(body.chunks())


def as_text(value: Any) -> Any:
    """Return a document with the base64 of files in the place of the files."""
    match value:
        case FileBase64(content, prefix):
            return prefix + base64.b64encode(content.read(0, content.length)).decode()
        case list():
            return [as_text(each) for each in value]
        case dict():
            return {name: as_text(each) for name, each in value.items()}
    return value


@given(DOCUMENTS)
def test_json_is_sent_with_the_base64_of_its_files(document: object) -> None:
    body = json_body(document)

    assert json.loads(sent(body)) == as_text(document)
    assert body.length == len(sent(body))


@pytest.mark.parametrize("size", BOUNDARIES)
def test_steps_leave_no_padding_within_the_base64_of_a_large_file(size: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    content = BytesContent(data[:size])
    body = json_body({"image_url": FileBase64(content, "data:image/png;base64,")})

    url = json.loads(sent(body))["image_url"]

    assert (
        base64.b64decode(url.removeprefix("data:image/png;base64,"), validate=True) == data[:size]
    )
    assert body.length == len(sent(body))
    assert max(map(len, body.chunks())) <= STEP_BYTES // 3 * 4


@pytest.mark.parametrize(
    "sizes", [[0], [1, 1], [PART_BYTES, 1], [STEP_BYTES - 1, 2 * PART_BYTES + 1, STEP_BYTES]]
)
def test_the_parts_of_a_body_are_its_bytes_and_only_the_last_one_is_small(sizes: list[int]) -> None:
    files = [FileBytes(BytesContent(bytes([index]) * size)) for index, size in enumerate(sizes)]
    body = multipart_body([FormPart("image[]", file, "image.png") for file in files]).body

    parts = list(body.parts())

    assert b"".join(parts) == sent(body)
    assert all(PART_BYTES <= len(part) < PART_BYTES + STEP_BYTES for part in parts[:-1])


def test_the_same_body_is_sent_anew_by_each_attempt() -> None:
    body = json_body([FileBase64(BytesContent(b"fox")), "a", FileBase64(BytesContent(b"cat"))])

    assert sent(body) == sent(body) == b'["Zm94", "a", "Y2F0"]'


def test_a_document_without_files_is_one_piece() -> None:
    assert json_body({"prompt": "fox"}).pieces == (b'{"prompt": "fox"}',)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_does_not_have_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_body([FileBase64(BytesContent(b"")), value])


def test_values_that_json_does_not_have_are_refused() -> None:
    with pytest.raises(TypeError, match="set is no value of JSON"):
        json_body({"colors": {1, 2}})


NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=9)
PARTS = st.lists(
    st.tuples(NAMES, st.text(st.characters(codec="utf-8"), max_size=20)).map(
        lambda each: FormPart(*each)
    )
    | st.builds(
        lambda name, data: FormPart(
            name, FileBytes(BytesContent(data)), "image-1.png", "image/png"
        ),
        NAMES,
        st.binary(max_size=40),
    )
)


@given(PARTS)
def test_a_form_has_its_parts_in_order_and_the_announced_length(parts: list[FormPart]) -> None:
    form = multipart_body(parts)

    whole = sent(form.body)
    boundary = form.content_type.removeprefix("multipart/form-data; boundary=").encode()
    first, *found, last = (b"\r\n" + whole).split(b"\r\n--" + boundary)
    assert (first, last) == (b"", b"--\r\n")
    assert [_part(each) for each in found] == [_expected(part) for part in parts]
    assert form.body.length == len(whole)


def _part(text: bytes) -> tuple[Any, Any, bytes]:
    head, content = text.removeprefix(b"\r\n").split(b"\r\n\r\n", 1)
    headers = message_from_bytes(head)
    name = headers.get_param("name", header="Content-Disposition")
    return name, headers.get_filename(), content


def _expected(part: FormPart) -> tuple[Any, Any, bytes]:
    content = (
        part.value.encode() if isinstance(part.value, str) else sent(StreamedBody((part.value,)))
    )
    return part.name, part.filename, content


def test_no_name_can_end_its_header() -> None:
    form = multipart_body([FormPart('a"\r\nb', "text")])

    assert b'name="a%22%0D%0Ab"\r\n\r\ntext\r\n' in sent(form.body)


def test_no_file_can_contain_the_boundary_of_its_form_as_nobody_knows_it_before() -> None:
    form = [FormPart("a", FileBytes(BytesContent(b"fox")))]

    assert len({multipart_body(form).content_type for _ in range(9)}) == 9


class Shrunk(BytesContent):
    """A file that has become shorter."""

    @property
    @override
    def length(self) -> int:
        return super().length + 1


def test_a_file_that_has_become_shorter_ends_the_sending() -> None:
    with pytest.raises(ValueError, match="shorter than it was"):
        sent(json_body(FileBase64(Shrunk(b"fox"))))
