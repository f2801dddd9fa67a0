"""A request has the price of the moment of its hold, and keeps it until it is settled."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.gateway.api.scripted import Script, scripted
from tests.gateway.api.test_outages import locked
from tests.gateway.api.test_pass_through import HALF, RESPONSE, asked
from tintype_testing.builders import candidate, plan
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.manifests import per_image, per_token, tokens
from tintype_testing.waiting import eventually

CHANGE = datetime(2027, 1, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
BEFORE, AFTER = 640_000, 960_000
CHANGES = [
    {"validFrom": "2027-01-01T00:00:00Z"} | per_image("0.060"),
    {"validFrom": "2027-06-01T00:00:00Z"} | per_image("0.080"),
]


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.time = CHANGE - MOMENT

    def __call__(self) -> datetime:
        return self.time


@asynccontextmanager
async def changing(
    folder: Path, *steps: bytes | asyncio.Event, clock: Clock, **spec: Any
) -> AsyncIterator[Gateway]:
    """Run a gateway whose price rises by half, and whose provider writes these steps."""
    script = Script(steps, content_type="application/json")
    async with (
        scripted(script) as provider,
        running_gateway(
            folder, *canvas(endpoint=provider.url, priceChanges=CHANGES, **spec), now=clock
        ) as gateway,
    ):
        yield gateway


async def ceiling(gateway: Gateway) -> int:
    async with gateway.http() as http:
        body = {"model": "canvas", "prompt": "a red fox"}
        quoted = (await http.post("/v1/images/quote", json=body)).json()
    assert quoted["credits_expected"] == quoted["credits_ceiling"]
    return int(quoted["credits_ceiling"])


async def charged(gateway: Gateway) -> int:
    used = (await gateway.generate()).json()["usage"]["credits_used"]
    assert isinstance(used, int)
    return used


async def test_a_change_counts_from_its_moment_on_without_a_reload(tmp_path: Path) -> None:
    clock = Clock()
    async with running_gateway(tmp_path, *canvas(priceChanges=CHANGES), now=clock) as gateway:
        assert (await ceiling(gateway), await charged(gateway)) == (BEFORE, BEFORE)

        clock.time = CHANGE

        assert (await ceiling(gateway), await charged(gateway)) == (AFTER, AFTER)
        assert (await gateway.account()).balance == CREDITS_MICRO - BEFORE - AFTER


async def test_a_request_in_flight_keeps_the_price_of_its_hold(tmp_path: Path) -> None:
    clock, rest = Clock(), asyncio.Event()
    async with changing(tmp_path, RESPONSE[:HALF], rest, RESPONSE[HALF:], clock=clock) as gateway:
        async with asked(gateway) as response:
            clock.time = CHANGE
            assert await ceiling(gateway) == AFTER
            assert (await gateway.account()).held == BEFORE
            rest.set()
            document = json.loads(await response.aread())
        account = await gateway.account()

    assert response.headers["Tintype-Cost-Micro-Credits"] == str(BEFORE)
    assert document["usage"]["credits_used"] == BEFORE
    assert (account.balance, account.held) == (CREDITS_MICRO - BEFORE, 0)


async def test_a_charge_that_the_ledger_gets_after_the_change_is_that_of_the_hold(
    tmp_path: Path,
) -> None:
    clock, rest = Clock(), asyncio.Event()
    async with changing(tmp_path, RESPONSE[:HALF], rest, RESPONSE[HALF:], clock=clock) as gateway:
        async with asked(gateway) as response:
            with locked(gateway.ledger_path):
                clock.time = CHANGE
                await response.aclose()  # so that the charge is deferred
                rest.set()

                async def noted() -> bool:
                    journals = (tmp_path / "settlements").iterdir()
                    return any(f'"cost": {BEFORE}' in each.read_text() for each in journals)

                await eventually(noted)

        async def settled() -> bool:
            return (await gateway.account()).held == 0

        await eventually(settled)
        assert (await gateway.account()).balance == CREDITS_MICRO - BEFORE


async def test_a_form_of_price_may_change_while_the_image_is_made(tmp_path: Path) -> None:
    clock, rest = Clock(), asyncio.Event()
    by_token = per_token(table=[tokens(100)])
    async with (
        changing(
            tmp_path, RESPONSE[:HALF], rest, RESPONSE[HALF:], clock=clock, pricing=by_token
        ) as gateway,
        asked(gateway) as response,
    ):
        clock.time = CHANGE
        rest.set()
        document = json.loads(await response.aread())

    assert document["usage"]["credits_used"] == (9 * 5 + 100 * 30) * 16


async def test_the_model_list_has_the_price_now_and_the_next_one(tmp_path: Path) -> None:
    clock = Clock()

    async def costs(http: Any) -> tuple[Any, Any]:
        listed = (await http.get("/v1/models")).json()["data"][0]
        single = (await http.get("/v1/models/canvas")).json()
        assert single == listed
        (provider,) = listed["providers"]
        assert (provider["cost"], provider["next_cost"]) == (listed["cost"], listed["next_cost"])
        return listed["cost"], listed["next_cost"]

    def price(usd: str, **since: str) -> dict[str, str]:
        return {"currency": "USD", "type": "per_image", "usd": usd} | since

    first = price("0.060", valid_from="2027-01-01T00:00:00Z")
    second = price("0.080", valid_from="2027-06-01T00:00:00Z")
    async with (
        running_gateway(tmp_path, *canvas(priceChanges=CHANGES), now=clock) as gateway,
        gateway.http() as http,
    ):
        assert await costs(http) == (price("0.040"), first)
        clock.time = CHANGE
        assert await costs(http) == (first, second)
        clock.time = CHANGE + timedelta(days=365)
        assert await costs(http) == (second, None)


async def test_the_tag_of_the_model_list_changes_with_the_price(tmp_path: Path) -> None:
    clock = Clock()
    async with (
        running_gateway(tmp_path, *canvas(priceChanges=CHANGES), now=clock) as gateway,
        gateway.http() as http,
    ):
        tag = (await http.get("/v1/models")).headers["ETag"]
        assert (await http.get("/v1/models", headers={"If-None-Match": tag})).status_code == 304

        clock.time = CHANGE

        assert (await http.get("/v1/models", headers={"If-None-Match": tag})).status_code == 200


def test_a_plan_whose_prices_never_change_is_itself_at_every_moment() -> None:
    bought = plan()

    assert bought.at(CHANGE) is bought


def test_every_candidate_of_a_plan_has_the_price_of_one_moment() -> None:
    both = replace(plan(), candidates=(candidate(priceChanges=CHANGES), candidate()))

    prices = [each.route.binding.pricing.usd for each in both.at(CHANGE).candidates]

    assert prices == ["0.060", "0.040"]
