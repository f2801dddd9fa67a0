"""Tokens of a watched folder, as a mounted Secret updates it."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from tintype_gateway.auth.admin.roles import AdminCaller
from tintype_gateway.auth.admin.tokens import AdminTokens
from tintype_testing.config_volume import Volume
from tintype_testing.waiting import eventually

OLD, NEW = b"the-old-token-of-ci", b"the-new-token-of-ci"
CI = AdminCaller("ci", "token", "keys")


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    volume = Volume(tmp_path / "tokens")
    volume.write({"ci.keys": OLD})
    return volume


@pytest.fixture
async def tokens(volume: Volume) -> AsyncIterator[AdminTokens]:
    """The tokens of a folder that is followed."""
    tokens = AdminTokens(folder=volume.path)
    await tokens.load()
    following = asyncio.create_task(tokens.follow())
    yield tokens
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


async def test_a_token_is_rotated_without_a_restart(volume: Volume, tokens: AdminTokens) -> None:
    assert tokens.find(OLD) == CI

    volume.write({"ci.keys": OLD + b"\n" + NEW})
    await eventually(lambda: tokens.find(NEW) == CI)
    assert tokens.find(OLD) == CI

    volume.write({"ci.keys": NEW})
    await eventually(lambda: tokens.find(OLD) is None)
    assert tokens.find(NEW) == CI


async def test_a_folder_that_is_gone_has_no_tokens(volume: Volume, tokens: AdminTokens) -> None:
    shutil.rmtree(volume.path)

    await eventually(lambda: tokens.find(OLD) is None)


async def test_a_file_that_cannot_be_read_leaves_the_last_tokens(
    volume: Volume, tokens: AdminTokens, caplog: pytest.LogCaptureFixture
) -> None:
    link = volume.path / "..data_tmp"
    link.symlink_to("..missing")
    link.rename(volume.path / "..data")

    await eventually(lambda: "admin tokens not read" in caplog.messages)

    assert tokens.find(OLD) == CI


async def test_the_log_names_owners_and_defects_but_no_token(
    volume: Volume, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    volume.write({"ci.keys": OLD, "ops.admin": b"a token with spaces"})

    await AdminTokens(folder=volume.path).load()

    loaded, defect = sorted(caplog.records, key=lambda record: record.levelno)
    assert vars(loaded)["owners"] == ["ci (keys)"]
    assert vars(defect)["problem"].startswith("ops.admin: ")
    assert "spaces" not in str([vars(record) for record in caplog.records])


def test_the_token_of_the_settings_has_the_role_admin() -> None:
    tokens = AdminTokens(NEW.decode())

    assert tokens.find(NEW) == AdminCaller("default", "token", "admin")
    assert tokens.find(OLD) is None
