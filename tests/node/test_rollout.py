"""Two gateways with one ledger; `test_upgrade` shows what clients see while they are replaced."""

import asyncio
from functools import partial

import aiohttp
import openai
import pytest

from tests.node.release import Release, response_status
from tests.node.workload import Workload
from tintype_testing.chart import Object
from tintype_testing.waiting import eventually_blocking, eventually_equal

LONG_SECONDS = 40

PATIENCE = "a painting that takes its time"


def test_a_pod_gets_an_image_with_the_token_of_its_service_account(production: Release) -> None:
    workload = Workload(production, "one_image.py")
    workload.start()

    result = workload.result()

    assert (result["format"], result["size"]) == ("PNG", [1024, 1024])
    assert result["credits_used"] > 0


@pytest.fixture
def two_gateways(production: Release) -> list[Object]:
    production.kubectl("scale", "deploy/tintype-gateway", "--replicas=2")
    production.wait_until_available()
    return eventually_blocking(lambda: _two(production.pods("gateway")), "two gateways")


def _two(pods: list[Object]) -> list[Object]:
    return pods if len(pods) == 2 else []


async def test_a_gateway_that_is_scaled_down_finishes_its_requests(
    production: Release, two_gateways: list[Object]
) -> None:
    simulator = f"http://{production.address('tintype-simulator')}:9000/_simulator"
    urls = [f"http://{pod['status']['podIP']}:8080/v1" for pod in two_gateways]
    key = production.demo_key()
    async with aiohttp.ClientSession(raise_for_status=True) as session, asyncio.timeout(180):
        await session.put(f"{simulator}/faults", json=[{"delay_seconds": LONG_SECONDS}] * 2)
        responses = [asyncio.create_task(ask(url, key)) for url in urls]
        await eventually_equal(partial(arrived, session, simulator), 2)

    production.kubectl("scale", "deploy/tintype-gateway", "--replicas=1")
    eventually_blocking(lambda: len(production.pods("gateway")) == 1, "a gateway that is to end")

    assert not any(task.done() for task in responses)
    assert await asyncio.gather(*responses) == [200, 200]


async def ask(url: str, key: str) -> int | str:
    """Request an image from a certain gateway, in a thread."""
    with openai.OpenAI(base_url=url, api_key=key, max_retries=0) as client:
        return await asyncio.to_thread(response_status, client, "gpt-image-1", PATIENCE)


async def arrived(session: aiohttp.ClientSession, simulator: str) -> int:
    """The number of slow requests that the simulated providers have received."""
    async with session.get(f"{simulator}/requests") as response:
        bodies = [request["body"] for request in await response.json()]
    return sum(body["prompt"] == PATIENCE for body in bodies if isinstance(body, dict))
