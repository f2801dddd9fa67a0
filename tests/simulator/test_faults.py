import base64
import json
from json import JSONDecodeError

import httpx2
import pytest
from openai import APIConnectionError, APITimeoutError, AsyncOpenAI
from openai.types import ImagesResponse

from tintype_simulator.app import running
from tintype_simulator.control.faults import parse_fault
from tintype_testing.http import http_client
from tintype_testing.simulators import fault, script


async def generate(client: AsyncOpenAI, **fields: object) -> ImagesResponse:
    """Ask for an image with a fault in the way."""
    return await client.images.generate(
        model="gpt-image-2", prompt="a red fox", quality="low", extra_headers=fault(**fields)
    )


async def test_a_hanging_request_gets_no_response_and_others_do(client: AsyncOpenAI) -> None:
    with pytest.raises(APITimeoutError):
        await generate(client.with_options(timeout=0.2), hang=True)

    assert (await generate(client)).data


async def test_a_delay_outlasts_the_timeout_of_the_client(client: AsyncOpenAI) -> None:
    with pytest.raises(APITimeoutError):
        await generate(client.with_options(timeout=0.2), delay_seconds=30)


async def test_a_delayed_response_is_a_good_one(client: AsyncOpenAI) -> None:
    assert (await generate(client, delay_seconds=0.01)).data


async def test_latency_delays_every_response() -> None:
    async with (
        running(latency_seconds=30) as url,
        AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0, timeout=0.2) as client,
    ):
        with pytest.raises(APITimeoutError):
            await client.models.list()


async def receive(simulator: str, received: bytearray, headers: dict[str, str]) -> None:
    """Ask for an image and keep every byte of the body, also of one that breaks off."""
    async with (
        http_client() as http,
        http.stream(
            "POST",
            f"{simulator}/v1/images/generations",
            json={"model": "gpt-image-2", "prompt": "a red fox"},
            headers={"authorization": "Bearer key"} | headers,
        ) as response,
    ):
        async for part in response.aiter_raw():
            received += part


@pytest.mark.parametrize("count", [0, 1, 1000])
async def test_a_cut_response_ends_after_this_many_bytes(simulator: str, count: int) -> None:
    received = bytearray()

    with pytest.raises(httpx2.RemoteProtocolError):
        await receive(simulator, received, fault(cut_after_bytes=count))

    assert len(received) == count


async def test_openais_client_sees_a_cut_response_as_a_broken_connection(
    client: AsyncOpenAI,
) -> None:
    with pytest.raises(APIConnectionError):
        await generate(client, cut_after_bytes=5000)


async def test_an_error_can_be_cut_like_any_response(client: AsyncOpenAI) -> None:
    with pytest.raises(APIConnectionError):
        await generate(client, error="openai/server_error", cut_after_bytes=10)


async def test_truncated_base64_does_not_decode(client: AsyncOpenAI) -> None:
    response = await generate(client, damage="truncated_base64")

    assert response.data is not None
    with pytest.raises(ValueError, match="padding"):
        base64.b64decode(str(response.data[0].b64_json), validate=True)


async def test_truncated_base64_keeps_the_rest(client: AsyncOpenAI) -> None:
    whole, truncated = await generate(client), await generate(client, damage="truncated_base64")

    assert truncated.usage == whole.usage


async def test_malformed_json_does_not_parse(client: AsyncOpenAI) -> None:
    with pytest.raises(JSONDecodeError):
        await generate(client, damage="malformed_json")


async def test_empty_data_has_no_images(client: AsyncOpenAI) -> None:
    assert (await generate(client, damage="empty_data")).data == []


async def test_wrong_types_keep_the_shape_and_nothing_else(client: AsyncOpenAI) -> None:
    raw = await client.images.with_raw_response.generate(
        model="gpt-image-2", prompt="a red fox", extra_headers=fault(damage="wrong_types")
    )

    body = json.loads(raw.content)
    assert body["created"] == "wrong type"
    assert body["data"] == [{"b64_json": 0}]
    assert body["usage"]["output_tokens"] == "wrong type"


async def test_listed_faults_apply_in_turn(simulator: str, client: AsyncOpenAI) -> None:
    await script(simulator, {"damage": "empty_data"}, {}, {"damage": "empty_data"})

    images = [len((await client_response(client)).data or []) for _ in range(4)]

    assert images == [0, 1, 0, 1]


async def client_response(client: AsyncOpenAI) -> ImagesResponse:
    """Ask for an image."""
    return await client.images.generate(model="gpt-image-2", prompt="a red fox", quality="low")


async def test_a_new_list_of_faults_replaces_the_old(simulator: str, client: AsyncOpenAI) -> None:
    await script(simulator, {"hang": True})
    await script(simulator, {"damage": "empty_data"})

    assert (await client_response(client)).data == []


async def test_listed_faults_can_be_cleared(simulator: str, client: AsyncOpenAI) -> None:
    await script(simulator, {"damage": "empty_data"})
    async with http_client() as http:
        await http.delete(f"{simulator}/_simulator/faults")

    assert (await client_response(client)).data


async def test_the_fault_in_a_header_goes_before_the_listed_ones(
    simulator: str, client: AsyncOpenAI
) -> None:
    await script(simulator, {"damage": "empty_data"})

    assert (await generate(client, delay_seconds=0)).data
    assert (await client_response(client)).data == []


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ([], "must be a JSON object"),
        ({"errror": "openai/server_error"}, "unknown field 'errror'"),
        ({"error": "openai/nonsense"}, "unknown error 'openai/nonsense'"),
        ({"damage": "nonsense"}, "unknown damage 'nonsense'"),
        ({"status": "500"}, "'status' must be of type int"),
        ({"headers": {"retry-after": 1}}, "values of 'headers' must be of type str"),
    ],
)
def test_an_invalid_fault_is_refused(fields: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_fault(fields, {})


@pytest.mark.parametrize("own", ["{", '{"errror": 1}', "7"])
async def test_an_invalid_fault_in_a_header_is_a_bad_request(simulator: str, own: str) -> None:
    async with http_client() as http:
        response = await http.get(f"{simulator}/v1/models", headers={"X-Simulator-Fault": own})

    assert response.status_code == 400


@pytest.mark.parametrize("body", ["{}", "nonsense", json.dumps([{"errror": 1}])])
async def test_an_invalid_list_of_faults_is_refused(simulator: str, body: str) -> None:
    async with http_client() as http:
        response = await http.put(f"{simulator}/_simulator/faults", content=body)

    assert response.status_code == 400
