import asyncio
import time

import pytest
from openai import AsyncOpenAI, OpenAI

from tintype_simulator.app import running
from tintype_simulator.openai.models import MODELS
from tintype_testing.http import http_client
from tintype_testing.simulators import file_of, opened, requests_received

GPT_MODELS = [name for name in MODELS if not name.startswith("dall-e")]


@pytest.mark.parametrize("model", MODELS)
async def test_every_model_paints_the_requested_size(client: AsyncOpenAI, model: str) -> None:
    response = await client.images.generate(model=model, prompt="a red fox", size="1024x1024")

    assert response.data is not None
    image = opened(file_of(response.data[0]))
    assert (image.format, image.size) == ("PNG", (1024, 1024))


async def test_the_synchronous_client_is_served_as_well(simulator: str) -> None:
    def ask() -> bytes:
        with OpenAI(base_url=f"{simulator}/v1", api_key="key", max_retries=0) as client:
            response = client.images.generate(model="gpt-image-1-mini", prompt="a red fox")
            assert response.data is not None
            return file_of(response.data[0])

    assert opened(await asyncio.to_thread(ask)).size == (1024, 1024)


@pytest.mark.parametrize("model", GPT_MODELS)
async def test_gpt_models_resolve_auto(client: AsyncOpenAI, model: str) -> None:
    response = await client.images.generate(
        model=model, prompt="a red fox", size="auto", quality="auto", background="auto"
    )

    resolved = (response.size, response.quality, response.background, response.output_format)
    assert resolved == ("1024x1024", "medium", "opaque", "png")


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("dall-e-2", "256x256"),
        ("dall-e-2", "512x512"),
        ("dall-e-3", "1792x1024"),
        ("dall-e-3", "1024x1792"),
        ("gpt-image-1", "1024x1536"),
        ("gpt-image-1.5", "1536x1024"),
        ("gpt-image-2", "1536x864"),
        ("gpt-image-2.5-flare", "1920x1088"),
        ("gpt-image-2.6-flare", "640x1024"),
    ],
)
async def test_an_image_has_the_size_that_the_response_names(
    client: AsyncOpenAI, model: str, size: str
) -> None:
    response = await client.images.generate(model=model, prompt="a red fox", size=size)

    assert response.data is not None
    width, height = opened(file_of(response.data[0])).size
    assert f"{width}x{height}" == size
    assert response.size == (None if model.startswith("dall-e") else size)


async def test_the_same_request_gives_another_image_each_time(client: AsyncOpenAI) -> None:
    assert len(set(await foxes(client))) == 3


async def test_the_images_are_the_same_after_each_start(client: AsyncOpenAI) -> None:
    async with (
        running() as other,
        AsyncOpenAI(base_url=f"{other}/v1", api_key="key") as newcomer,
    ):
        assert await foxes(client) == await foxes(newcomer)


async def test_the_images_repeat_after_the_log_is_cleared(
    simulator: str, client: AsyncOpenAI
) -> None:
    before = await foxes(client)

    async with http_client() as http:
        await http.delete(f"{simulator}/_simulator/requests")

    assert await requests_received(simulator) == []
    assert await foxes(client) == before


async def foxes(client: AsyncOpenAI) -> list[bytes]:
    """Ask for an image three times."""
    responses = [
        await client.images.generate(model="gpt-image-2", prompt="a red fox", quality="low")
        for _ in range(3)
    ]
    return [file_of(image) for response in responses for image in response.data or ()]


async def test_several_images_of_one_request_differ(client: AsyncOpenAI) -> None:
    response = await client.images.generate(
        model="gpt-image-1", prompt="a red fox", n=10, output_format="jpeg", quality="low"
    )

    assert response.data is not None
    assert len({file_of(image) for image in response.data}) == 10


async def test_models_paint_the_same_prompt_differently(client: AsyncOpenAI) -> None:
    responses = [
        await client.images.generate(model=model, prompt="a red fox")
        for model in ("gpt-image-2", "gpt-image-2.5-flare")
    ]

    assert responses[0].data != responses[1].data


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
async def test_the_image_has_the_requested_format(client: AsyncOpenAI, output_format: str) -> None:
    response = await client.images.generate(
        model="gpt-image-2",
        prompt="a red fox",
        extra_body={"output_format": output_format},
    )

    assert response.data is not None
    assert opened(file_of(response.data[0])).format == output_format.upper()
    assert response.output_format == output_format


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
async def test_compression_makes_the_file_smaller(client: AsyncOpenAI, output_format: str) -> None:
    sizes = []
    for compression in (10, 100):
        response = await client.images.generate(
            model="gpt-image-1",
            prompt="a red fox",
            output_compression=compression,
            extra_body={"output_format": output_format},
        )
        assert response.data is not None
        sizes.append(len(file_of(response.data[0])))

    assert sizes[0] < sizes[1]


