"""A JWT in the place of an API key, all the way to an image and its bill."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import pytest

from tests.gateway.auth.jwt.support import (
    ISSUER,
    JwksServer,
    claims,
    issuer,
    jwks_server,
    signing_key,
)
from tintype_gateway.accounts import Caller, Policy
from tintype_gateway.auth.jwt.jwks import PAUSE_SECONDS
from tintype_gateway.auth.jwt.verifier import create_verifier
from tintype_gateway.pipeline.stages.authenticate import authenticate
from tintype_testing.gateway import ACCOUNT, CREDITS_MICRO, Gateway, canvas, running_gateway

KEY = signing_key()
IMAGE_MICRO = 640_000


@pytest.fixture
async def published() -> AsyncIterator[JwksServer]:
    """The issuer's keys."""
    async with jwks_server(KEY) as server:
        yield server


@pytest.fixture
async def gateway(tmp_path: Path, published: JwksServer) -> AsyncIterator[Gateway]:
    """A gateway that opens an account with one credit for each valid token."""
    settings = issuer(jwksUrl=published.url, autoCreateCredits="1")
    async with running_gateway(tmp_path, *canvas(), issuers=[settings]) as gateway:
        yield gateway


async def generate(gateway: Gateway, token: str) -> httpx2.Response:
    return await gateway.generate({"Authorization": f"Bearer {token}"})


async def error(gateway: Gateway, token: str) -> dict[str, Any]:
    """Return the message for the bearer of a token."""
    response = await generate(gateway, token)
    assert response.status_code == 401
    assert response.headers["x-should-retry"] == "false"
    said: dict[str, Any] = response.json()["error"]
    assert said["code"] == "invalid_api_key"
    return said


async def test_the_bearer_of_a_token_gets_an_image_and_a_new_account_pays(
    gateway: Gateway,
) -> None:
    response = await generate(gateway, KEY.sign(claims(sub="team-a")))

    assert response.status_code == 200
    assert response.json()["data"][0]["b64_json"]
    assert response.json()["usage"]["credits_remaining"] == 1_000_000 - IMAGE_MICRO
    assert (await gateway.ledger.account("team-a")).balance == 1_000_000 - IMAGE_MICRO
    assert (await gateway.account()).balance == CREDITS_MICRO


async def test_an_account_is_opened_once(gateway: Gateway) -> None:
    token = KEY.sign(claims(sub="team-a"))
    responses = [await generate(gateway, token) for _ in range(2)]

    assert [response.status_code for response in responses] == [200, 402]


async def test_requests_that_come_together_open_one_account(gateway: Gateway) -> None:
    token = KEY.sign(claims(sub="team-a"))
    responses = await asyncio.gather(*(generate(gateway, token) for _ in range(8)))

    assert sorted(response.status_code for response in responses) == [200] + [402] * 7
    assert (await gateway.ledger.account("team-a")).balance == 1_000_000 - IMAGE_MICRO


async def test_an_account_that_is_there_pays_for_tokens_and_keys(gateway: Gateway) -> None:
    await generate(gateway, KEY.sign(claims(sub=ACCOUNT)))
    await gateway.generate()

    assert (await gateway.account()).balance == CREDITS_MICRO - 2 * IMAGE_MICRO


async def test_an_unknown_account_is_refused_where_none_is_to_be_opened(
    tmp_path: Path, published: JwksServer
) -> None:
    settings = issuer(jwksUrl=published.url)
    async with running_gateway(tmp_path, *canvas(), issuers=[settings]) as gateway:
        said = await error(gateway, KEY.sign(claims(sub="team-a")))
        response = await generate(gateway, KEY.sign(claims(sub=ACCOUNT)))

        assert said["message"] == "the token names an unknown account: there is no account 'team-a'"
        assert response.status_code == 200
        assert [account.name for account in await gateway.ledger.accounts()] == [ACCOUNT]


async def test_an_account_may_be_opened_without_credits(
    tmp_path: Path, published: JwksServer
) -> None:
    settings = issuer(jwksUrl=published.url, autoCreateCredits=0)
    async with running_gateway(tmp_path, *canvas(), issuers=[settings]) as gateway:
        response = await generate(gateway, KEY.sign(claims(sub="team-a")))

        assert response.status_code == 402
        assert (await gateway.ledger.account("team-a")).balance == 0


async def test_the_policy_of_the_account_holds_for_its_tokens(
    gateway: Gateway, published: JwksServer
) -> None:
    await gateway.ledger.set_policy(ACCOUNT, Policy(models=frozenset({"sketch"})))
    async with aiohttp.ClientSession() as session:
        jwts = create_verifier([issuer(jwksUrl=published.url)], session)
        bearer = f"Bearer {KEY.sign(claims(sub=ACCOUNT))}"
        caller = await authenticate(bearer, gateway.ledger, jwts)

    assert caller == Caller(ACCOUNT, f"jwt:{ISSUER}", frozenset({"sketch"}))


@pytest.mark.parametrize("name", ["sys:revenue", "x" * 256, " team-a"])
async def test_an_account_that_cannot_be_is_refused(gateway: Gateway, name: str) -> None:
    said = await error(gateway, KEY.sign(claims(sub=name)))

    assert said["message"].startswith("the token names an impossible account: ")


async def test_a_bad_token_is_refused_and_nothing_is_bought(gateway: Gateway) -> None:
    said = await error(gateway, KEY.sign(claims(aud="another")))

    assert said["message"] == "the token is for another audience (`aud`) than tintype"
    assert await gateway.upstream_calls() == []
    assert [account.name for account in await gateway.ledger.accounts()] == [ACCOUNT]


async def test_a_token_opens_the_list_of_models(gateway: Gateway) -> None:
    async with gateway.http() as http:
        headers = {"Authorization": f"bearer {KEY.sign(claims())}"}
        good = await http.get("/v1/models", headers=headers)
        bad = await http.get("/v1/models", headers={"Authorization": "Bearer a.b.c"})

    assert good.json()["data"]
    assert bad.json()["error"]["message"] == "the token is malformed"


async def test_while_keys_cannot_be_read_errors_are_retryable(
    gateway: Gateway, published: JwksServer
) -> None:
    published.status = 500

    response = await generate(gateway, KEY.sign(claims()))

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "issuer_unavailable"
    assert response.headers["Retry-After"] == str(int(PAUSE_SECONDS))
    assert response.headers["x-should-retry"] == "true"


async def test_a_token_never_reaches_a_log(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    good, bad = KEY.sign(claims(sub="team-a")), KEY.sign(claims(aud="another"))
    for token in (good, bad):
        await generate(gateway, token)

    lines = [str(vars(record)) for record in caplog.records]
    assert any("'account': 'team-a'" in line and f"jwt:{ISSUER}" in line for line in lines)
    for part in (*good.split("."), *bad.split(".")):
        assert not any(part in line for line in lines)


async def test_a_key_with_dots_is_no_key(gateway: Gateway) -> None:
    assert (await error(gateway, f"{gateway.key}.a.b"))["message"] == "the token is malformed"


async def test_a_large_token_is_read_and_a_larger_one_is_refused(gateway: Gateway) -> None:
    large, larger = (KEY.sign(claims(groups="x" * size)) for size in (11_000, 13_000))

    assert (await generate(gateway, large)).status_code == 200
    assert (await error(gateway, larger))["message"] == "the token has more than 16384 bytes"
