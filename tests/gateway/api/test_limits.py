"""The policy of an account limits it, even if it has credits."""

from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest

from tintype_gateway.ledger.interface import Policy
from tintype_testing.gateway import ACCOUNT, Gateway, canvas, running_gateway
from tintype_testing.manifests import image_model, provider_binding


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    other = [image_model("fresco"), provider_binding(model="fresco", upstreamModel="dall-e-2")]
    async with running_gateway(tmp_path, *canvas(), *other) as gateway:
        yield gateway


async def test_a_model_that_is_not_allowed_does_not_exist_for_the_account(
    gateway: Gateway,
) -> None:
    await gateway.ledger.set_policy(ACCOUNT, Policy(models=frozenset({"canvas"})))

    allowed = await gateway.generate(model="canvas")
    refused = await gateway.generate(model="fresco")

    assert allowed.status_code == 200
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")


async def test_only_allowed_models_are_listed(gateway: Gateway) -> None:
    await gateway.ledger.set_policy(ACCOUNT, Policy(models=frozenset({"fresco"})))

    async with gateway.openai() as client:
        assert [model.id async for model in client.models.list()] == ["fresco"]
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("canvas")


async def test_a_request_above_the_rate_gets_a_retry_after(gateway: Gateway) -> None:
    await gateway.ledger.set_policy(ACCOUNT, Policy(requests_per_minute=1))

    first, second = await gateway.generate(), await gateway.generate()

    assert first.status_code == 200
    assert second.status_code == 429
    assert second.json()["error"]["code"] == "rate_limit_exceeded"
    assert 0 < int(second.headers["Retry-After"]) <= 60
    assert second.headers["x-should-retry"] == "true"
    assert len(await gateway.upstream_calls()) == 1


async def test_images_count_for_their_own_rate(gateway: Gateway) -> None:
    await gateway.ledger.set_policy(ACCOUNT, Policy(images_per_minute=3))

    assert (await gateway.generate(n=2)).status_code == 200
    assert (await gateway.generate(n=2)).status_code == 429


async def test_a_refused_request_holds_nothing(gateway: Gateway) -> None:
    await gateway.ledger.set_policy(ACCOUNT, Policy(requests_per_minute=1))
    await gateway.generate()
    before = await gateway.account()

    await gateway.generate()

    assert await gateway.account() == before


async def test_a_repeat_after_an_unknown_outcome_is_never_sent_again(gateway: Gateway) -> None:
    await gateway.script({"cut_after_bytes": 100})
    key = {"Idempotency-Key": "order-18"}

    first, repeat = await gateway.generate(key), await gateway.generate(key)

    assert first.json()["error"]["code"] == "outcome_unknown"
    assert (repeat.status_code, repeat.json()["error"]["code"]) == (
        409,
        "idempotency_outcome_unknown",
    )
    assert repeat.headers["x-should-retry"] == "false"
    assert len(await gateway.upstream_calls()) == 1


async def test_a_failure_that_cost_nothing_frees_the_idempotency_key(gateway: Gateway) -> None:
    await gateway.script({"error": "openai/model_deprecated"})
    key = {"Idempotency-Key": "order-19"}

    first, repeat = await gateway.generate(key), await gateway.generate(key)

    assert first.status_code == 503
    assert repeat.status_code == 200
