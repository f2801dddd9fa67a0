"""The responses of the benchmark's upstream are those of the providers."""

import base64
import io
import json

import pytest
from PIL import Image

from bench.cases import DIALECTS, KIB, PREVIEWS, SIZES, Case, image_base64, upstream_response
from tintype_catalog.providers import Dialect
from tintype_gateway.dialects.registry import get_dialect
from tintype_gateway.values.upstream import UpstreamResponse

SMALL = 64 * KIB


def test_an_image_is_a_png_of_the_requested_size() -> None:
    decoded = base64.b64decode(image_base64(SMALL), validate=True)

    assert len(decoded) == SMALL
    with Image.open(io.BytesIO(decoded)) as image:
        image.load()
        assert (image.format, image.size) == ("PNG", (1024, 1024))


@pytest.mark.parametrize("name", DIALECTS)
def test_a_gateway_finds_the_image_in_every_dialect(name: Dialect) -> None:
    head, _, body = upstream_response(name, SMALL, stream=False).partition(b"\r\n\r\n")

    result = get_dialect(name).interpret(UpstreamResponse(200, {}, body))

    assert f"Content-Length: {len(body)}".encode() in head
    assert [bytes(image.base64) for image in result.images] == [image_base64(SMALL)]


def test_a_stream_holds_previews_and_then_the_image() -> None:
    _, _, chunked = upstream_response("openai-images", SMALL, stream=True).partition(b"\r\n\r\n")
    events = [
        json.loads(line.removeprefix(b"data: "))
        for line in chunked.splitlines()
        if line.startswith(b"data: ")
    ]

    assert [event["type"].rpartition(".")[2] for event in events] == [
        *["partial_image"] * PREVIEWS,
        "completed",
    ]
    assert {event["b64_json"] for event in events} == {image_base64(SMALL).decode()}
    assert chunked.endswith(b"\r\n0\r\n\r\n")


@pytest.mark.parametrize("size", SIZES)
def test_a_case_names_the_model_whose_response_has_its_size(size: str) -> None:
    case = Case("openai-images", size, 16)

    assert json.loads(case.body())["model"] == f"openai-images-{SIZES[size]}"
    assert case.response_bytes == len(image_base64(SIZES[size]))