async def test_a_transparent_background_is_transparent(client: AsyncOpenAI) -> None:
    response = await client.images.generate(
        model="gpt-image-1.5", prompt="a red fox", background="transparent", output_format="webp"
    )

    assert response.data is not None
    assert opened(file_of(response.data[0])).getchannel("A").getextrema() == (0, 255)
    assert response.background == "transparent"


async def test_quality_changes_the_image(client: AsyncOpenAI) -> None:
    low = await client.images.generate(model="gpt-image-2", prompt="a red fox", quality="low")
    high = await client.images.generate(model="gpt-image-2", prompt="a red fox", quality="high")

    assert low.data != high.data


async def test_usage_counts_the_prompt_once_and_every_image(client: AsyncOpenAI) -> None:
    response = await client.images.generate(
        model="gpt-image-2", prompt="a red fox in deep snow", n=3, size="1536x864", quality="high"
    )

    assert response.usage is not None
    assert response.usage.to_dict() == {
        "input_tokens": 5,
        "input_tokens_details": {"text_tokens": 5, "image_tokens": 0},
        "output_tokens": 3 * 4312,
        "output_tokens_details": {"image_tokens": 3 * 4312, "text_tokens": 0},
        "total_tokens": 5 + 3 * 4312,
    }


@pytest.mark.parametrize("model", ["dall-e-2", "dall-e-3"])
async def test_dall_e_reports_neither_usage_nor_resolved_values(
    client: AsyncOpenAI, model: str
) -> None:
    response = await client.images.generate(model=model, prompt="a fox", response_format="b64_json")

    assert set(response.to_dict()) == {"created", "data"}


async def test_dall_e_3_reports_the_revised_prompt(client: AsyncOpenAI) -> None:
    response = await client.images.generate(model="dall-e-3", prompt="a red fox", style="natural")

    assert response.data is not None
    revised = response.data[0].revised_prompt
    assert revised == "A detailed image in a natural style: a red fox"


async def test_dall_e_3_paints_natural_images_in_other_colors(client: AsyncOpenAI) -> None:
    vivid = await client.images.generate(model="dall-e-3", prompt="a red fox")
    natural = await client.images.generate(model="dall-e-3", prompt="a red fox", style="natural")

    assert vivid.data is not None
    assert natural.data is not None
    assert vivid.data[0].b64_json != natural.data[0].b64_json


async def test_created_is_the_time_of_the_response(client: AsyncOpenAI) -> None:
    before = int(time.time())

    response = await client.images.generate(model="gpt-image-2", prompt="a red fox")

    assert before <= response.created <= time.time()


@pytest.mark.parametrize(
    ("identifiers", "echoed"),
    [
        ({}, None),
        ({"user": "u-1"}, "u-1"),
        ({"user": "u-1", "safety_identifier": ""}, "u-1"),
        ({"user": "u-1", "safety_identifier": "s-1"}, "s-1"),
    ],
)
async def test_the_end_users_identifier_is_echoed(
    client: AsyncOpenAI, identifiers: dict[str, str], echoed: str | None
) -> None:
    response = await client.images.generate(
        model="gpt-image-2", prompt="a red fox", extra_body=identifiers
    )

    assert response.safety_identifier == echoed


async def test_null_means_that_a_field_is_absent(client: AsyncOpenAI) -> None:
    response = await client.images.generate(
        model="gpt-image-2", prompt="a red fox", n=None, size=None, quality=None, background=None
    )

    assert (response.size, response.quality) == ("1024x1024", "medium")


async def test_responses_carry_openais_headers(client: AsyncOpenAI) -> None:
    raw = await client.images.with_raw_response.generate(model="gpt-image-2", prompt="a red fox")

    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.headers["openai-version"] == "2020-10-01"
    assert int(raw.headers["openai-processing-ms"]) >= 0
    for limit in ("requests", "tokens"):
        for figure in ("limit", "remaining", "reset"):
            assert f"x-ratelimit-{figure}-{limit}" in raw.headers
