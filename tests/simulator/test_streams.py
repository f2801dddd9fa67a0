from json import JSONDecodeError

import pytest
from openai import APIConnectionError, APIError, AsyncOpenAI
from openai.types import Image as OpenAIImage
from openai.types import ImageGenCompletedEvent, ImageGenPartialImageEvent, ImageGenStreamEvent

from tintype_testing.http import http_client
from tintype_testing.simulators import fault, file_of, opened


async def events(
    client: AsyncOpenAI, n: int = 1, partial_images: int = 0, headers: dict[str, str] | None = None
) -> list[ImageGenStreamEvent]:
    """Return all events of a streamed request."""
    stream = await client.images.generate(
        model="gpt-image-2",
        prompt="a red fox in deep snow",
        n=n,
        quality="low",
        output_format="webp",
        stream=True,
        partial_images=partial_images,
        extra_headers=headers,
    )
    return [event async for event in stream]


@pytest.mark.parametrize("partial_images", [0, 1, 2, 3])
async def test_a_stream_has_the_partial_images_asked_for_and_then_the_whole(
    client: AsyncOpenAI, partial_images: int
) -> None:
    *partials, last = await events(client, partial_images=partial_images)

    assert isinstance(last, ImageGenCompletedEvent)
    assert len(partials) == partial_images
    for index, partial in enumerate(partials):
        assert isinstance(partial, ImageGenPartialImageEvent)
        assert partial.partial_image_index == index


async def test_partial_images_differ_from_the_final_one(client: AsyncOpenAI) -> None:
    received = await events(client, partial_images=3)

    files = [file_of(OpenAIImage(b64_json=event.b64_json)) for event in received]
    assert {(opened(file).format, opened(file).size) for file in files} == {("WEBP", (1024, 1024))}
    assert len(set(files)) == 4


async def test_a_streamed_image_is_that_of_a_plain_response(client: AsyncOpenAI) -> None:
    plain = await client.images.generate(
        model="gpt-image-2", prompt="a red fox in deep snow", quality="low", output_format="webp"
    )

    [streamed] = await events(client)

    assert plain.data is not None
    assert streamed.b64_json == plain.data[0].b64_json


async def test_every_event_reports_the_resolved_values(client: AsyncOpenAI) -> None:
    for event in await events(client, partial_images=1):
        resolved = (event.size, event.quality, event.background, event.output_format)
        assert resolved == ("1024x1024", "low", "opaque", "webp")
        assert event.created_at > 0


async def test_partial_images_count_as_output_tokens(client: AsyncOpenAI) -> None:
    *_, last = await events(client, partial_images=3)

    assert isinstance(last, ImageGenCompletedEvent)
    assert (last.usage.input_tokens, last.usage.output_tokens) == (5, 196 + 300)
    assert last.usage.total_tokens == 501


async def test_each_of_several_images_has_its_completed_event(client: AsyncOpenAI) -> None:
    received = await events(client, n=2, partial_images=1)

    kinds = [event.type.removeprefix("image_generation.") for event in received]
    assert kinds == ["partial_image", "completed"] * 2


async def test_the_usage_of_several_images_adds_up_to_that_of_a_plain_response(
    client: AsyncOpenAI,
) -> None:
    plain = await client.images.generate(
        model="gpt-image-2", prompt="a red fox in deep snow", n=2, quality="low"
    )

    completed = [e for e in await events(client, n=2) if isinstance(e, ImageGenCompletedEvent)]

    assert plain.usage is not None
    assert sum(e.usage.total_tokens for e in completed) == plain.usage.total_tokens


async def test_a_stream_is_made_of_named_one_line_events(simulator: str) -> None:
    async with http_client() as http:
        response = await http.post(
            f"{simulator}/v1/images/generations",
            json={"model": "gpt-image-2", "prompt": "a red fox", "stream": True},
            headers={"authorization": "Bearer key"},
        )

    assert response.headers["content-type"].startswith("text/event-stream")
    name, data, *rest = response.text.split("\n")
    assert name == "event: image_generation.completed"
    assert data.startswith('data: {"type":"image_generation.completed"')
    assert rest == ["", ""]


async def test_an_error_can_end_a_stream(client: AsyncOpenAI) -> None:
    stream = await client.images.generate(
        model="gpt-image-2",
        prompt="a red fox",
        stream=True,
        partial_images=3,
        extra_headers=fault(error="openai/server_error", after_frames=2),
    )

    passed = [(await anext(stream)).type for _ in range(2)]
    with pytest.raises(APIError, match="The server had an error"):
        await anext(stream)

    assert passed == ["image_generation.partial_image"] * 2


async def test_a_stream_can_break_off_before_it_is_complete(client: AsyncOpenAI) -> None:
    with pytest.raises(APIConnectionError):
        await events(client, partial_images=3, headers=fault(cut_after_bytes=50_000))


async def test_every_event_can_be_damaged(client: AsyncOpenAI) -> None:
    damaged = await events(client, partial_images=1, headers=fault(damage="truncated_base64"))

    assert [event.type for event in damaged] == [
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    for event in damaged:
        with pytest.raises(ValueError, match="padding"):
            file_of(OpenAIImage(b64_json=event.b64_json))


async def test_the_json_of_an_event_can_be_malformed(client: AsyncOpenAI) -> None:
    with pytest.raises(JSONDecodeError):
        await events(client, headers=fault(damage="malformed_json"))


async def test_a_plain_response_can_come_instead_of_a_stream(client: AsyncOpenAI) -> None:
    assert await events(client, headers=fault(body={"created": 0, "data": []})) == []
