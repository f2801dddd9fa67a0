"""`tintype gateway` as people run it: a process that starts, remembers, and stops cleanly."""

import asyncio
import json
import signal
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tintype_gateway.ledger.factory import open_ledger
from tintype_testing.gateway import canvas, towards
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.http import http_client
from tintype_testing.manifests import image_model
from tintype_testing.simulators import has_received, script
from tintype_testing.waiting import eventually

STOP_SECONDS = 120
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
    await script(simulator, {"delay_seconds": 6})
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


async def test_admin_tokens_are_rotated_without_a_restart(tmp_path: Path) -> None:
    old, new = "the-old-token-of-ci", "the-new-token-of-ci"
    folder = tmp_path / "tokens"
    folder.mkdir()
    (folder / "ci.viewer").write_text(old)
    with running_process(tmp_path, *DEMO, "--admin-tokens-dir", folder) as gateway:

        async def status(token: str) -> int:
            headers = {"Authorization": f"Bearer {token}"}
            async with http_client(gateway.admin_url, headers=headers) as http:
                return (await http.get("/admin/v1/accounts")).status_code

        async def is_accepted() -> bool:
            return await status(new) == 200

        assert await status(old) == 200
        (folder / "ci.viewer").write_text(new)
        await eventually(is_accepted)
        assert await status(old) == 401
    assert not any(token in gateway.stderr for token in (old, new))


async def test_each_change_is_a_line_on_standard_output_without_a_secret(tmp_path: Path) -> None:
    token = "the-token-of-the-tests"
    catalog = tmp_path / "manifests"
    catalog.mkdir()
    (catalog / "model.json").write_text(json.dumps(image_model()))
    flags = ("--admin-tokens-dir", tmp_path / "tokens", "--catalog-dir", catalog)
    (tmp_path / "tokens").mkdir()
    (tmp_path / "tokens" / "ci.admin").write_text(token)
    with running_process(tmp_path, *flags, "--audit-retention-days", "30") as gateway:

        def told() -> set[tuple[str, str, str]]:
            return {
                (change["author"]["kind"], change["kind"], change["action"])
                for change in audit_log(gateway)
            }

        await eventually(lambda: ("folder", "setting", "create") in told())
        headers = {"Authorization": f"Bearer {token}"}
        async with http_client(gateway.admin_url, headers=headers) as http:
            await http.put("/admin/v1/accounts/studio", json={"unlimited": True})
            key = (await http.post("/admin/v1/keys", json={"account": "studio"})).json()["key"]
        (catalog / "model.json").write_text(json.dumps(image_model(ownedBy="another")))
        await eventually(
            lambda: (
                told()
                >= {
                    ("token", "account", "create"),
                    ("token", "key", "create"),
                    ("folder", "model", "update"),
                }
            )
        )
        assert len({change["id"] for change in audit_log(gateway)}) == len(audit_log(gateway))
    assert not any(secret in gateway.stdout + gateway.stderr for secret in (token, key))


def audit_log(gateway: GatewayProcess) -> list[dict[str, Any]]:
    """Return the changes on standard output, of which every line must be JSON."""
    lines = [line for line in gateway.stdout.splitlines(keepends=True) if line.endswith("\n")]
    return [json.loads(line)["change"] for line in lines]


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
