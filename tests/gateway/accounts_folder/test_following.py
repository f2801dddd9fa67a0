"""A gateway follows the accounts in its folder while it runs."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.accounts_folder.test_applying import ACCOUNT, KEY, manifest
from tintype_gateway.accounts_folder.following import follow_accounts
from tintype_gateway.accounts_folder.manifests import AccountsManifests, read_manifests
from tintype_gateway.catalog.folder import ManifestFolder
from tintype_gateway.ledger.errors import AccountNotFoundError
from tintype_gateway.ledger.factory import open_ledger
from tintype_gateway.ledger.interface import Ledger
from tintype_testing.manifests import Manifest, image_model
from tintype_testing.waiting import eventually


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield ledger
    await ledger.close()


@pytest.fixture
async def folder(tmp_path: Path, ledger: Ledger) -> AsyncIterator[Path]:
    """A folder with an account and a key, which is followed."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    write(folder, ACCOUNT, KEY)
    task = asyncio.create_task(follow_accounts(ManifestFolder(folder), ledger, tmp_path))
    await eventually((tmp_path / "keys/app-openai/OPENAI_API_KEY").exists)
    yield folder
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def write(folder: Path, *manifests: Manifest) -> None:
    for each in manifests:
        (folder / f"{each['metadata']['name']}.yaml").write_text(json.dumps(each))


async def is_there(ledger: Ledger, name: str) -> bool:
    try:
        await ledger.account(name)
    except AccountNotFoundError:
        return False
    return True


async def test_a_new_manifest_is_applied(ledger: Ledger, folder: Path) -> None:
    write(folder, manifest("Account", "other"))

    await eventually(lambda: is_there(ledger, "other"))


def test_a_folder_without_any_manifest_says_nothing_and_one_with_models_has_no_accounts(
    tmp_path: Path,
) -> None:
    """The volume of an empty folder may be missing; who has models has deleted the accounts."""
    assert read_manifests(ManifestFolder(tmp_path)) is None

    write(tmp_path, image_model())

    assert read_manifests(ManifestFolder(tmp_path)) == AccountsManifests()


async def test_a_file_that_is_not_yaml_is_told_and_hinders_until_it_is_corrected(
    ledger: Ledger, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "broken.yaml").write_text("spec: [")
    write(folder, manifest("Account", "other"))
    await eventually(lambda: "accounts of the folder not applied" in caplog.text)

    (folder / "broken.yaml").write_text("")

    await eventually(lambda: is_there(ledger, "other"))
    told = [vars(each) for each in caplog.records if each.levelno == logging.WARNING]
    assert "broken.yaml" in told[0]["error"]
