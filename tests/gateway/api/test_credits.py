"""What an image costs, to the micro-credit, and what an account has left.

One USD is 16,000,000 micro-credits. The prompt `a red fox` has 9 bytes: the simulator counts 2
tokens, and the ceiling allows for 9.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.images import image
from tintype_testing.manifests import image_model, per_image, per_token, provider_binding, tokens
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

COSTS: dict[str, tuple[dict[str, Any], int]] = {
    # 6208 tokens at 40 USD a million and 2 at 5: 0.24833 USD
    "gpt-image-1, high, landscape": (
        {"model": "gpt-image-1", "quality": "high", "size": "1536x1024"},
        3_973_280,
    ),
    # three calls of 272 tokens at 40 and 2 at 5: 0.03267 USD
    "gpt-image-1, three low squares": (
        {"model": "gpt-image-1", "quality": "low", "n": 3},
        522_720,
    ),
    # one call of twice 272 tokens at 8 and 2 at 2: 0.004356 USD
    "gpt-image-1-mini, two low squares": (
        {"model": "gpt-image-1-mini", "quality": "low", "n": 2},
        69_696,
    ),
    # 1584 tokens at 32 and 2 at 5: 0.050698 USD
    "gpt-image-1.5, medium, portrait": (
        {"model": "gpt-image-1.5", "quality": "medium", "size": "1024x1536"},
        811_168,
    ),
    # 96 * 96 * (2,000,000 + 1,048,576) / 4,000,000 = 7024 tokens at 30 and 2 at 5: 0.21073 USD
    "gpt-image-2, high, square": (
        {"model": "gpt-image-2", "quality": "high", "size": "1024x1024"},
        3_371_680,
    ),
    # 64 * 64 * (2,000,000 + 1,048,576) / 4,000,000 = 3122 tokens at 30 and 2 at 5: 0.09367 USD
    "gpt-image-2.5-flare, xhigh, square": (
        {"model": "gpt-image-2.5-flare", "quality": "xhigh", "size": "1024x1024"},
        1_498_720,
    ),
}


@pytest.mark.parametrize("case", COSTS)
async def test_the_cost_is_exact_to_the_micro_credit(gateway: Gateway, case: str) -> None:
    fields, cost = COSTS[case]

    response = await gateway.generate(**fields)

    usage = response.json()["usage"]
    assert usage["credits_used"] == cost
    assert usage["credits_remaining"] == CREDITS_MICRO - cost
    assert (await gateway.account()).balance == CREDITS_MICRO - cost


async def test_the_cost_is_rounded_once_for_all_images(tmp_path: Path) -> None:
    # 0.00000005 USD are 0.8 micro-credits: three images cost 2.4, not three times 1.
    async with running_gateway(tmp_path, *canvas(pricing=per_image("0.00000005"))) as gateway:
        usage = (await gateway.generate(n=3)).json()["usage"]

    assert usage["credits_used"] == 2


async def test_only_delivered_images_are_charged(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        await gateway.script({"error": "openai/server_error"})

        usage = (await gateway.generate(n=3)).json()["usage"]

    assert usage["credits_used"] == 2 * 640_000


async def test_while_a_request_runs_the_most_that_it_can_cost_is_held(gateway: Gateway) -> None:
    await gateway.script({"delay_seconds": 3})
    async with gateway.openai() as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(
            client.images.generate(model="gpt-image-1", prompt="a red fox", quality="auto")
        )
        await eventually(lambda: is_held(gateway, 2_663_120))  # 4160 tokens at 40 and 9 at 5

    account = await gateway.account()
    assert (account.held, account.balance) == (0, CREDITS_MICRO - 676_000)  # 1056 and 2 tokens


async def test_an_account_is_refused_what_it_could_not_pay_and_nothing_is_bought(
    tmp_path: Path,
) -> None:
    async with running_gateway(tmp_path, *canvas(), credits_micro=639_999) as gateway:
        response = await gateway.generate()

        assert response.status_code == 402
        assert response.json()["error"]["code"] == "insufficient_credits"
        assert "640000" in response.json()["error"]["message"]
        assert "639999" in response.json()["error"]["message"]
        assert await gateway.upstream_calls() == []


async def test_an_account_may_spend_its_last_micro_credit(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *canvas(), credits_micro=640_000) as gateway:
        responses = [await gateway.generate() for _ in range(2)]

    assert [response.status_code for response in responses] == [200, 402]
    assert responses[0].json()["usage"]["credits_remaining"] == 0


async def test_an_unlimited_account_has_no_remainder_but_its_use_is_counted(
    tmp_path: Path,
) -> None:
    async with running_gateway(tmp_path, *canvas(), unlimited=True) as gateway:
        usage = (await gateway.generate()).json()["usage"]

        assert (usage["credits_used"], usage["credits_remaining"]) == (640_000, None)
        assert (await gateway.account()).balance == -640_000


async def test_the_cost_above_the_hold_is_not_charged(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *priced_by_token()) as gateway:
        used = {"input_tokens": 2, "output_tokens": 1_000_000}
        await gateway.script({"body": {"data": [{"b64_json": IMAGE}], "usage": used}})
        loss = metric("tintype_excess_credits_total", provider="openai", model="canvas")

        usage = (await gateway.generate()).json()["usage"]

    held = (100 * 30 + 9 * 5) * 16
    assert usage["credits_used"] == held
    excess = (1_000_000 * 30 + 2 * 5) * 16 - held
    assert metric(
        "tintype_excess_credits_total", provider="openai", model="canvas"
    ) - loss == pytest.approx(excess / 1_000_000)


async def test_without_a_count_the_price_list_decides(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *priced_by_token()) as gateway:
        await gateway.script({"body": {"data": [{"b64_json": IMAGE}]}})

        usage = (await gateway.generate()).json()["usage"]

    assert usage["credits_used"] == (100 * 30 + 9 * 5) * 16
    assert usage["output_tokens"] is None


IMAGE = image(1024, 1024)


def priced_by_token() -> list[dict[str, Any]]:
    """Return a model whose images take 100 tokens at 30 USD a million, and the prompt 5."""
    return [image_model(), provider_binding(pricing=per_token(table=[tokens(100)]))]


async def is_held(gateway: Gateway, amount: int) -> bool:
    """Return whether exactly this amount is held."""
    return (await gateway.account()).held == amount
