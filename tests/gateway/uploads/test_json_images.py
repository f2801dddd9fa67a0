"""OpenAI's JSON body with images is understood, spooled, and refused by the name of its field."""

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.gateway.uploads.conftest import UploadServer, is_refused
from tintype_gateway.http.bodies.limits import UploadLimits
from tintype_gateway.runtime.spool import SpoolWriter
from tintype_testing.metrics import metric

FOX, CAT, HOLE = b"a fox" * 100_000, b"a cat", b"a hole"
JSON = "application/json"


def url(data: bytes) -> dict[str, str]:
    return {"image_url": f"data:image/png;base64,{base64.b64encode(data).decode()}"}


def body(**fields: object) -> bytes:
    return json.dumps({"model": "canvas", "prompt": "a fox"} | fields).encode()


async def test_data_urls_become_files_and_the_rest_stays_as_it_is(server: UploadServer) -> None:
    sent = body(images=[url(FOX), url(CAT)], mask=url(HOLE), n=2, params={"l": [1, None, 1.5]})

    response = await server.send(sent, JSON)

    assert response.status_code == 200, response.text
    document = server.document
    assert server.files == [FOX, CAT, HOLE]
    assert document.fields == {
        "model": "canvas",
        "prompt": "a fox",
        "n": 2,
        "params": {"l": [1, None, 1.5]},
    }
    params = [upload.param for upload in document.images]
    assert params == ["images[0].image_url", "images[1].image_url"]
    assert document.mask is not None
    assert document.mask.param == "mask.image_url"


async def test_the_mask_may_come_before_the_images(server: UploadServer) -> None:
    sent = json.dumps({"mask": url(HOLE), "images": [url(FOX)], "prompt": "a fox"})

    await server.send(sent.encode(), f"{JSON}; charset=utf-8")

    assert server.files == [FOX, HOLE]


async def test_a_null_counts_as_left_out(server: UploadServer) -> None:
    images = [url(CAT) | {"file_id": None}]

    await server.send(body(images=images, mask=None), JSON)

    assert server.files == [CAT]
    assert server.document.mask is None


async def test_a_prompt_may_begin_like_a_data_url(server: UploadServer) -> None:
    await server.send(body(prompt="data: a chart, base64, and more", images=[url(CAT)]), JSON)

    assert server.document.fields["prompt"] == "data: a chart, base64, and more"


async def test_the_same_document_has_the_same_digest_in_any_order(server: UploadServer) -> None:
    fields = {"prompt": "a fox", "n": 1, "images": [url(CAT)], "mask": url(HOLE)}
    for each in (fields, dict(reversed(fields.items())), fields | {"n": 2}):
        await server.send(json.dumps(each).encode(), JSON)

    first, second, other = (document.digest for document in server.documents)
    assert first == second != other


BAD = url(b"fox")["image_url"] + "x"
NESTED = b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}"

NO_JSON: Mapping[str, bytes] = {
    "no body": b"",
    "half a document": body(images=[url(CAT)])[:-1],
    "half a data URL": body(images=[url(CAT)])[:60],
    "NaN": b'{"n": NaN}',
    "NaN before a data URL": body(x=float("nan"), images=[url(CAT)]),
    "Infinity": b'{"n": Infinity}',
    "a name twice": b'{"n": 1, "n": 1}',
    "a data URL as a name": b'{"data:;base64,YQ==": 1}',
    "an abyss": NESTED,
    "an abyss of objects": b'{"a":' * 400 + b"1" + b"}" * 400,
    "no UTF-8": b'{"prompt": "\xff"}',
    "another Unicode": body().decode().encode("utf-16"),
    "a number of many digits": b'{"n": ' + b"9" * 9000 + b"}",
    "many strings": body(l=["a"] * 2000),
    "much white space": b" " * 100_000 + body(),
    "a form": b'--b-0\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b-0--\r\n',
}


@pytest.mark.parametrize("case", NO_JSON)
async def test_invalid_json_is_a_bad_request(server: UploadServer, case: str) -> None:
    response = await server.send(NO_JSON[case], JSON)

    is_refused(response, 400, "invalid_json", None)
    assert server.documents == []
    assert metric("tintype_spool_bytes") == 0


@pytest.mark.parametrize("sent", [b"[]", b"null", b'"a"', b'"data:;base64,YQ=="', b"1"])
async def test_a_document_is_an_object(server: UploadServer, sent: bytes) -> None:
    is_refused(await server.send(sent, JSON), 422, "invalid_type", "body")


