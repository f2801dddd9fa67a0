"""Invalid bodies are errors without a charge, in every wire protocol."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.upstream.dialect_manifests import (
    DIALECTS,
    counted_as,
    gateway_before,
    is_refused,
    speaking,
)
from tintype_testing.faulty_server import http_response, says
from tintype_testing.gateway import CREDITS_MICRO
from tintype_testing.sample_images import sample_image

STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
PRICE = 640_000

BODIES: dict[str, bytes] = {
    "no JSON": b"<!doctype html><title>Sign in to the wireless network</title>",
    "half a document": b'{"created": 1, "data": [',
    "nothing but white space": b" " * 100_000,
    "an array": b"[]",
    "a null": b"null",
    "a number": b"17",
    "a number of a million digits": b"9" * 1_000_000,
    "a number beyond all bounds": b'{"created": 1e999999, "data": 1e999999}',
    "what is not a number": b'{"created": NaN, "data": NaN, "images": NaN}',
    "an abyss": b"[" * 200_000,
    "an abyss of objects": b'{"data":' * 100_000,
    "invalid UTF-8": b'{"data": "\xff\xfe"}',
    "a null byte": b'\x00{"data": []}',
    "a mark of byte order": b'\xef\xbb\xbf{"data": []}',
    "another Unicode": '{"data": []}'.encode("utf-16"),
    "lists of other things": (
        b'{"data": [1], "images": [1], "predictions": [1], "candidates": [1], "artifacts": [1]}'
    ),
    "images that are objects": (
        b'{"data": [{"b64_json": {}}], "images": [{}], "predictions": [{"bytesBase64Encoded": {}}],'
        b' "candidates": [{"content": {"parts": [{"inlineData": {"data": {}}}]}}]}'
    ),
}


@STREAMED
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_response_of_another_form_is_an_unknown_outcome(
    tmp_path: Path, dialect: str, stream: bool
) -> None:
    with counted_as("outcome_unknown", DIALECTS[dialect]):
        ends = await ends_of(tmp_path, dialect, "200 OK", stream)

    assert ends == dict.fromkeys(BODIES, (503, "outcome_unknown"))


@STREAMED
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("status", "end"),
    [
        ("400 Bad Request", (400, "unsupported_parameter")),
        ("500 Internal Server Error", (503, "outcome_unknown")),
    ],
)
async def test_an_error_of_another_form_is_classified_by_its_status(
    tmp_path: Path, status: str, end: tuple[int, str], dialect: str, stream: bool
) -> None:
    ends = await ends_of(tmp_path, dialect, status, stream)

    assert ends == dict.fromkeys(BODIES, end)


async def ends_of(
    folder: Path, dialect: str, status: str, stream: bool
) -> dict[str, tuple[int, str]]:
    """Return the status and the code that each body ends in. None costs the account anything."""
    ends: dict[str, tuple[int, str]] = {}
    async with gateway_before(folder, says(b""), **speaking(dialect)) as (gateway, provider):
        for case, body in BODIES.items():
            provider.behavior = says(http_response(body, status=status))
            response = await gateway.generate(stream=stream)
            code = response.json()["error"]["code"]
            await is_refused(gateway, response, response.status_code, code)
            ends[case] = (response.status_code, code)
    return ends


def openai(**fields: Any) -> bytes:
    entry = {"b64_json": sample_image("png", 256, 256).decode()}
    return json.dumps({"created": 1, "data": [entry | fields.pop("entry", {})]} | fields).encode()


def google(**fields: Any) -> bytes:
    entry = {"bytesBase64Encoded": sample_image("png", 256, 256).decode(), "mimeType": "image/png"}
    return json.dumps({"predictions": [entry | fields.pop("entry", {})]} | fields).encode()


ODD: dict[str, tuple[Callable[[], bytes], str]] = {
    "a revised prompt with half a character": (
        lambda: openai(entry={"revised_prompt": "a \ud83e fox \x00\r\n"}),
        "openai-images",
    ),
    "a quality with half a character": (lambda: openai(quality="\udc00\r\n"), "openai-images"),
    "a date beyond all dates": (lambda: openai(created=10**400), "openai-images"),
    "a prompt of Google's with half a character": (
        lambda: google(entry={"prompt": "a \ud83e fox"}),
        "google-predict",
    ),
}
"""Right images with odd words beside them."""


@STREAMED
@pytest.mark.parametrize("case", ODD)
async def test_an_image_with_odd_words_beside_it_is_an_image_or_an_error(
    tmp_path: Path, case: str, stream: bool
) -> None:
    body, dialect = ODD[case]
    behavior = says(http_response(body()))
    async with gateway_before(tmp_path, behavior, **speaking(dialect)) as (gateway, _):
        response = await gateway.generate(stream=stream)

        paid = CREDITS_MICRO - (await gateway.account()).balance
        assert (response.status_code, paid) in [(200, PRICE), (503, 0)]
        json.loads(response.text.split("\ndata: ")[-1] if stream else response.text)
