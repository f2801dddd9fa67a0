"""The fields, types and headers of a successful response."""

from pathlib import Path
from typing import Literal

import pytest
from openai import AsyncOpenAI
from openai.types import ImagesResponse
from pydantic import BaseModel, ConfigDict

from tintype_testing.gateway import Gateway, canvas, running_gateway
from tintype_testing.images import image
from tintype_testing.manifests import image_model, provider_binding


class Exact(BaseModel):
    """An object with just these fields, and no value converted."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Entry(Exact):
    b64_json: str
    revised_prompt: str | None
    seed: int | None
    watermark: Literal["c2pa", "provenance", "synthid", "none"]
    flagged: bool


class Details(Exact):
    text_tokens: int
    image_tokens: int


class Usage(Exact):
    images: int
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    megapixels: float | None
    credits_used: int
    credits_remaining: int | None


class TokenUsage(Usage):
    input_tokens_details: Details
    output_tokens_details: Details


class Body(Exact):
    created: int
    model: str
    data: list[Entry]
    background: str | None
    output_format: str
    quality: str | None
    size: str
    usage: TokenUsage | Usage


async def test_a_response_has_the_documented_fields_and_no_other(gateway: Gateway) -> None:
    response = await gateway.generate(model="gpt-image-1", quality="low", n=2)

    body = Body.model_validate_json(response.content)
    assert response.headers["content-type"] == "application/json"
    assert [(entry.watermark, entry.flagged) for entry in body.data] == [("c2pa", False)] * 2
    assert body.usage.model_dump(exclude={"credits_used", "credits_remaining"}) == {
        "images": 2,
        "input_tokens": 4,
        "output_tokens": 544,
        "total_tokens": 548,
        "megapixels": None,
        "input_tokens_details": {"text_tokens": 4, "image_tokens": 0},
        "output_tokens_details": {"text_tokens": 0, "image_tokens": 544},
    }


async def test_a_response_conforms_to_openais_types(gateway: Gateway) -> None:
    response = await gateway.generate(model="gpt-image-2", quality="low", size="1024x1024")

    body = ImagesResponse.model_validate_json(response.content, strict=True)
    assert (body.background, body.quality, body.size) == ("opaque", "low", "1024x1024")


async def test_a_model_paid_by_the_image_reports_megapixels_and_no_tokens(
    tmp_path: Path,
) -> None:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        body = Body.model_validate_json((await gateway.generate(n=3)).content)

    assert not isinstance(body.usage, TokenUsage)
    assert body.usage.megapixels == round(3 * 256 * 256 / 1_000_000, 6)
    assert body.usage.input_tokens is None


@pytest.mark.parametrize("name", ["gpt-image-2", "gpt-image-2-2026-04-21", "openai/gpt-image-2"])
async def test_the_models_name_comes_back_as_it_was_sent(gateway: Gateway, name: str) -> None:
    response = await gateway.generate(model=name, quality="low")

    assert response.json()["model"] == name


async def test_a_prompt_that_the_provider_rewrote_is_shown(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *dall_e_3()) as gateway:
        (entry,) = (await gateway.generate()).json()["data"]

    assert entry["revised_prompt"] == "A detailed image in a vivid style: a red fox"


async def test_the_time_is_the_providers_own_and_0_where_it_gives_none(tmp_path: Path) -> None:
    data = [{"b64_json": image(256, 256)}]
    async with running_gateway(tmp_path, *canvas()) as gateway:
        await gateway.script(
            {"body": {"created": 1777975004, "data": data}}, {"body": {"data": data}}
        )

        times = [(await gateway.generate()).json()["created"] for _ in range(2)]

    assert times == [1777975004, 0]


async def test_the_size_is_that_of_the_image_itself(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        await gateway.script({"body": {"data": [{"b64_json": image(48, 32)}], "size": "1x1"}})

        response = (await gateway.generate()).json()

    assert response["size"] == "48x32"
    assert response["usage"]["megapixels"] == 48 * 32 / 1_000_000


async def test_images_that_failed_are_listed_beside_those_that_came(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        await gateway.script({"error": "openai/server_error"})

        response = (await gateway.generate(n=3)).json()

    assert len(response["data"]) == response["usage"]["images"] == 2
    (error,) = response["errors"]
    assert error["code"] == "outcome_unknown"
    assert error["index"] in range(3)


async def test_images_that_the_provider_left_out_are_listed_too(tmp_path: Path) -> None:
    model, binding = canvas()
    model["spec"]["limits"] = {"maxImagesPerCall": 10}
    async with running_gateway(tmp_path, model, binding) as gateway:
        await gateway.script({"body": {"data": [{"b64_json": image(256, 256)}]}})

        response = (await gateway.generate(n=3)).json()

    assert response["usage"]["images"] == 1
    assert [(error["index"], error["code"]) for error in response["errors"]] == [
        (1, "image_missing"),
        (2, "image_missing"),
    ]


async def test_the_headers_name_the_route_and_the_catalog(gateway: Gateway) -> None:
    response = await gateway.generate(model="gpt-image-1", quality="low")

    assert response.headers["Tintype-Route"] == "openai/global/gpt-image-1-openai"
    assert response.headers["Tintype-Catalog-Revision"] == gateway.catalogs.current().revision
    assert response.headers["x-request-id"].startswith("req_")


async def test_the_headers_name_the_cost_where_the_image_is_complete_before_them(
    gateway: Gateway,
) -> None:
    response = await gateway.generate(model="gpt-image-1", quality="low")
    converted = await gateway.generate(model="nova-canvas", output_format="jpeg")

    assert "Tintype-Cost-Micro-Credits" not in response.headers
    cost = converted.json()["usage"]["credits_used"]
    assert converted.headers["Tintype-Cost-Micro-Credits"] == str(cost)


async def test_a_deprecated_model_has_deprecation_headers(tmp_path: Path) -> None:
    dates = {"deprecatedOn": "2020-01-01", "retiresOn": "2999-12-31"}
    model, binding = canvas()
    model["spec"]["lifecycle"] = dates
    async with running_gateway(tmp_path, model, binding) as gateway:
        response = await gateway.generate()

    assert response.headers["Deprecation"] == "@1577836800"
    assert response.headers["Sunset"] == "Tue, 31 Dec 2999 00:00:00 GMT"


async def test_the_client_sees_all_of_it(client: AsyncOpenAI) -> None:
    raw = await client.images.with_raw_response.generate(
        model="gpt-image-1", prompt="a red fox", quality="low"
    )

    assert raw.parse()._request_id == raw.headers["x-request-id"]


def dall_e_3() -> list[dict[str, object]]:
    """Return `canvas` as served by a model that rewrites prompts."""
    return [image_model(), provider_binding(upstreamModel="dall-e-3")]
