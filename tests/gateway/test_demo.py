"""The account to try the gateway with."""

import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tintype_gateway.demo import ACCOUNT, MICRO_CREDITS, ensure_demo_key, pointed_at
from tintype_gateway.ledger import Ledger, open_ledger


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield ledger
    await ledger.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "demo.key"


def found(path: Path) -> tuple[str, int]:
    """Return what a file holds, and who may do what with it."""
    return path.read_text(), stat.S_IMODE(path.stat().st_mode)


def leave(path: Path, text: str) -> None:
    """Write a file that everybody may read."""
    path.write_text(text)
    path.chmod(0o644)


async def test_the_first_start_makes_an_account_with_credits_and_a_key(
    ledger: Ledger, path: Path
) -> None:
    key = await ensure_demo_key(ledger, path)
    assert (await ledger.authenticate(key)).account == ACCOUNT
    assert (await ledger.account(ACCOUNT)).available == MICRO_CREDITS


async def test_the_key_is_in_a_file_that_only_its_owner_reads(ledger: Ledger, path: Path) -> None:
    key = await ensure_demo_key(ledger, path)
    assert found(path) == (f"{key}\n", 0o600)


async def test_a_second_start_uses_the_same_key_and_grants_nothing(
    ledger: Ledger, path: Path
) -> None:
    first = await ensure_demo_key(ledger, path)
    assert await ensure_demo_key(ledger, path) == first
    assert (await ledger.account(ACCOUNT)).available == MICRO_CREDITS


@pytest.mark.parametrize("stored", ["", "sk-of-another-ledger\n", "\n\n"])
async def test_a_key_that_the_ledger_does_not_know_is_replaced(
    ledger: Ledger, path: Path, stored: str
) -> None:
    leave(path, stored)
    key = await ensure_demo_key(ledger, path)
    assert (await ledger.authenticate(key)).account == ACCOUNT
    assert found(path) == (f"{key}\n", 0o600)


async def test_a_revoked_key_is_replaced(ledger: Ledger, path: Path) -> None:
    first = await ensure_demo_key(ledger, path)
    await ledger.revoke_key((await ledger.authenticate(first)).key_id)
    second = await ensure_demo_key(ledger, path)
    assert second != first
    assert (await ledger.authenticate(second)).account == ACCOUNT


async def test_a_lost_key_file_costs_the_account_nothing(ledger: Ledger, path: Path) -> None:
    first = await ensure_demo_key(ledger, path)
    os.remove(path)
    assert await ensure_demo_key(ledger, path) != first
    assert (await ledger.account(ACCOUNT)).available == MICRO_CREDITS


@pytest.mark.parametrize(
    ("dialect", "endpoint"),
    [
        ("openai-images", "http://127.0.0.1:9000"),
        ("vertex-generate-content", "http://127.0.0.1:9000/hosted/vertex"),
        (["a", "mistake"], "http://127.0.0.1:9000"),
    ],
)
def test_a_simulated_binding_leads_to_the_simulator_of_its_dialect(
    dialect: object, endpoint: str
) -> None:
    manifest = {"kind": "ProviderBinding", "spec": {"dialect": dialect, "proxy": "http://p:1"}}

    spec = pointed_at(manifest, "http://127.0.0.1:9000")["spec"]

    assert spec == {"dialect": dialect, "endpoint": endpoint}


def test_a_simulated_provider_is_asked_with_a_key_in_place_of_the_workloads_token() -> None:
    own = {"dialect": "azure-openai", "credentials": {"workloadIdentity": True}}

    spec = pointed_at({"kind": "ProviderBinding", "spec": own}, "http://127.0.0.1:9000")["spec"]

    assert spec["credentials"] == {"secretRef": {"name": "simulated"}}
    assert spec["endpoint"] == "http://127.0.0.1:9000/hosted/azure"
