"""A model that an account may not use is named nowhere."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tintype_gateway.ledger.interface import Policy
from tintype_testing.gateway import ACCOUNT, Gateway, canvas, running_gateway
from tintype_testing.manifests import image_model, provider_binding

MODEL, BINDING = canvas()
LIFECYCLE = {"deprecatedOn": "2026-01-01", "retiresOn": "2026-02-01", "replacement": "vault"}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """Run a gateway whose account may use `canvas` and `old`, and not `vault`."""
    secrets: dict[str, Any] = {
        "parameters": {"quality": {"handling": "Map", "values": {"sealed": "sealed"}}},
        "providerParameters": {"vaultConfig": ["vaultDoor"]},
    }
    manifests = [
        *(MODEL, BINDING, image_model("vault", aliases=["the-vault"], **secrets)),
        provider_binding(
            *("vault",), model="vault", provider="bedrock", dialect="bedrock-amazon", regions=["r"]
        ),
        *(image_model("old", lifecycle=LIFECYCLE), provider_binding("old", model="old")),
    ]
    async with running_gateway(tmp_path, *manifests) as gateway:
        await gateway.ledger.set_policy(ACCOUNT, Policy(frozenset({"canvas", "old"})))
        yield gateway


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/images/quote"])
@pytest.mark.parametrize(
    ("fields", "headers", "status"),
    [
        ({"vaultConfig": {"vaultDoor": 1}}, {}, 422),
        ({"vaultConfi": 1}, {}, 422),
        ({"quality": "sealed"}, {}, 422),
        ({"quality": "other"}, {}, 422),
        ({"model": "old"}, {}, 400),
        ({}, {"X-Quantized-Provider": "bedrock"}, 400),
        ({}, {"X-Quantized-Provider": "other"}, 400),
        ({"model": "bedrock/canvas"}, {}, 404),
        ({"model": "openai/vault"}, {}, 404),
        ({"model": "the-vault"}, {}, 404),
    ],
)
async def test_no_error_names_a_model_that_the_account_may_not_use(
    gateway: Gateway, path: str, fields: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    body = {"model": "canvas", "prompt": "a red fox"} | fields
    async with gateway.http() as http:
        response = await http.post(path, json=body, headers=headers)

    assert response.status_code == status, response.text
    sent = f"{body}{headers}"
    for word in ("vault", "vaultConfig", "vaultDoor", "sealed", "bedrock"):
        assert word not in response.text or word in sent


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/old", "/openapi.json", "/v1/credits"])
async def test_no_document_names_a_model_that_the_account_may_not_use(
    gateway: Gateway, path: str
) -> None:
    async with gateway.http() as http:
        response = await http.get(path)

    assert response.status_code == 200
    for word in ("vault", "sealed", "bedrock"):
        assert word not in response.text
