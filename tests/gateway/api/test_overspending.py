"""Requests at the same time: none spends what another one holds."""

import asyncio
from collections import Counter
from pathlib import Path

from tintype_testing.gateway import Gateway, canvas, running_gateway
from tintype_testing.images import image
from tintype_testing.manifests import per_token, tokens

PRICE = 640_000
IMAGE = image(256, 256)


async def statuses(gateway: Gateway, requests: int) -> Counter[int]:
    """Send this number of requests at once, and count the statuses of their responses."""
    responses = await asyncio.gather(*(gateway.generate() for _ in range(requests)))
    return Counter(response.status_code for response in responses)


async def test_of_twenty_requests_just_those_that_the_account_can_pay_are_served(
    tmp_path: Path,
) -> None:
    async with running_gateway(tmp_path, *canvas(), credits_micro=5 * PRICE + 1) as gateway:
        assert await statuses(gateway, 20) == {200: 5, 402: 15}

        assert (await gateway.account()).balance == 1
        assert len(await gateway.upstream_calls()) == 5


async def test_released_credits_are_available_to_the_next_request(tmp_path: Path) -> None:
    # The hold allows for 1000 tokens and all bytes of the prompt, the provider counts 10 and 2.
    ceiling, cost = (1000 * 30 + 9 * 5) * 16, (10 * 30 + 2 * 5) * 16
    response = {"data": [{"b64_json": IMAGE}], "usage": {"input_tokens": 2, "output_tokens": 10}}
    manifests = canvas(pricing=per_token(table=[tokens(1000)]))
    async with running_gateway(tmp_path, *manifests, credits_micro=ceiling + cost) as gateway:
        await gateway.script({"body": response}, {"body": response})

        served = [(await gateway.generate()).status_code for _ in range(3)]

        assert served == [200, 200, 402]
        assert (await gateway.account()).balance == ceiling - cost


async def test_of_twenty_requests_that_fail_none_keeps_anything(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *canvas(), credits_micro=5 * PRICE) as gateway:
        failures: list[dict[str, object]] = [{"error": "openai/server_error"}] * 20
        await gateway.script(*failures)

        assert set(await statuses(gateway, 20)) <= {503, 402}

        account = await gateway.account()
        assert (account.balance, account.held) == (5 * PRICE, 0)
