"""The responses of the benchmark's upstream are those of the providers."""

import base64
import io
import json

import pytest
from PIL import Image

from bench.cases import (
    DIALECTS,
    KIB,
    MANIFESTS,
    PREVIEWS,
    SIZES,
    Case,
    Dialect,
    Manifest,
    image_base64,
    upstream_response,
)
from tintype_gateway.dialects.registry import get_dialect
from tintype_gateway.images.container import has_c2pa
from tintype_gateway.values.upstream import UpstreamResponse

SMALL = 64 * KIB


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_an_image_is_a_png_of_the_requested_size(manifest: Manifest) -> None:
    decoded = base64.b64decode(image_base64(SMALL, manifest), validate=True)

    assert len(decoded) == SMALL
    with Image.open(io.BytesIO(decoded)) as image:
        image.load()
        assert (image.format, image.width) == ("PNG", 1024)


def test_the_pixels_of_an_image_are_in_chunks_as_libpng_writes_them() -> None:
    decoded = base64.b64decode(image_base64(SMALL))

    first = decoded.index(b"IDAT")
    assert int.from_bytes(decoded[first - 4 : first]) == 8192
    assert decoded.count(b"IDAT") > 4


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_manifest_is_before_the_pixels_or_behind_them_or_nowhere(manifest: Manifest) -> None:
    encoded = image_base64(SMALL, manifest)
    decoded = base64.b64decode(encoded)

    found = decoded.find(b"caBX")
    is_before, is_behind = 0 < found < decoded.index(b"IDAT"), found > decoded.rindex(b"IDAT")
    assert (is_before, is_behind) == (manifest == "first", manifest == "last")
    assert has_c2pa(encoded, "png") is (manifest in ("first", "last"))


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


def test_a_case_of_several_images_asks_for_them_and_expects_all() -> None:
    case = Case("openai-images", "64 KiB", 1, count=3)

    assert json.loads(case.body())["n"] == 3
    assert case.response_bytes == 3 * len(image_base64(SMALL))
    _, _, body = upstream_response("openai-images", SMALL, False, count=3).partition(b"\r\n\r\n")
    assert len(json.loads(body)["data"]) == 3


def test_an_edit_uploads_the_image_as_a_form() -> None:
    case = Case("openai-images", "64 KiB", 1, is_edit=True)

    assert case.content_type.startswith("multipart/form-data; boundary=")
    assert base64.b64decode(image_base64(SMALL)) in case.body()
    assert case.upstream_path.endswith("/v1/images/edits")
