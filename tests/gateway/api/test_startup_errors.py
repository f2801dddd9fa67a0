"""A gateway that cannot start says why, in one line that names the setting."""

import subprocess
import sys
from pathlib import Path

import pytest

from tintype_testing.gateway_process import clean_environ, running_process
from tintype_testing.postgres import PostgresServer

FREE = ("--port", "0", "--admin-port", "0")


def start(folder: Path, *flags: object) -> subprocess.CompletedProcess[str]:
    """Run a gateway that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "tintype_cli", "gateway", *map(str, flags)],
        cwd=folder,
        env=clean_environ(),
        capture_output=True,
        text=True,
        timeout=240,
    )


def failure(folder: Path, *flags: object) -> str:
    """Return the one line that a gateway says that cannot start."""
    ended = start(folder, *FREE, *flags)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    *_, line = ended.stderr.splitlines()
    assert line.startswith("tintype gateway: ")
    return line


def test_a_wrong_setting_ends_it_with_2_and_is_named(tmp_path: Path) -> None:
    ended = start(tmp_path, "--port", "high")

    assert ended.returncode == 2
    assert ended.stderr.startswith("tintype gateway: TINTYPE_PORT: ")
    assert ended.stdout == ""


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with running_process(tmp_path, "--simulate") as gateway:
        port = gateway.url.rpartition(":")[2]

        assert port in failure(tmp_path, "--port", port)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    error = failure(tmp_path, "--catalog-dir", "nowhere")

    assert "TINTYPE_CATALOG_DIR" in error
    assert "nowhere" in error


@pytest.mark.parametrize(
    "url", ["mysql://user:hunter2@db/tintype", "sqlite:///a/file/that/cannot/be.db"]
)
def test_a_database_that_cannot_be_opened_is_named_without_its_password(
    tmp_path: Path, url: str
) -> None:
    (tmp_path / "a").write_text("not a folder")
    (tmp_path / "url").write_text(f"{url}\n")

    error = failure(tmp_path, "--database-url-file", tmp_path / "url")

    assert "URL of the database" in error or "be.db" in error
    assert "hunter2" not in error


def test_a_database_that_was_never_migrated_is_an_error_at_the_start(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    url = postgres.url(postgres.create_database())

    with running_process(tmp_path, environ={"TINTYPE_DATABASE_URL": url}) as gateway:
        errors = [line for line in gateway.log() if line["level"] == "error"]

    assert [line["message"] for line in errors] == ["the ledger cannot be used"]
    assert "tintype ledger migrate" in errors[0]["error"]
