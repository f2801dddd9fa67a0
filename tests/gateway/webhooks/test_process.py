"""A gateway that is killed while it sends a webhook, and one that sends it afterwards."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.gateway.webhooks.support import secret, secrets_file
from tintype_cli.__main__ import main
from tintype_testing.gateway_process import running_process
from tintype_testing.http import http_client
from tintype_testing.ledger_stores import SqliteStore
from tintype_testing.waiting import eventually, eventually_equal
from tintype_testing.webhook_receiver import Receiver, receiving

SECRET = "a fox that nobody may read about"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(secret(1)) as receiver:
        yield receiver


async def test_a_killed_gateway_leaves_a_webhook_that_another_one_delivers(
    tmp_path: Path,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = SqliteStore(tmp_path / "ledger.db")
    monkeypatch.setenv("TINTYPE_DATABASE_URL", store.url)
    environ = {
        "TINTYPE_DATABASE_URL": store.url,
        "TINTYPE_WEBHOOK_URL": receiver.url,
        "TINTYPE_WEBHOOK_SECRETS_FILE": str(secrets_file(tmp_path, 1)),
        "TINTYPE_LOG_LEVEL": "info",
    }

    async def never(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    receiver.respond = never
    with running_process(tmp_path, "--simulate", environ=environ) as killed:
        assert await asyncio.to_thread(main, ["webhooks", "test"]) == 0
        message_id = capsys.readouterr().out.strip()
        await receiver.arrived.wait()
        killed.process.popen.kill()
    assert await store.query("SELECT state, attempts FROM webhook_delivery") == [("pending", 0)]

    receiver.respond = None
    await store.execute("UPDATE webhook_delivery SET due_at = created_at")  # the lease ends
    with running_process(tmp_path, "--simulate", environ=environ) as gateway:
        await eventually(lambda: "webhook delivered" in gateway.stderr)
        states = "SELECT state, status FROM webhook_delivery"
        await eventually_equal(lambda: store.query(states), [("delivered", 204)])

    assert receiver.ids == [message_id, message_id]
    assert receiver.unverified == 0


async def test_a_gateway_that_is_killed_while_it_tells_of_a_job_leaves_that_to_another_one(
    tmp_path: Path,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = SqliteStore(tmp_path / "ledger.db")
    key_file = tmp_path / "keys-of-jobs"
    key_file.write_bytes(base64.b64encode(bytes(32)))
    environ = {
        "TINTYPE_DATABASE_URL": store.url,
        "TINTYPE_JOBS_KEY_FILE": str(key_file),
        "TINTYPE_LOG_LEVEL": "info",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    async def called(command: str) -> str:
        assert await asyncio.to_thread(main, command.split()) == 0
        return capsys.readouterr().out.strip()

    await called("accounts create team-a --credits 10 --webhooks")
    receiver.secret = (await called("accounts webhook-secrets create team-a")).split()[1]
    key = (await called("keys create --account team-a")).split()[1]

    async def never(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    receiver.respond = never
    wanted = {"model": "gpt-image-1-mini", "prompt": SECRET, "webhook_url": receiver.url}
    headers = {"Authorization": f"Bearer {key}", "Prefer": "respond-async"}
    with running_process(tmp_path, "--simulate", environ=environ) as killed:
        async with http_client(killed.url, headers=headers) as http:
            accepted = await http.post("/v1/images/generations", json=wanted)
        assert accepted.status_code == 202, accepted.text
        await receiver.arrived.wait()
        killed.process.popen.kill()
    receiver.respond = None
    await store.execute("UPDATE webhook_delivery SET due_at = created_at")  # the lease ends
    with running_process(tmp_path, "--simulate", environ=environ) as gateway:
        await eventually(lambda: "webhook delivered" in gateway.stderr)

    assert receiver.ids == [f"msg_{accepted.json()['id']}_completed"] * 2
    assert receiver.messages[0] == receiver.messages[1]
    assert receiver.unverified == 0
    assert SECRET not in str(receiver.messages) + gateway.stderr
    assert receiver.url not in gateway.stderr


async def test_a_gateway_sends_the_changes_of_the_audit_log(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    monkeypatch.setenv("TINTYPE_DATABASE_URL", url)
    assert await asyncio.to_thread(main, ["accounts", "create", "team-a"]) == 0
    environ = {
        "TINTYPE_DATABASE_URL": url,
        "TINTYPE_WEBHOOK_URL": receiver.url,
        "TINTYPE_WEBHOOK_AUDIT": "true",
        "TINTYPE_WEBHOOK_SECRETS_FILE": str(secrets_file(tmp_path, 1)),
    }

    with running_process(tmp_path, "--simulate", environ=environ):
        await eventually(lambda: "team-a" in {each["data"]["name"] for each in receiver.messages})

    assert {each["type"] for each in receiver.messages} == {"audit.change"}


@pytest.mark.parametrize("what", ["webhook", "guardrail"])
def test_a_gateway_does_not_start_without_a_secret(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    what: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"TINTYPE_{what.upper()}_URL", "https://hooks.example/canary")
    path = tmp_path / "secrets"
    path.write_text("\n")

    ended = main(["gateway", "--simulate", f"--{what}-secrets-file", str(path)])

    assert ended == 1
    said = capsys.readouterr().err
    assert f"tintype gateway: {path} has no secret" in said
    assert "canary" not in said
