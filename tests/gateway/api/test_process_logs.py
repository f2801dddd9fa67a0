"""What a real process writes: JSON, one object a line, and never a prompt or a key."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tintype_gateway.ledger.factory import open_ledger
from tintype_testing.gateway import canvas, towards
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.http import http_client
from tintype_testing.simulators import script
from tintype_testing.waiting import eventually

PLANTED = "planted"
"""Stands in every prompt, and in every key but the client's own."""

UPSTREAM_KEY = f"sk-upstream-{PLANTED}"


async def new_key(folder: Path) -> str:
    """Return a key of an account that never existed before."""
    ledger = open_ledger(f"sqlite:///{folder}/.tintype/ledger.db")
    await ledger.create_account("studio", credits_micro=10_000_000)
    _, key = await ledger.create_key("studio")
    await ledger.close()
    return key


@pytest.fixture
async def key(tmp_path: Path) -> str:
    (tmp_path / ".tintype").mkdir()
    return await new_key(tmp_path)


@pytest.fixture
async def gateway(tmp_path: Path, simulator: str, key: str) -> AsyncIterator[GatewayProcess]:
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    for manifest in canvas():
        content = json.dumps(towards(manifest, simulator))
        (manifests / f"{manifest['kind']}.yaml").write_text(content)
    (tmp_path / "openai.api-key").write_text(UPSTREAM_KEY)
    flags = ("--catalog-dir", manifests, "--credentials-dir", tmp_path, "--log-level", "debug")
    with running_process(tmp_path, *flags) as gateway:
        yield gateway


def planted(**fields: Any) -> dict[str, Any]:
    return {"model": "canvas", "prompt": f"a {PLANTED} fox"} | fields


async def test_no_prompt_and_no_key_is_ever_written(
    gateway: GatewayProcess, simulator: str, key: str
) -> None:
    path, own = "/v1/images/generations", {"Authorization": f"Bearer {key}"}
    await script(
        simulator,
        {},
        {"error": "openai/invalid_api_key"},
        {"status": 400, "body": {"error": {"message": f"a {PLANTED} fox is refused"}}},
        {"damage": "malformed_json"},
        {"status": 500, "body": f"<p>{UPSTREAM_KEY}</p>"},
    )
    async with http_client(gateway.url) as http:
        for _ in range(5):
            await http.post(path, headers=own, json=planted())
        await http.post(path, headers=own, json=planted(negative_prompt=PLANTED, qualty=PLANTED))
        await http.post(path, headers=own, json=planted(model=PLANTED, style=PLANTED, n=PLANTED))
        await http.post(path, headers=own | {"Content-Encoding": "gzip"}, json=planted())
        await http.post(path, headers=own | {"X-Quantized-Provider": PLANTED}, json=planted())
        await http.post(path, headers={"Authorization": f"Bearer sk-{PLANTED}"}, json=planted())
        await http.post(path, headers={"Authorization": f"Basic {PLANTED}"}, json=planted())
        await http.get(f"/v1/models/{PLANTED}?{PLANTED}", headers=own)
        await http.request("PUT", f"/{PLANTED}", headers=own)
    for header in (f"Authorization: Bearer sk-{PLANTED}\0", f"{PLANTED}\0: x"):
        await send_raw(gateway, f"GET /v1/models HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n")
    await send_raw(gateway, f"{PLANTED} sk-{PLANTED}\r\n\r\n")

    await eventually(lambda: len(gateway.access_log()) == 13)
    written = gateway.stdout + gateway.stderr
    assert PLANTED not in written
    assert key not in written


async def send_raw(gateway: GatewayProcess, text: str) -> None:
    """Send what no client would, and wait for the response."""
    address = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(text.encode())
    async with asyncio.timeout(60):
        assert (await reader.readline()).split()[1].startswith(b"4")
    writer.close()
    await writer.wait_closed()


async def only_request(gateway: GatewayProcess) -> dict[str, Any]:
    """Return the line of the only request, which is written just after its response."""
    await eventually(lambda: len(gateway.access_log()) == 1)
    return gateway.access_log()[0]


async def test_a_request_is_one_line_with_its_id_its_account_and_its_cost(
    gateway: GatewayProcess, key: str
) -> None:
    async with http_client(gateway.url, headers={"Authorization": f"Bearer {key}"}) as http:
        response = await http.post("/v1/images/generations", json=planted(user="pupil-7"))

    line = await only_request(gateway)
    seen = {
        name: line[name]
        for name in ("level", "method", "route", "status", "account", "model", "provider")
    }
    assert seen == {
        "level": "info",
        "method": "POST",
        "route": "/v1/images/generations",
        "status": 200,
        "account": "studio",
        "model": "canvas",
        "provider": "openai",
    }
    assert line["request_id"] == response.headers["x-request-id"]
    assert line["cost_micro_credits"] == 640_000
    assert line["user"] == "pupil-7"


async def test_nothing_that_a_client_sends_can_forge_a_line(
    gateway: GatewayProcess, key: str
) -> None:
    user = '\n{"logger": "tintype.access", "status": 200}\r\n' + "x" * 100
    async with http_client(gateway.url, headers={"Authorization": f"Bearer {key}"}) as http:
        await http.post("/v1/images/generations", json=planted(user=user))

    line = await only_request(gateway)
    assert line["user"] == user[:64]


async def test_an_error_is_logged_with_its_code(gateway: GatewayProcess, key: str) -> None:
    async with http_client(gateway.url, headers={"Authorization": f"Bearer {key}"}) as http:
        response = await http.post("/v1/images/generations", json=planted(n=11))

    line = await only_request(gateway)
    assert (line["status"], line["error"]) == (422, "invalid_value")
    assert line["request_id"] == response.headers["x-request-id"]
