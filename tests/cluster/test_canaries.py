"""A full run with recognizable secrets: none appears where it does not belong."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from tests.gateway.auth.jwt.support import AUDIENCE, ISSUER, claims, signing_key
from tintype_testing.browser_site import Site, site_on
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.gateway_process import GatewayProcess
from tintype_testing.http import http_client
from tintype_testing.manifests import STARTER, Manifest, read_manifests
from tintype_testing.operator import CREDENTIALS, Operator
from tintype_testing.waiting import eventually_equal

PROVIDER_KEYS = {
    "openai": {"api-key": "sk-canary-openai-4fd1"},
    "gemini": {"api-key": "canary-gemini-77ab"},
    "aws-bedrock": {
        "aws-access-key-id": "AKIACANARY9310",
        "aws-secret-access-key": "canary-aws-secret/c02e",
        "aws-session-token": "canary-aws-session+1f5d",
    },
    "aws-bearer": {"aws-bearer-token": "canary-aws-bearer-b6d8"},
}
ADMIN_TOKEN = "canary-admin-token-e55c"
PROMPT = "a canary prompt of a heron 8a21"
NEGATIVE_PROMPT = "canary negative prompt 40cc"
GUESSED_KEY = "canary-guessed-api-key-6b90"
ECHO = "canary-upstream-echo-d3d3"
"""An error text of a provider about its account, which clients must not see."""

MODELS = (
    "gemini-2.5-flash-image",
    "gpt-image-1",
    "stability-stable-image-core-v1-0",
    "stability-stable-image-core-v1-1",
)


def manifests(endpoint: str) -> Iterator[Manifest]:
    """Models of each provider, and for AWS one with each kind of key."""
    for manifest in read_manifests(STARTER):
        name, spec = manifest["metadata"]["name"], manifest["spec"]
        if spec.get("modelRef", {}).get("name", name) not in MODELS:
            continue
        spec.pop("lifecycle", None)
        if manifest["kind"] == "ProviderBinding":
            spec["endpoint"] = endpoint
        if name == "stability-stable-image-core-v1-0-bedrock":
            spec["credentials"] = {"secretRef": {"name": "aws-bearer"}}
        yield manifest


@pytest.fixture
async def site(
    cluster_with_crds: ControlPlane, namespace: str, tmp_path: Path
) -> AsyncIterator[Site]:
    async with site_on(cluster_with_crds, namespace, tmp_path, TINTYPE_LOG_LEVEL="debug") as site:
        await site.apply(*(site.secret(name, **keys) for name, keys in PROVIDER_KEYS.items()))
        await site.apply(*manifests(site.simulator.url))
        expected = {f"{name}.{key}" for name, keys in PROVIDER_KEYS.items() for key in keys}

        async def files() -> set[str]:
            return set(await site.gathered())

        await eventually_equal(files, expected)
        await asyncio.to_thread(site.operator.wait_for_models, *sorted(MODELS))
        yield site


class Client:
    """Sends requests, and keeps the responses except those with images, which may quote prompts."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self._gateway = gateway
        self.responses: list[str] = []

    async def ask(self, key: str, **fields: Any) -> int:
        body = {"model": "gpt-image-1", "prompt": PROMPT} | fields
        return await self.send("POST", self._gateway.url, "/v1/images/generations", key, body)

    async def send(self, method: str, base: str, path: str, token: str, body: object = None) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        async with http_client(base, headers=headers) as http:
            response = await http.request(method, path, json=body)
        shown_text = "" if "b64_json" in response.text else response.text
        self.responses.append(f"{response.headers}\n{shown_text}")
        return response.status_code


async def test_no_secret_appears_where_it_does_not_belong(site: Site, tmp_path: Path) -> None:
    signer = signing_key()
    jwt, foreign_jwt = signer.sign(claims()), signer.sign(claims(aud="canary-audience"))
    trust(tmp_path, signer.pem())
    await site.mount()
    async with site.gateway(
        mounted=True,
        TINTYPE_LOG_LEVEL="debug",
        TINTYPE_ADMIN_TOKEN=ADMIN_TOKEN,
        TINTYPE_JWT_ISSUERS="issuers.yaml",
    ) as gateway:
        client = Client(gateway)
        for model in ("gpt-image-1", "gemini-2.5-flash-image", "stability.stable-image-core-v1:0"):
            assert await client.ask(gateway.demo_key, model=model) == 200
        assert await client.ask(jwt, negative_prompt=NEGATIVE_PROMPT) == 200
        assert await failures(client, gateway, site, foreign_jwt) == []
        await look_around(client, gateway)
        await site.apply(site.secret("openai", **{"api-key": ""}))
        await asyncio.to_thread(
            site.operator.wait_for_condition,
            *("providerbinding", "gpt-image-1-openai", "ResolvedRefs", "False"),
        )
        seen = {
            "responses": "\n".join(client.responses),
            "gateway's log": gateway.stderr,
            "operator's log": site.operator.process.output(),
            "objects": await asyncio.to_thread(objects, site.operator),
            "ledger": contents(tmp_path / ".tintype", "ledger.db*"),
            "last good catalog": contents(tmp_path / ".tintype", "last-good*"),
        }
        canaries = [
            *(value for keys in PROVIDER_KEYS.values() for value in keys.values()),
            *(ADMIN_TOKEN, PROMPT, NEGATIVE_PROMPT, GUESSED_KEY, ECHO),
            *(jwt, jwt.split(".")[2], foreign_jwt, foreign_jwt.split(".")[2], gateway.demo_key),
        ]

    assert [place for place, text in seen.items() if not text] == []
    assert shown(canaries, seen) == []
    assert {key for keys in PROVIDER_KEYS.values() for key in keys.values()} & set(
        keys_of(site.simulator.authorizations)
    )


