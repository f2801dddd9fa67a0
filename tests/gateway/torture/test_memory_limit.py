"""More images of 6 MiB are asked for than there is memory for, at once."""

import asyncio
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
import yaml

from bench.processes import peak_memory_bytes
from bench.targets import upstream
from tintype_gateway.accounts import MAXIMUM_RATE, Policy
from tintype_testing.gateway import check_the_books
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.ledgers import opened
from tintype_testing.manifests import image_model, provider_binding

MIB = 2**20
IMAGE = 6 * MIB
LIMIT = 320 * MIB
CLIENTS = 60
CREDITS_MICRO = 10**12


def manifests(folder: Path, endpoint: str) -> Path:
    """Write the catalog of two models whose images have two megapixels.

    Those of `canvas` take so long that all clients have asked for one before the first is made.
    """
    documents = []
    for name, milliseconds in (("canvas", 6000), ("sketch", 0)):
        documents += [
            image_model(name, size={"mode": "List", "sizes": ["2048x1024"]}),
            provider_binding(
                model=name,
                upstreamModel="dall-e-2",
                endpoint=f"{endpoint}/openai-images/{IMAGE}/{milliseconds}",
            ),
        ]
    (folder / "catalog").mkdir()
    (folder / "catalog" / "models.yaml").write_text(yaml.safe_dump_all(documents))
    (folder / "credentials").mkdir()
    (folder / "credentials" / "openai.api-key").write_text("sk-anything")
    return folder


async def key_to(url: str) -> str:
    async with opened(url) as ledger:
        await ledger.create_account(
            "studio", credits_micro=CREDITS_MICRO, policy=Policy(calls_per_minute=MAXIMUM_RATE)
        )
        _, key = await ledger.create_key("studio")
        return key


async def ask(gateway: GatewayProcess, http: aiohttp.ClientSession, name: str, model: str) -> int:
    """Ask for an image, read all of the response, and return its status."""
    body = {"model": model, "prompt": "a red fox"}
    headers = {"Idempotency-Key": name}  # such responses are kept, and so read whole
    url = f"{gateway.url}/v1/images/generations"
    async with http.post(url, json=body, headers=headers) as response:
        content = await response.read()
        assert response.status != 200 or len(content) > IMAGE
        assert response.status != 429 or int(response.headers["Retry-After"]) > 0
        return response.status


@pytest.mark.timeout(1200)
async def test_some_are_turned_away_and_none_is_killed(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/ledger.db"
    key = await key_to(database)
    environ = {"TINTYPE_DATABASE_URL": database, "TINTYPE_MEMORY_LIMIT_BYTES": str(LIMIT)}
    connector = aiohttp.TCPConnector(limit=0)
    with upstream() as provider:
        folder = manifests(tmp_path, provider)
        flags = ("--catalog-dir", folder / "catalog", "--credentials-dir", folder / "credentials")
        with running_process(tmp_path, *flags, environ=environ) as gateway:
            authorized = {"Authorization": f"Bearer {key}"}
            async with aiohttp.ClientSession(headers=authorized, connector=connector) as http:
                wave = (ask(gateway, http, f"first-{n}", "canvas") for n in range(CLIENTS))
                statuses = Counter(await asyncio.gather(*wave))
                peak = peak_memory_bytes(gateway.process.popen.pid)
                later = [await ask(gateway, http, f"later-{n}", "sketch") for n in range(5)]
    assert set(statuses) == {200, 429}
    assert statuses.total() == CLIENTS
    assert later == [200] * 5
    assert peak < LIMIT
    async with opened(database) as ledger:
        await check_the_books(ledger)
        served = statuses[200] + len(later)
        assert (await ledger.account("studio")).balance == CREDITS_MICRO - served * 640_000
