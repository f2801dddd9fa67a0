"""Where the gateway finds what it proves its identity with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tintype_gateway.runtime.folder_watch import read_files
from tintype_gateway.settings import GatewaySettings
from tintype_gateway.upstream.credentials import Credentials, SimulatedCredentials
from tintype_testing.builders import binding
from tintype_testing.config_volume import Volume
from tintype_testing.waiting import eventually_equal

BEDROCK = {"provider": "bedrock", "dialect": "bedrock-amazon", "regions": ["us-east-1"]}


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        Path(folder, name.replace("__", ".").replace("_", "-")).write_text(text)


async def loaded(folder: Path) -> Credentials:
    credentials = Credentials()
    await credentials.load_folder(folder)
    return credentials


@asynccontextmanager
async def following(folder: Path) -> AsyncIterator[Credentials]:
    """Credentials that are kept as they are in a folder."""
    credentials = await loaded(folder)
    task = asyncio.create_task(credentials.follow_folder(folder))
    try:
        yield credentials
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until_key(credentials: Credentials, key: str) -> None:
    """Wait until the API key is this one, empty for none."""

    async def api_key() -> str:
        return (await credentials.read(binding())).get("api-key", "")

    await eventually_equal(api_key, key)


async def test_a_key_is_the_content_of_its_file(tmp_path: Path) -> None:
    write(tmp_path, openai__api_key="sk-1\n", other__api_key="sk-2")
    assert await (await loaded(tmp_path)).read(binding()) == {"api-key": "sk-1"}


async def test_all_keys_of_a_secret_come_together(tmp_path: Path) -> None:
    write(tmp_path, openai__aws_access_key_id="id", openai__aws_secret_access_key="secret")
    assert await (await loaded(tmp_path)).read(binding(**BEDROCK)) == {
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
async def test_unusable_keys_are_no_credentials(
    tmp_path: Path, files: dict[str, str], spec: dict[str, Any]
) -> None:
    write(tmp_path, **files)
    assert await (await loaded(tmp_path)).read(binding(**spec)) == {}


async def test_without_a_folder_there_are_none() -> None:
    assert await Credentials().read(binding()) == {}


async def test_the_name_of_a_secret_may_have_dots(tmp_path: Path) -> None:
    (tmp_path / "my.own.api-key").write_text("sk-1")
    credentials = await loaded(tmp_path)
    named = binding(credentials={"secretRef": {"name": "my.own"}})
    assert await credentials.read(named) == {"api-key": "sk-1"}


async def test_a_request_reads_no_file(tmp_path: Path) -> None:
    write(tmp_path, openai__api_key="sk-1")
    credentials = await loaded(tmp_path)
    (tmp_path / "openai.api-key").unlink()
    assert await credentials.read(binding()) == {"api-key": "sk-1"}


async def test_a_key_that_is_written_anew_counts_within_moments(tmp_path: Path) -> None:
    async with following(tmp_path) as credentials:
        for key in ("sk-first", "sk-second", "sk-third"):
            write(tmp_path, openai__api_key=key)
            await until_key(credentials, key)


async def test_every_swap_of_a_mounted_secret_is_noticed(tmp_path: Path) -> None:
    volume = Volume(tmp_path / "credentials")
    async with following(volume.path) as credentials:
        for number in range(20):
            volume.write({"openai.api-key": f"sk-{number}".encode()})
            await until_key(credentials, f"sk-{number}")


def test_a_version_that_is_deleted_while_it_is_read_does_not_count(tmp_path: Path) -> None:
    volume = Volume(tmp_path / "credentials")
    volume.write({"openai.api-key": b"sk-1", "other.api-key": b"sk-2"})

    def wanted(name: str) -> bool:
        if name == "other.api-key":
            volume.write({"openai.api-key": b"sk-3"})
        return True

    with pytest.raises(OSError, match="was swapped while it was read"):
        read_files(volume.path, wanted)


async def test_keys_of_one_secret_are_never_of_two_versions(tmp_path: Path) -> None:
    volume = Volume(tmp_path / "credentials")
    pairs: set[tuple[str, str]] = set()

    def version(number: int) -> dict[str, bytes]:
        text = str(number).encode()
        return {"openai.aws-access-key-id": text, "openai.aws-secret-access-key": text}

    volume.write(version(0))
    async with following(volume.path) as credentials:
        for number in range(1, 200):
            volume.write(version(number))
            found = await credentials.read(binding(**BEDROCK))
            pairs.add((found["aws-access-key-id"], found["aws-secret-access-key"]))
            await asyncio.sleep(0.001)

    assert [pair for pair in pairs if pair[0] != pair[1]] == []


async def test_a_withdrawn_key_is_used_no_more(tmp_path: Path) -> None:
    volume = Volume(tmp_path / "credentials")
    volume.write({"openai.api-key": b"sk-1"})
    async with following(volume.path) as credentials:
        await until_key(credentials, "sk-1")
        volume.write({})
        await until_key(credentials, "")


async def test_a_folder_that_goes_away_and_comes_back_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    write(folder, openai__api_key="sk-1")
    async with following(folder) as credentials:
        folder.rename(tmp_path / "elsewhere")
        folder.mkdir()
        write(folder, openai__api_key="sk-2")
        await until_key(credentials, "sk-2")


async def test_only_names_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, openai__api_key="sk-canary", other__notes="sk-canary")
    with caplog.at_level("DEBUG"):
        await loaded(tmp_path)
    (record,) = (each for each in caplog.records if each.message == "credentials loaded")
    assert vars(record)["files"] == ["openai.api-key"]
    assert "sk-canary" not in str(vars(record))


@pytest.mark.parametrize("spec", [{}, BEDROCK])
async def test_simulators_are_asked_with_made_up_credentials(spec: dict[str, Any]) -> None:
    made_up = await SimulatedCredentials().read(binding(**spec))
    assert set(made_up.values()) == {"simulated"}
    assert {"api-key", "aws-access-key-id", "aws-secret-access-key"} <= made_up.keys()


ENVIRONMENT = {"OPENAI_API_KEY": "sk-env", "GOOGLE_API_KEY": "g-2", "AWS_BEARER_TOKEN_BEDROCK": "b"}
GEMINI = {"provider": "gemini", "dialect": "google-generate-content"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, {"api-key": "sk-env"}),
        (GEMINI, {"api-key": "g-2"}),
        (BEDROCK, {"aws-bearer-token": "b"}),
    ],
)
async def test_a_provider_without_a_file_gets_the_key_of_the_environment(
    spec: dict[str, Any], expected: dict[str, str]
) -> None:
    assert await Credentials(ENVIRONMENT).read(binding(**spec)) == expected


async def test_the_first_variable_of_a_provider_counts() -> None:
    both = ENVIRONMENT | {"GEMINI_API_KEY": "g-1"}
    assert await Credentials(both).read(binding(**GEMINI)) == {"api-key": "g-1"}


async def test_the_environment_is_not_sent_to_an_endpoint_that_a_binding_names() -> None:
    proxied = binding(endpoint="https://proxy.example.com")
    assert await Credentials(ENVIRONMENT).read(proxied) == {}


async def test_a_file_goes_before_the_environment(tmp_path: Path) -> None:
    write(tmp_path, openai__api_key="sk-file")
    credentials = Credentials(ENVIRONMENT)
    await credentials.load_folder(tmp_path)
    assert await credentials.read(binding()) == {"api-key": "sk-file"}


async def test_aws_gets_the_credentials_that_its_own_tools_find(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert await Credentials({}).read(binding(**BEDROCK)) == {
        "aws-access-key-id": "id",
        "aws-secret-access-key": "secret",
    }


@pytest.mark.parametrize(
    ("settings", "variables", "expected"),
    [
        ({}, {}, True),
        ({"simulate": True}, {}, False),
        ({"catalog_mount": "/catalog"}, {}, False),
        ({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False),
    ],
)
def test_the_environment_is_read_only_outside_a_cluster_and_for_real_providers(
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    variables: dict[str, str],
    expected: bool,
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert GatewaySettings(**settings).has_environment_credentials is expected
