"""OpenAI's own Python client against the gateway: what its users see."""

import asyncio
from typing import Any, Literal

import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types import ImagesResponse
from PIL.Image import Image

from tintype_testing.gateway import Gateway
from tintype_testing.simulators import file_of, opened

ACTIVE = {
    "gpt-image-1",
    "gpt-image-1-mini",
    "gpt-image-1.5",
    "gpt-image-2",
    "gpt-image-2.5-flare",
    "gpt-image-2.5-sunburst",
    "gpt-image-2.6-flare",
    "gpt-image-2.6-sunburst",
}
"""OpenAI's models that work in a rehearsal, `tintype gateway --simulate`."""

INACTIVE = {"dall-e-2", "dall-e-3", "gpt-5-mini"}


def images_of(response: ImagesResponse) -> list[Image]:
    """Return every image of a response, fully decoded."""
    return [opened(file_of(image)) for image in response.data or ()]


@pytest.mark.parametrize("model", sorted(ACTIVE))
async def test_every_active_model_makes_an_image_of_the_requested_size(
    client: AsyncOpenAI, model: str
) -> None:
    response = await client.images.generate(
        model=model, prompt="a red fox", size="1536x1024", quality="low"
    )

    assert [image.size for image in images_of(response)] == [(1536, 1024)]
    assert (response.size, response.quality, response.output_format) == ("1536x1024", "low", "png")


async def test_the_blocking_client_gets_an_image_too(gateway: Gateway) -> None:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
        response = await asyncio.to_thread(
            client.images.generate, model="gpt-image-1", prompt="a red fox", quality="low"
        )

    assert [image.size for image in images_of(response)] == [(1024, 1024)]


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
async def test_an_image_comes_in_the_requested_format(
    client: AsyncOpenAI, output_format: Literal["png", "jpeg", "webp"]
) -> None:
    response = await client.images.generate(
        model="gpt-image-1", prompt="a red fox", quality="low", output_format=output_format
    )

    assert [image.format for image in images_of(response)] == [output_format.upper()]
    assert response.output_format == output_format


async def test_more_compression_makes_a_smaller_file(client: AsyncOpenAI) -> None:
    files = [
        await client.images.generate(
            model="gpt-image-1",
            prompt="a red fox",
            quality="low",
            output_format="jpeg",
            output_compression=percent,
        )
        for percent in (95, 20)
    ]

    large, small = (file_of((response.data or [])[0]) for response in files)
    assert len(small) < len(large)


async def test_a_transparent_background_has_an_alpha_channel(client: AsyncOpenAI) -> None:
    response = await client.images.generate(
        model="gpt-image-1", prompt="a red fox", quality="low", background="transparent"
    )

    (image,) = images_of(response)
    assert image.getchannel("A").getextrema()[0] == 0
    assert response.background == "transparent"


async def test_images_of_a_model_that_makes_one_at_a_time_come_from_as_many_calls(
    gateway: Gateway, client: AsyncOpenAI
) -> None:
    response = await client.images.generate(
        model="gpt-image-1", prompt="a red fox", quality="low", n=3
    )

    images = images_of(response)
    assert [image.size for image in images] == [(1024, 1024)] * 3
    assert len({image.tobytes() for image in images}) == 3
    assert [call["n"] for call in await gateway.upstream_calls()] == [1, 1, 1]


async def test_images_of_a_model_that_makes_many_at_a_time_come_from_one_call(
    gateway: Gateway, client: AsyncOpenAI
) -> None:
    response = await client.images.generate(
        model="gpt-image-1-mini", prompt="a red fox", quality="low", n=3
    )

    assert len(images_of(response)) == 3
    assert [call["n"] for call in await gateway.upstream_calls()] == [3]


async def test_every_field_of_the_request_reaches_the_provider(
    gateway: Gateway, client: AsyncOpenAI
) -> None:
    request = {
        "model": "gpt-image-1",
        "prompt": "a red fox, ein Füchslein, 狐",
        "n": 1,
        "size": "1024x1536",
        "quality": "low",
        "background": "opaque",
        "output_format": "webp",
        "output_compression": 50,
        "moderation": "low",
        "user": "pupil-7",
    }

    await client.images.generate(**request)  # type: ignore[call-overload]

    assert await gateway.upstream_calls() == [request]


async def models_of_openai(client: AsyncOpenAI) -> dict[str, dict[str, Any]]:
    """Return what the list says of each model besides OpenAI's own fields."""
    models = (await client.models.list()).data
    return {model.id: model.model_extra or {} for model in models if model.owned_by == "openai"}


async def test_the_list_of_models_says_which_of_them_work(client: AsyncOpenAI) -> None:
    models = await models_of_openai(client)

    works = {name: model["active"] for name, model in models.items()}
    assert works == dict.fromkeys(ACTIVE, True) | dict.fromkeys(INACTIVE, False)


async def test_image_models_are_found_by_their_feature(client: AsyncOpenAI) -> None:
    models = await models_of_openai(client)

    found = {
        name for name, model in models.items() if "image_generation" in model["supported_features"]
    }
    assert found == ACTIVE | {"dall-e-2", "dall-e-3"}


@pytest.mark.parametrize("name", ["gpt-image-2", "gpt-image-2-2026-04-21", "openai/gpt-image-2"])
async def test_a_model_is_found_by_its_id_an_alias_and_a_provider_prefix(
    client: AsyncOpenAI, name: str
) -> None:
    model = await client.models.retrieve(name)

    assert (model.id, model.owned_by, model.object) == ("gpt-image-2", "openai", "model")


async def test_a_model_shows_its_prices_as_decimal_strings(client: AsyncOpenAI) -> None:
    model = await client.models.retrieve("gpt-image-1")

    cost = (model.model_extra or {})["cost"]
    assert (cost["type"], cost["currency"]) == ("per_token", "USD")
    assert cost["per_million_tokens"]["image_output"] == "40"


async def test_a_retired_model_is_described_with_its_last_day_and_its_replacement(
    client: AsyncOpenAI,
) -> None:
    model = await client.models.retrieve("dall-e-3")

    lifecycle = (model.model_extra or {})["lifecycle"]
    assert model.shutdown_date == "2026-05-12"
    assert lifecycle["state"] == "Retired"
    assert lifecycle["replacement"] == "gpt-image-2"
