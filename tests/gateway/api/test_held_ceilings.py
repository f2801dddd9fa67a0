"""Every form of price has a ceiling: in the quote, in the hold, and in what is left to others."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.api.test_pass_through import HALF, RESPONSE, asked, serving
from tintype_testing.gateway import CREDITS_MICRO
from tintype_testing.manifests import per_image, per_token, tokens

PER_USD = 16_000_000

PRICES: dict[str, tuple[dict[str, Any], int, int | None]] = {
    "per_image": (per_image("0.02"), 320_000, 320_000),
    "per_megapixel": (
        {"type": "per_megapixel", "usd": "1", "maxUsd": "0.5"},
        8_000_000,
        256 * 256 * 16,
    ),
    "per_second": ({"type": "per_second", "usd": "0.001", "maxUsd": "0.5"}, 8_000_000, None),
    "reported": (
        per_image("0.02") | {"charge": "Reported", "maxUsd": "0.03"},
        480_000,
        320_000,
    ),
    "per_token": (
        per_token(table=[tokens(100)]),
        (9 * 5 + 100 * 30) * 16,
        (3 * 5 + 100 * 30) * 16,
    ),
}
"""A price, its ceiling and its expected cost for an image of 256 by 256 pixels."""


@pytest.mark.parametrize("kind", PRICES)
async def test_a_quote_tells_the_ceiling_and_the_hold_is_as_high(tmp_path: Path, kind: str) -> None:
    pricing, ceiling, expected = PRICES[kind]
    rest = asyncio.Event()
    async with serving(tmp_path, RESPONSE[:HALF], rest, RESPONSE[HALF:], pricing=pricing) as (
        gateway,
        _,
    ):
        async with gateway.http() as http:
            body = {"model": "canvas", "prompt": "a red fox"}
            quoted = (await http.post("/v1/images/quote", json=body)).json()
        async with asked(gateway) as response:
            held = (await gateway.account()).held
            rest.set()
            await response.aread()
        account = await gateway.account()

    assert (quoted["credits_ceiling"], quoted["credits_expected"]) == (ceiling, expected)
    assert (held, account.held) == (ceiling, 0)
    assert CREDITS_MICRO - ceiling <= account.balance <= CREDITS_MICRO
