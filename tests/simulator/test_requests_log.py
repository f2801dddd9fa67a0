import httpx2
from openai import AsyncOpenAI

from tintype_simulator.control.routes import REQUESTS_KEPT
from tintype_testing.simulators import fault, requests_received


async def test_the_log_holds_what_a_provider_received(simulator: str, client: AsyncOpenAI) -> None:
    await client.images.generate(model="gpt-image-1", prompt="a red fox", n=2, user="u-1")

    [received] = await requests_received(simulator)

    assert (received["method"], received["path"]) == ("POST", "/v1/images/generations")
    assert received["body"] == {
        "model": "gpt-image-1",
        "prompt": "a red fox",
        "n": 2,
        "user": "u-1",
    }


async def test_the_log_holds_headers_but_no_keys(simulator: str, client: AsyncOpenAI) -> None:
    await client.models.list(extra_headers={"X-Trace": "t-1"})

    [received] = await requests_received(simulator)

    assert isinstance(received["headers"], dict)
    assert received["headers"]["x-trace"] == "t-1"
    assert "authorization" not in received["headers"]


async def test_a_request_that_met_a_fault_is_in_the_log(
    simulator: str, client: AsyncOpenAI
) -> None:
    await client.models.list(extra_headers=fault(body={"object": "list", "data": []}))

    [received] = await requests_received(simulator)

    assert received["path"] == "/v1/models"


async def test_a_body_that_is_no_json_is_logged_as_text(simulator: str) -> None:
    async with httpx2.AsyncClient() as http:
        await http.post(f"{simulator}/v1/images/generations", content=b"nonsense \xff")

    [received] = await requests_received(simulator)

    assert received["body"] == "nonsense \N{REPLACEMENT CHARACTER}"


async def test_the_log_forgets_the_oldest_requests(simulator: str) -> None:
    async with httpx2.AsyncClient() as http:
        for number in range(REQUESTS_KEPT + 5):
            await http.get(f"{simulator}/v1/models?number={number}")

    received = await requests_received(simulator)

    assert len(received) == REQUESTS_KEPT
    assert received[0]["path"] == "/v1/models?number=5"
