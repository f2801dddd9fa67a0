"""Jobs of a gateway with a policy service: judged when they are submitted, and before they end."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.jobs.support import PRICE, code_of, ended, read, submitted, worker
from tests.gateway.webhooks.support import secret, secrets_file
from tintype_gateway.storage.image_tools import ImageTools
from tintype_simulator.app import running
from tintype_simulator.policy import parse_secrets
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.http import http_client
from tintype_testing.image_stores import folder_store
from tintype_testing.metrics import metric


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that takes jobs, and runs them only in the block of `worker`."""
    async with running(policy_keys=parse_secrets(secret())) as simulator:
        settings = {
            "guardrail_url": f"{simulator}/policy",
            "guardrail_secrets_file": secrets_file(tmp_path, 1),
            "guardrail_output_images": "sha256",
        }
        serving = running_gateway(
            tmp_path,
            *canvas(),
            simulator=simulator,
            images=ImageTools(store=folder_store(tmp_path / "images")),
            guardrail_settings=settings,
        )
        async with serving as gateway:
            yield gateway


async def test_a_job_whose_prompt_is_denied_is_not_made(gateway: Gateway) -> None:
    response = await gateway.generate({"Prefer": "respond-async"}, prompt="a banned fox")

    assert (response.status_code, response.json()["error"]["code"]) == (400, "content_policy")
    assert list(await gateway.ledger.jobs("studio", "queued", limit=1)) == []


async def test_a_job_runs_with_the_prompt_that_replaced_its_own(gateway: Gateway) -> None:
    job_id = await submitted(gateway, prompt="a swapped fox")
    async with worker(gateway):
        job = await ended(gateway, job_id)

    assert job.status == "completed"
    assert [call["prompt"] for call in await gateway.upstream_calls()] == ["a harmless fox"]
    async with gateway.http() as http:
        result = await http.get(f"/v1/images/jobs/{job_id}")
    assert result.json()["result"]["usage"]["credits_used"] == PRICE


async def test_the_prompt_is_judged_once_and_the_images_when_they_are_made(
    gateway: Gateway,
) -> None:
    job_id = await submitted(gateway, prompt="a fox")
    async with worker(gateway):
        await ended(gateway, job_id)

    async with http_client(gateway.simulator) as http:
        asked = (await http.get("/_simulator/policy")).json()
    assert [each["type"] for each in asked] == ["guardrail.prompt", "guardrail.images"]


async def test_a_job_whose_images_are_denied_fails_free_and_without_its_prompt(
    gateway: Gateway,
) -> None:
    labels = {"provider": "openai", "reason": "denied"}
    lost = metric("tintype_unsettled_upstream_calls_total", **labels)
    job_id = await submitted(gateway, prompt="an indecent heron")
    async with worker(gateway):
        job = await ended(gateway, job_id)

    assert (job.status, job.charged, code_of(job)) == ("failed", None, "content_policy")
    assert "heron" not in json.dumps(job.error)
    assert "indecent" not in json.dumps(job.error)
    assert (await read(gateway, job_id))["error"]["code"] == "content_policy"
    assert (await gateway.account()).available == CREDITS_MICRO
    assert metric("tintype_unsettled_upstream_calls_total", **labels) == lost + 1
