"""Responses of Gemini's image models that come part by part."""

import asyncio
import json

import httpx2
import pytest
from google.genai import Client, types
from google.genai.errors import ServerError

from tests.simulator.genai import GEMINI, QUIET, files_in, gemini, reached, with_fault
from tintype_testing.http import http_client
from tintype_testing.simulators import fault, opened

pytestmark = QUIET

MODEL = "gemini-3.1-flash-lite-image"
Chunks = list[types.GenerateContentResponse]


async def chunks(
    simulator: str,
    prompt: str = "a red fox",
    config: types.GenerateContentConfig | None = None,
    model: str = MODEL,
) -> Chunks:
    async with gemini(simulator) as client:
        stream = await client.models.generate_content_stream(
            model=model, contents=prompt, config=config
        )
        return [chunk async for chunk in stream]


@pytest.mark.parametrize("model", GEMINI)
async def test_each_part_comes_in_a_chunk_of_its_own(simulator: str, model: str) -> None:
    text, image = await chunks(simulator, model=model)

    assert text.text
    assert [opened(file).size for file in files_in(image)] == [(1024, 1024)]


async def test_only_the_last_chunk_has_finish_reason_and_usage(simulator: str) -> None:
    first, last = await chunks(simulator)

    assert first.candidates is not None
    assert last.candidates is not None
    assert (first.candidates[0].finish_reason, first.usage_metadata) == (None, None)
    assert last.candidates[0].finish_reason == types.FinishReason.STOP
    assert last.usage_metadata is not None
    assert last.usage_metadata.candidates_token_count == 1120 + 10


async def test_the_synchronous_client_is_served_as_well(simulator: str) -> None:
    def once() -> Chunks:
        with Client(api_key="key", http_options=reached(simulator)) as client:
            return list(client.models.generate_content_stream(model=MODEL, contents="a red fox"))

    *_, last = await asyncio.to_thread(once)
    assert len(files_in(last)) == 1


async def test_a_streamed_image_is_that_of_a_plain_response(simulator: str) -> None:
    async with gemini(simulator) as client:
        plain = await client.models.generate_content(model=MODEL, contents="a red fox")

    *_, streamed = await chunks(simulator)

    assert files_in(streamed) == files_in(plain)


async def test_all_chunks_have_the_id_of_one_response(simulator: str) -> None:
    received = await chunks(simulator, "a red fox with-thoughts")

    assert len(received) == 4
    assert len({chunk.response_id for chunk in received}) == 1


async def test_a_refusal_is_one_chunk(simulator: str) -> None:
    [only] = await chunks(simulator, "a forbidden fox")

    assert only.prompt_feedback is not None
    assert not only.candidates


async def test_a_stream_can_end_with_an_error(simulator: str) -> None:
    config = with_fault(fault(error="google/UNAVAILABLE", after_frames=1))

    with pytest.raises(ServerError) as raised:
        await chunks(simulator, config=config)

    assert (raised.value.code, raised.value.status) == (503, "UNAVAILABLE")


async def test_events_can_lose_their_data(simulator: str) -> None:
    damaged = await chunks(simulator, config=with_fault(fault(damage="empty_data")))

    assert [chunk.candidates for chunk in damaged] == [[], []]


async def raw(simulator: str, query: str) -> httpx2.Response:
    body = {"contents": [{"parts": [{"text": "a red fox"}]}]}
    path = f"/v1beta/models/{MODEL}:streamGenerateContent?key=k{query}"
    async with http_client() as http:
        return await http.post(simulator + path, json=body)


async def test_frames_have_data_lines_alone_and_end_with_crlf(simulator: str) -> None:
    response = await raw(simulator, "&alt=sse")

    frames = response.text.split("\r\n\r\n")
    assert response.headers["content-type"] == "text/event-stream"
    assert frames.pop() == ""
    assert len(frames) == 2
    for frame in frames:
        assert frame.startswith("data: {")
        assert "\n" not in frame


async def test_without_sse_a_stream_is_one_json_list(simulator: str) -> None:
    response = await raw(simulator, "")

    assert len(json.loads(response.text)) == 2