REFUSED: Mapping[str, tuple[dict[str, Any], str, str]] = {
    "images that are an object": ({"images": url(CAT)}, "invalid_type", "images"),
    "images that are a data URL": ({"images": url(CAT)["image_url"]}, "invalid_type", "images"),
    "an image that is a text": ({"images": [url(CAT)["image_url"]]}, "invalid_type", "images[0]"),
    "a mask that is a list": ({"mask": [url(CAT)]}, "invalid_type", "mask"),
    "an empty object": ({"images": [url(CAT), {}]}, "invalid_value", "images[1]"),
    "a file and a URL": ({"images": [url(CAT) | {"file_id": "f"}]}, "invalid_value", "images[0]"),
    "a file": ({"images": [{"file_id": "f"}]}, "unsupported_parameter", "images[0].file_id"),
    "a mask of a file": ({"mask": {"file_id": "f"}}, "unsupported_parameter", "mask.file_id"),
    "an unknown field": ({"mask": url(CAT) | {"x": 1}}, "unknown_parameter", "mask.x"),
    "a URL that is a number": ({"mask": {"image_url": 1}}, "invalid_type", "mask.image_url"),
    "bad base64": ({"images": [{"image_url": BAD}]}, "invalid_image_url", "images[0].image_url"),
    "no base64": (
        {"images": [{"image_url": "data:image/png,a"}]},
        "invalid_image_url",
        "images[0].image_url",
    ),
    "an empty image": ({"images": [url(b"")]}, "invalid_image_url", "images[0].image_url"),
    "http": ({"mask": {"image_url": "http://a/"}}, "invalid_image_url", "mask.image_url"),
    "a path": ({"mask": {"image_url": "/etc/passwd"}}, "invalid_image_url", "mask.image_url"),
    "https": ({"mask": {"image_url": "https://a/"}}, "unsupported_parameter", "mask.image_url"),
    "seventeen images": ({"images": [url(CAT)] * 17}, "too_many_images", "images"),
    "a data URL elsewhere": ({"a": {"b": [url(CAT)]}}, "invalid_type", "a"),
    "a data URL as prompt": ({"prompt": url(CAT)["image_url"]}, "invalid_type", "prompt"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_an_image_that_cannot_be_taken_is_named(server: UploadServer, case: str) -> None:
    fields, code, param = REFUSED[case]

    is_refused(await server.send(body(**fields), JSON), 400, code, param)
    assert server.documents == []


async def test_a_data_url_beyond_its_bound_is_named(server: UploadServer) -> None:
    server.limits = UploadLimits(data_url_characters=1000)

    response = await server.send(body(images=[url(CAT), url(bytes(1000))]), JSON)

    is_refused(response, 400, "invalid_image_url", "images[1].image_url")
    assert "at most 1000 characters" in response.json()["error"]["message"]


async def test_the_texts_of_a_document_are_bounded(server: UploadServer) -> None:
    response = await server.send(body(prompt="x" * 1024**2, images=[url(CAT)]), JSON)

    is_refused(response, 413, "payload_too_large", None)
    assert "at most 1048576 bytes beside its data URLs" in response.json()["error"]["message"]


async def test_a_body_beyond_its_bound_is_refused(server: UploadServer) -> None:
    server.limits = UploadLimits(total_bytes=1000)

    is_refused(await server.send(body(images=[url(FOX)]), JSON), 413, "payload_too_large", None)


async def test_images_at_urls_are_fetched_where_that_is_allowed(server: UploadServer) -> None:
    asked = list[tuple[str, str]]()

    async def fetch(address: str, param: str, writer: SpoolWriter) -> None:
        asked.append((address, param))
        await writer.write(FOX)

    server.fetch = fetch
    images = [url(CAT), {"image_url": "https://example.com/fox.png"}]

    response = await server.send(body(images=images, mask=url(HOLE)), JSON)

    assert response.status_code == 200, response.text
    assert asked == [("https://example.com/fox.png", "images[1].image_url")]
    assert server.files == [CAT, FOX, HOLE]


async def test_the_time_in_which_all_images_are_fetched_is_bounded(server: UploadServer) -> None:
    server.limits = UploadLimits(fetch_seconds=2)

    async def fetch(address: str, param: str, writer: SpoolWriter) -> None:
        await writer.write(CAT)
        if address.endswith("slow.png"):
            await asyncio.Event().wait()

    server.fetch = fetch
    images = [{"image_url": f"https://example.com/{name}.png"} for name in ("fox", "slow")]

    response = await server.send(body(images=images), JSON)

    is_refused(response, 400, "invalid_image_url", "images[1].image_url")
    assert "within 2 seconds" in response.json()["error"]["message"]
    assert metric("tintype_spool_bytes") == 0
