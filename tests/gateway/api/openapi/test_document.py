"""The document says what the API does, and all of it."""

import json
import re
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest

from tintype_gateway import errors
from tintype_gateway.api.openapi.document import FILE_PATH, document
from tintype_gateway.api.openapi.errors import FAULTS
from tintype_gateway.api.requests import ImageGenerationRequest
from tintype_gateway.http.json_document import JsonDocument
from tintype_gateway.ledger.interface import Policy
from tintype_testing.gateway import ACCOUNT, Gateway, canvas, catalog_of, running_gateway
from tintype_testing.http import http_client
from tintype_testing.manifests import changed, image_model, provider_binding

MODEL, BINDING = canvas()
WORDS = {"quality": {"handling": "Map", "values": {"sketch": "sketch"}}}
SECRETS = {"quality": {"handling": "Map", "values": {"velvet": "velvet"}}}
SECRETIVE = [
    changed(changed(MODEL, "spec.parameters", WORDS), "spec.providerParameters", {"brush": []}),
    BINDING,
    image_model(
        "vault",
        parameters=SECRETS,
        providerParameters={"brush": [], "palette": []},
        ownedBy="hidden-lab",
    ),
    provider_binding(
        "vault", model="vault", provider="bedrock", dialect="bedrock-amazon", regions=["us-east-1"]
    ),
]
"""Two models, of which a caller may use the first."""

API = (Path(__file__).parents[4] / "docs" / "api.md").read_text()


async def test_it_is_served_without_a_key_and_then_names_nothing_of_the_catalog(
    tmp_path: Path,
) -> None:
    async with running_gateway(tmp_path, *SECRETIVE) as gateway, http_client(gateway.url) as http:
        response = await http.get("/openapi.json")

    assert response.json()["openapi"] == "3.1.0"
    assert response.json()["paths"]["/openapi.json"]["get"]["security"] == [{}, {"bearer": []}]
    for word in ("canvas", "vault", "palette", "brush", "sketch", "velvet", "hidden-lab"):
        assert word not in response.text
    assert _schema(response.json(), "ImageGenerationRequest")["additionalProperties"] is True


async def test_it_names_the_models_without_a_key_where_a_setting_says_so(tmp_path: Path) -> None:
    running = running_gateway(tmp_path, *SECRETIVE, public_models=True)
    async with running as gateway, http_client(gateway.url) as http:
        served = (await http.get("/openapi.json")).json()

    fields = _schema(served, "ImageGenerationRequest")["properties"]
    assert fields["brush"]["description"] == "A parameter of the provider, for canvas, vault."
    assert _schema(served, "ImageGenerationRequest")["additionalProperties"] is False


async def test_it_names_only_models_that_the_caller_may_use(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *SECRETIVE) as gateway:
        await gateway.ledger.set_policy(ACCOUNT, Policy(frozenset({"canvas"})))
        async with gateway.http() as http:
            response = await http.get("/openapi.json")

    fields = _schema(response.json(), "ImageGenerationRequest")["properties"]
    assert fields["brush"]["description"] == "A parameter of the provider, for canvas."
    headers = response.json()["paths"]["/v1/images/generations"]["post"]["parameters"]
    assert headers[0]["schema"]["enum"] == ["openai"]
    for word in ("vault", "palette", "velvet", "bedrock"):
        assert word not in response.text


async def test_a_wrong_key_gets_no_document(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *canvas()) as gateway, http_client(gateway.url) as http:
        response = await http.get("/openapi.json", headers={"Authorization": "Bearer wrong"})

    assert (response.status_code, response.json()["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("path", ["/openapi.json", "/v1/models"])
async def test_it_is_written_once_for_each_catalog_and_allow_list(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    write = JsonDocument.of_text.__func__  # type: ignore[attr-defined]

    def counted(kind: type[JsonDocument], body: bytes) -> JsonDocument:
        written.append(path)
        return cast(JsonDocument, write(kind, body))

    monkeypatch.setattr(JsonDocument, "of_text", classmethod(counted))
    async with running_gateway(tmp_path, *SECRETIVE) as gateway, gateway.http() as http:
        first = [await http.get(path) for _ in range(3)]
        assert len(written) == 1

        kept = await http.get(
            path, headers={"If-None-Match": f'"other", {first[0].headers["ETag"]}'}
        )
        assert (kept.status_code, kept.content) == (304, b"")
        assert kept.headers["ETag"] == first[0].headers["ETag"]

        await gateway.ledger.set_policy(ACCOUNT, Policy(frozenset({"canvas"})))
        other = await http.get(path, headers={"If-None-Match": first[0].headers["ETag"]})
        assert (other.status_code, len(written)) == (200, 2)

        gateway.catalogs.offer(catalog_of(canvas(), gateway.simulator), 2, "test")
        await http.get(path)
        assert len(written) == 3
    assert {response.headers["Cache-Control"] for response in first} == {"private, no-cache"}
    assert {response.headers["Vary"] for response in first} == {"Authorization"}


async def test_it_has_every_path_of_the_api(tmp_path: Path) -> None:
    described = {
        f"{method.upper()} {path}"
        for path, item in (await _document(tmp_path))["paths"].items()
        for method in item
    }

    documented = set(re.findall(r"^\| `((?:GET|POST|DELETE) /[^`]+)`", API, re.MULTILINE))
    assert described == documented - {f"GET {FILE_PATH}"}


def test_it_has_the_images_where_the_gateway_keeps_them() -> None:
    assert FILE_PATH in document(None, serves_files=True)["paths"]
    assert f"`GET {FILE_PATH}`" in API


async def test_it_has_every_field_of_a_request(tmp_path: Path) -> None:
    schema = _schema(await _document(tmp_path), "ImageGenerationRequest")

    assert ImageGenerationRequest.model_fields.keys() <= schema["properties"].keys()
    assert schema["additionalProperties"] is False


async def test_it_contains_the_values_of_the_catalog(tmp_path: Path) -> None:
    model, binding = canvas()
    words = {"quality": {"handling": "Map", "values": {"sketch": "sketch"}}}
    model["spec"] |= {"parameters": words, "providerParameters": {"brush": []}}

    served = await _document(tmp_path, model, binding)

    fields = _schema(served, "ImageGenerationRequest")["properties"]
    assert "sketch" in fields["quality"]["anyOf"][0]["enum"]
    assert fields["brush"]["description"] == "A parameter of the provider, for canvas."


async def test_a_real_response_has_the_documented_form(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        served = await _fetched(gateway)
        response = (await gateway.generate()).json()

    whole = _schema(served, "ImagesResponse") | {"components": served["components"]}
    jsonschema.validate(response, whole)


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
    rows = re.findall(r"^\| (\d{3}) \| ((?:`[a-z_]+`(?:, )?)+) \|", API, re.MULTILINE)
    documented = {(int(status), code) for status, codes in rows for code in _codes(codes)}

    described = {(status, code) for status, fault in FAULTS.items() for code in fault.codes}
    assert described == documented


def _codes(text: str) -> list[str]:
    return re.findall(r"`([a-z_]+)`", text)


def _schema(served: dict[str, Any], name: str) -> dict[str, Any]:
    schema: dict[str, Any] = served["components"]["schemas"][name]
    return schema


async def _document(folder: Path, *manifests: dict[str, Any]) -> dict[str, Any]:
    async with running_gateway(folder, *(manifests or canvas())) as gateway:
        return await _fetched(gateway)


async def _fetched(gateway: Gateway) -> dict[str, Any]:
    async with gateway.http() as http:
        served: dict[str, Any] = (await http.get("/openapi.json")).json()
    return served