async def failures(
    client: Client, gateway: GatewayProcess, site: Site, foreign_jwt: str
) -> list[tuple[int, int]]:
    """Cause every kind of failure, and return the unexpected statuses."""
    echo = {"error": {"message": f"Incorrect API key provided: {ECHO}", "type": "x"}}
    key, found = gateway.demo_key, []

    async def expect(status: int, token: str = key, **fields: Any) -> None:
        found.append((status, await client.ask(token, **fields)))

    await expect(401, GUESSED_KEY)
    await expect(401, foreign_jwt)
    await expect(401, f"{key}x")
    await expect(404, model="no-such-model")
    await expect(422, prompt=[PROMPT])
    await expect(422, prompt=PROMPT, quality=NEGATIVE_PROMPT)
    await expect(400, prompt=PROMPT * 4000)
    # The simulated AWS does not know this pair of keys.
    await expect(503, model="stability.stable-image-core-v1:1")
    for status in (401, 403, 429, 500):
        async with http_client(site.simulator.url) as http:
            fault = {"status": status, "body": echo, "headers": {"Retry-After": "60"}}
            await http.put("/_simulator/faults", json=[fault])
        await expect(503)
    return [pair for pair in found if pair[0] != pair[1]]


async def look_around(client: Client, gateway: GatewayProcess) -> None:
    """Collect all outputs of the run: logs, responses, metrics and objects."""
    for path in ("/v1/models", "/v1/credits", "/openapi.json"):
        await client.send("GET", gateway.url, path, gateway.demo_key)
    for path in ("/metrics", "/status", "/readyz", "/healthz"):
        await client.send("GET", gateway.admin_url, path, GUESSED_KEY)
    for path in ("accounts", "keys?account=demo", "usage"):
        await client.send("GET", gateway.admin_url, f"/admin/v1/{path}", ADMIN_TOKEN)
        await client.send("GET", gateway.admin_url, f"/admin/v1/{path}", GUESSED_KEY)


def objects(operator: Operator) -> str:
    """All objects of the namespace except Secrets, with the content of compressed catalogs."""
    listed = operator.cluster.kubectl(
        *("get", "imagemodels,providerbindings,configmaps,events,leases", "-o", "json"),
        *("--namespace", operator.namespace, "--show-managed-fields"),
    )
    catalog = operator.catalog()
    assert catalog is not None
    assert operator.get("secret", CREDENTIALS)
    return listed + catalog.to_json().decode()


def contents(folder: Path, pattern: str) -> str:
    files = (path.read_bytes() for path in folder.glob(pattern))
    return "\n".join(content.decode("latin-1") for content in files)


def shown(canaries: list[str], seen: dict[str, str]) -> list[tuple[str, str]]:
    """Return each canary with the places where it appears, plain or in a common encoding."""
    return [
        (canary, place)
        for canary in canaries
        for place, text in seen.items()
        if any(form in text for form in forms(canary))
    ]


def forms(canary: str) -> set[str]:
    encoded = base64.b64encode(canary.encode()).decode()
    return {canary, encoded, quote(canary, safe=""), json.dumps(canary)[1:-1]}


def keys_of(authorizations: list[str]) -> Iterator[str]:
    """Yield what the providers received: a run in which no key is used would prove nothing."""
    for shown_ in authorizations:
        yield shown_.removeprefix("Bearer ")


def trust(folder: Path, public_key: bytes) -> None:
    """Make the gateway trust the issuer of a key."""
    (folder / "issuer.pem").write_bytes(public_key)
    fields = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "algorithms": ["ES256"],
        "publicKeyFile": "issuer.pem",
        "accountPrefix": "example:",
        "autoCreateCredits": 100,
    }
    (folder / "issuers.yaml").write_text(yaml.safe_dump([fields]))
