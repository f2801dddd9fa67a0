"""Every command of docs/jobs.md runs as it stands, one after the other, and does what it says."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from tests.pages.blocks import claim
from tintype_testing.gateway_process import clean_environ, running_process
from tintype_testing.requirements import require

BLOCKS = claim(__name__, "docs/jobs.md")


def blocks(language: str) -> str:
    return "\n".join(block.code for block in BLOCKS if block.language == language)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all commands have run: those of the shell, then Python."""
    require("curl", "install it with your package manager, such as `apt-get install curl`")
    folder = tmp_path_factory.mktemp("page")
    with running_process(tmp_path_factory.mktemp("gateway"), "--simulate", "--demo") as gateway:
        environ = clean_environ() | {
            "TINTYPE_BASE_URL": gateway.url,
            "TINTYPE_API_KEY": gateway.demo_key,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        first, *commands = blocks("sh").splitlines(keepends=True)
        assert first.startswith("export TINTYPE_BASE_URL=http://127.0.0.1:8080")
        execute(["bash", "-euo", "pipefail", "-c", "".join(commands)], folder, environ)
        (folder / "hedgehog.png").rename(folder / "of-the-shell.png")
        execute([sys.executable, "-c", blocks("python")], folder, environ)
    return folder


def execute(command: Sequence[str], folder: Path, environ: dict[str, str]) -> None:
    ended = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("name", ["of-the-shell.png", "hedgehog.png"])
def test_the_shell_and_python_wait_for_the_image_of_a_job(folder: Path, name: str) -> None:
    with Image.open(folder / name) as image:
        image.load()
        assert image.size == (1024, 1024)


def test_a_submission_gets_the_job(folder: Path) -> None:
    job = json.loads((folder / "job.json").read_text())

    assert job["object"] == "image.job"
    assert job["status"] in ("queued", "in_progress")


def test_a_submission_that_waits_gets_what_the_direct_request_would(folder: Path) -> None:
    assert json.loads((folder / "quick.json").read_text())["data"][0]["b64_json"]


def test_the_events_of_a_job_can_be_read_after_it(folder: Path) -> None:
    text = (folder / "events.txt").read_text()

    assert re.match(r"(: ping\n\n)*id: \d+\n", text)
    assert "image_generation.completed" in text
