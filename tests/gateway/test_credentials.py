"""Where the gateway finds what it proves its identity with."""

from pathlib import Path
from typing import Any

import pytest

from tests.gateway.builders import binding
from tintype_gateway.credentials import MountedCredentials, SimulatedCredentials

BEDROCK = {"provider": "bedrock", "dialect": "bedrock-amazon", "regions": ["us-east-1"]}


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        Path(folder, name.replace("__", ".").replace("_", "-")).write_text(text)


async def test_a_key_is_the_content_of_its_file(tmp_path: Path) -> None:
    write(tmp_path, openai__api_key="sk-1\n", other__api_key="sk-2")
    assert await MountedCredentials(tmp_path).read(binding()) == {"api-key": "sk-1"}


async def test_all_keys_of_a_secret_come_together(tmp_path: Path) -> None:
    write(tmp_path, openai__aws_access_key_id="id", openai__aws_secret_access_key="secret")
    assert await MountedCredentials(tmp_path).read(binding(**BEDROCK)) == {
        "aws-access-key-id": "id",
        "aws-secret-access-key": "secret",
    }


@pytest.mark.parametrize(
    ("files", "spec"),
    [
        ({}, {}),
        ({"openai__api_key": " \n"}, {}),
        ({"openai__api_key": "sk-1\r\nX-Evil: 1"}, {}),
        ({"openai__api_key": "sk-\u00fc"}, {}),
        ({"openai__aws_bearer_token": "token"}, {}),
        ({"openai__aws_access_key_id": "id"}, BEDROCK),
        ({"openai__api_key": "sk-1"}, BEDROCK),
        ({"other__api_key": "sk-1"}, {}),
    ],
    ids=[
        *("no file", "empty", "two lines", "not ASCII"),
        *("another kind of key", "half a pair", "another provider's key", "another secret"),
    ],
)
async def test_what_the_provider_cannot_use_is_no_credential(
    tmp_path: Path, files: dict[str, str], spec: dict[str, Any]
) -> None:
    write(tmp_path, **files)
    assert await MountedCredentials(tmp_path).read(binding(**spec)) == {}


async def test_without_a_folder_there_are_none() -> None:
    assert await MountedCredentials(None).read(binding()) == {}


async def test_a_rotated_key_counts_at_once(tmp_path: Path) -> None:
    credentials = MountedCredentials(tmp_path)
    read = []
    for key in ("sk-old", "sk-new"):
        write(tmp_path, openai__api_key=key)
        read.append(await credentials.read(binding()))
    assert read == [{"api-key": "sk-old"}, {"api-key": "sk-new"}]


async def test_the_workloads_own_identity_is_that_of_the_aws_sdks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    own = binding(**BEDROCK, credentials={"workloadIdentity": True})
    assert await MountedCredentials(None).read(own) == {
        "aws-access-key-id": "id",
        "aws-secret-access-key": "secret",
    }


@pytest.mark.parametrize("spec", [{}, BEDROCK])
async def test_simulators_are_asked_with_made_up_credentials(spec: dict[str, Any]) -> None:
    made_up = await SimulatedCredentials().read(binding(**spec))
    assert set(made_up.values()) == {"simulated"}
    assert {"api-key", "aws-access-key-id", "aws-secret-access-key"} <= made_up.keys()
