"""The document says what the API does, and all of it."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.gateway import Gateway, easel, running_gateway
from tests.support.http import http_client
from tintype_gateway import errors
from tintype_gateway.api.openapi.document import FILE_PATH, document
from tintype_gateway.api.openapi.errors import FAULTS
from tintype_gateway.api.requests import ImageGenerationRequest
from tintype_gateway.catalog.snapshot import Vocabulary

API = (Path(__file__).parents[3] / "docs" / "api.md").read_text()


async def test_it_is_served_without_a_key(tmp_path: Path) -> None:
    served = await _document(tmp_path)

    assert served["openapi"] == "3.1.0"
    assert served["paths"]["/openapi.json"]["get"]["security"] == []


async def test_it_has_every_path_of_the_api(tmp_path: Path) -> None:
    described = {
        f"{method.upper()} {path}"
        for path, item in (await _document(tmp_path))["paths"].items()
        for method in item
    }

    documented = set(re.findall(r"^\| `((?:GET|POST) /[^`]+)`", API, re.MULTILINE))
    assert described == documented - {f"GET {FILE_PATH}"}


def test_it_has_the_pictures_where_the_gateway_keeps_them() -> None:
    nothing = Vocabulary(frozenset(), frozenset(), {})

    assert FILE_PATH in document(nothing, serves_files=True)["paths"]
    assert f"`GET {FILE_PATH}`" in API


async def test_it_has_every_field_of_a_request(tmp_path: Path) -> None:
    schema = _schema(await _document(tmp_path), "ImageGenerationRequest")

    assert ImageGenerationRequest.model_fields.keys() <= schema["properties"].keys()
    assert schema["additionalProperties"] is False


async def test_it_speaks_the_words_of_the_catalog(tmp_path: Path) -> None:
    model, binding = easel()
    words = {"quality": {"handling": "Map", "values": {"sketch": "sketch"}}}
    model["spec"] |= {"parameters": words, "providerParameters": {"brush": []}}

    served = await _document(tmp_path, model, binding)

    fields = _schema(served, "ImageGenerationRequest")["properties"]
    assert "sketch" in fields["quality"]["anyOf"][0]["enum"]
    assert fields["brush"]["description"] == "A parameter of the provider, for canvas."


async def test_a_real_answer_has_the_form_that_is_described(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *easel()) as gateway:
        served = await _fetched(gateway)
        answer = (await gateway.generate()).json()

    whole = _schema(served, "ImagesResponse") | {"components": served["components"]}
    jsonschema.validate(answer, whole)


async def test_the_events_of_a_real_stream_have_the_form_that_is_described(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway:
        served = await _fetched(gateway)
        stream = await gateway.generate(model="gpt-image-1", stream=True, partial_images=1)
    assert stream.status_code == 200, stream.text
    events = [json.loads(line[6:]) for line in stream.text.splitlines() if line[:6] == "data: "]

    content = served["paths"]["/v1/images/generations"]["post"]["responses"]["200"]["content"]
    data = content["text/event-stream"]["schema"]["properties"]["data"]["contentSchema"]
    assert {event["type"].rpartition(".")[2] for event in events} == {"partial_image", "completed"}
    for event in events:
        jsonschema.validate(event, data | {"components": served["components"]})


@pytest.mark.parametrize("status", [status for status in FAULTS if status != 503])
def test_an_error_of_every_status_is_described(status: int) -> None:
    classes = [each for each in vars(errors).values() if isinstance(each, type)]
    statuses = {getattr(each, "status", None) for each in classes}

    assert status in statuses


def test_the_errors_are_those_of_the_documentation() -> None:
    told = re.findall(r"^\| (\d{3}) \| ((?:`[a-z_]+`(?:, )?)+) \|", API, re.MULTILINE)
    documented = {(int(status), code) for status, codes in told for code in _codes(codes)}

    described = {(status, code) for status, fault in FAULTS.items() for code in fault.codes}
    assert described == documented


def _codes(text: str) -> list[str]:
    return re.findall(r"`([a-z_]+)`", text)


def _schema(served: dict[str, Any], name: str) -> dict[str, Any]:
    schema: dict[str, Any] = served["components"]["schemas"][name]
    return schema


async def _document(folder: Path, *manifests: dict[str, Any]) -> dict[str, Any]:
    async with running_gateway(folder, *(manifests or easel())) as gateway:
        return await _fetched(gateway)


async def _fetched(gateway: Gateway) -> dict[str, Any]:
    async with http_client(gateway.url) as http:
        served: dict[str, Any] = (await http.get("/openapi.json")).json()
    return served
