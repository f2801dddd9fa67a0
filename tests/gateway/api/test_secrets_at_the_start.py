"""A gateway that is started with a malformed secret never repeats a part of it."""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tintype_testing.forked import running_command
from tintype_testing.gateway_process import clean_environ

CANARY = "Qx7canaryZ9"
"""A part of every secret. No part of it stands in any other text."""

MALFORMED: list[Callable[[str], str]] = [
    lambda secret: secret,
    lambda secret: f"{secret}\n",
    lambda secret: f" {secret} {secret}",
    lambda secret: f"{secret}:{secret}@",
    lambda secret: f"{secret}#{secret}?{secret}",
    lambda secret: f"{secret}/{secret}@{secret}",
    lambda secret: f"[{secret}]",
    lambda secret: f"%zz{secret}%",
    lambda secret: f"{secret}\u2603\x7f",
    lambda secret: f'{{"{secret}": ["{secret}',
]
"""Each makes a secret that is none of what it should be."""

S3 = {"AWS_S3_BUCKET": "images", "AWS_REGION": "us-east-1"}
CLOSED = "http://127.0.0.1:1"

KEYS = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"

STARTS: dict[str, dict[str, str]] = {
    "database": {"TINTYPE_DATABASE_URL": "{}"},
    "password": {"TINTYPE_DATABASE_URL": "postgresql://tintype:{}@127.0.0.1:1/tintype"},
    "parameters": {"TINTYPE_DATABASE_URL": "postgresql://127.0.0.1:1/t?port={}&sslpassword={}"},
    "another database": {"TINTYPE_DATABASE_URL": "mysql://tintype:{}@127.0.0.1:1/tintype"},
    "settings": {
        "TINTYPE_ADMIN_TOKEN": "{} ",
        "AWS_ENDPOINT_URL_S3": "http://user:{}@127.0.0.1:1",
    },
    "bucket": {**S3, "AWS_ENDPOINT_URL_S3": CLOSED, **dict.fromkeys(KEYS, "{}")},
    "header": {"OTEL_EXPORTER_OTLP_ENDPOINT": CLOSED, "OTEL_EXPORTER_OTLP_HEADERS": "a={}"},
    "headers": {"OTEL_EXPORTER_OTLP_ENDPOINT": CLOSED, "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "{}"},
    "collector": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:{}@127.0.0.1:1"},
}
"""What the environment of a start has, with the secret in the place of `{}`."""


def started(folder: Path, environ: Mapping[str, str], *arguments: str) -> str:
    """What a command says until it ends, or serves, or has tried the bucket that it is given."""
    last = "the image store cannot be used" if "AWS_S3_BUCKET" in environ else '"serving"'
    given = {name: value for name, value in clean_environ().items() if "AWS" not in name}
    everything = {**given, "AWS_EC2_METADATA_DISABLED": "true", **environ}
    said = ""
    with running_command(folder, everything, *arguments) as command:
        for line in command.output:
            said += line
            if last in line:
                command.process.kill()
        command.process.wait(120)
    return said


async def all_said(folder: Path, name: str, *arguments: str) -> list[str]:
    """What the command says of each malformed secret; five run at a time, which wait mostly."""
    turns = asyncio.Semaphore(5)

    async def said(number: int, make: Callable[[str], str]) -> str:
        own = folder / str(number)
        own.mkdir()
        async with turns:
            environ = {
                variable: pattern.replace("{}", make(CANARY))
                for variable, pattern in STARTS[name].items()
            }
            return await asyncio.to_thread(started, own, environ, *arguments)

    return await asyncio.gather(*(said(*each) for each in enumerate(MALFORMED)))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", STARTS)
async def test_a_gateway_repeats_no_malformed_secret(tmp_path: Path, name: str) -> None:
    flags = ("--port", "0", "--admin-port", "0", "--simulate")
    texts = await all_said(tmp_path, name, "gateway", *flags)

    assert len(texts) == 10
    for text in texts:
        assert "tintype gateway: " in text or '"serving"' in text
        assert CANARY not in text
        assert "Traceback" not in text


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["database", "password", "parameters"])
async def test_a_migration_repeats_no_malformed_secret(tmp_path: Path, name: str) -> None:
    for text in await all_said(tmp_path, name, "ledger", "migrate"):
        assert text.startswith("tintype ledger: ")
        assert CANARY not in text


def test_the_file_of_issuers_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "issuers.yaml"
    for make in MALFORMED:
        path.write_text(make(CANARY))
        said = started(tmp_path, {"TINTYPE_JWT_ISSUERS": os.fspath(path)}, "gateway")
        assert said.startswith("tintype gateway: TINTYPE_JWT_ISSUERS: ")
        assert CANARY not in said
