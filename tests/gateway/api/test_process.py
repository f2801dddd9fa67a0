"""`tintype gateway` as people run it: a process that starts, remembers, and stops cleanly."""

import asyncio
import json
import signal
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from tintype_gateway.ledger.factory import open_ledger
from tintype_testing.gateway import canvas, towards
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.http import http_client
from tintype_testing.simulators import has_received, script
from tintype_testing.waiting import eventually

STOP_SECONDS = 60
"""A bound on a stop that nothing holds up; it takes a moment."""

DEMO = ("--simulate", "--demo")


async def generate(gateway: GatewayProcess, model: str = "gpt-image-1") -> httpx2.Response:
    """Ask for an image with the demo account's key."""
    async with http_client(
        gateway.url, headers={"Authorization": f"Bearer {gateway.demo_key}"}
    ) as http:
        body = {"model": model, "prompt": "a red fox", "quality": "low"}
        return await http.post("/v1/images/generations", json=body)


async def test_the_first_start_makes_a_key_that_only_its_owner_can_read(tmp_path: Path) -> None:
    with running_process(tmp_path, *DEMO) as gateway:
        response = await generate(gateway)

        key_file = tmp_path / ".tintype" / "demo.key"
        assert response.status_code == 200
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        assert str(key_file) in gateway.stdout
        assert gateway.demo_key not in gateway.stdout


async def test_a_second_start_reuses_the_account_the_key_and_the_ledger(tmp_path: Path) -> None:
    remaining, keys = [], []
    for _ in range(2):
        with running_process(tmp_path, *DEMO) as gateway:
            keys.append(gateway.demo_key)
            remaining.append((await generate(gateway)).json()["usage"]["credits_remaining"])

    cost = (272 * 40 + 2 * 5) * 16
    assert keys[0] == keys[1]
    assert remaining == [1_000_000_000 - cost, 1_000_000_000 - 2 * cost]


async def test_in_a_rehearsal_retired_models_work_but_the_two_that_show_the_error(
    tmp_path: Path,
) -> None:
    with running_process(tmp_path, *DEMO) as gateway:
        statuses = {
            model: (await generate(gateway, model)).status_code
            for model in ("gpt-image-1", "gpt-image-1-mini", "dall-e-2", "dall-e-3", "gpt-5-mini")
        }

    assert statuses == {
        "gpt-image-1": 200,
        "gpt-image-1-mini": 200,
        "dall-e-2": 400,
        "dall-e-3": 400,
        "gpt-5-mini": 400,
    }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_with_success(tmp_path: Path, number: signal.Signals) -> None:
    with running_process(tmp_path, *DEMO) as gateway:
        async with http_client(gateway.url) as idle:
            await idle.get("/v1/models")

            gateway.process.popen.send_signal(number)

            code = await asyncio.to_thread(gateway.process.exit_code, STOP_SECONDS)

    assert code == 0
    assert [line["message"] for line in gateway.log()][-1] == "draining"


@pytest.fixture
def gateway(tmp_path: Path, simulator: str) -> Iterator[GatewayProcess]:
    """A process whose provider is a simulator outside of it, so that a test can hold it up."""
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    for manifest in canvas():
        path = manifests / f"{manifest['kind']}.json"
        path.write_text(json.dumps(towards(manifest, simulator)))
    (tmp_path / "openai.api-key").write_text("sk-upstream")
    flags = ("--catalog-dir", manifests, "--credentials-dir", tmp_path, "--demo")
    with running_process(tmp_path, *flags) as gateway:
        yield gateway


async def test_a_request_in_flight_is_finished_and_new_ones_are_not_taken(
    gateway: GatewayProcess, simulator: str
) -> None:
    await script(simulator, {"delay_seconds": 1.5})
    request = asyncio.create_task(generate(gateway, "canvas"))
    await eventually(lambda: has_received(simulator))

    gateway.process.popen.terminate()

    await eventually(lambda: readiness(gateway, 503))
    with pytest.raises(httpx2.ConnectError):
        await generate(gateway, "canvas")
    response = await request
    assert response.status_code == 200
    assert response.json()["data"][0]["b64_json"]
    assert await asyncio.to_thread(gateway.process.exit_code, STOP_SECONDS) == 0


async def test_a_second_signal_does_not_wait_for_requests_in_flight(
    tmp_path: Path, gateway: GatewayProcess, simulator: str
) -> None:
    await script(simulator, {"hang": True})
    request = asyncio.create_task(generate(gateway, "canvas"))
    await eventually(lambda: has_received(simulator))

    gateway.process.popen.terminate()
    await eventually(lambda: readiness(gateway, 503))
    gateway.process.popen.terminate()

    assert await asyncio.to_thread(gateway.process.exit_code, STOP_SECONDS) == 130
    assert "Traceback" not in gateway.stderr
    with suppress(httpx2.HTTPError):
        assert (await request).json()["error"]["code"] == "outcome_unknown"
    assert await audited(tmp_path) == ()


async def audited(folder: Path) -> tuple[str, ...]:
    """Return what is wrong in the ledger that a gateway left behind."""
    ledger = open_ledger(f"sqlite:///{folder}/.tintype/ledger.db")
    try:
        return (await ledger.audit()).problems
    finally:
        await ledger.close()


async def readiness(gateway: GatewayProcess, status: int) -> bool:
    async with http_client(gateway.admin_url) as http:
        return (await http.get("/readyz")).status_code == status
