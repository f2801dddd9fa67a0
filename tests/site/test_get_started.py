"""Every command of docs/get-started.md runs as it stands, one after the other."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from tests.pages.blocks import claim
from tests.pages.shell import programs
from tintype_testing.gateway_process import clean_environ, running_process
from tintype_testing.requirements import require

ROOT = Path(__file__).parents[2]
BLOCKS = claim(__name__, "docs/get-started.md")


def blocks(language: str) -> list[str]:
    return [block.code for block in BLOCKS if block.language == language]


def flags(command: str) -> list[str]:
    """The flags of the page's command that starts a gateway."""
    _, found = command.split("tintype gateway ")
    return found.split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a reader who has followed the page to step 6, with what was printed."""
    require("curl", "install it with your package manager, such as `apt-get install curl`")
    folder = tmp_path_factory.mktemp("page")
    (folder / "my-catalog").mkdir()
    (folder / "my-catalog" / "draft.yaml").write_text(*blocks("yaml"))
    start, *commands, _serve, _call = blocks("sh")
    assert start == "make run\n"
    with running_process(folder, "--simulate", "--demo") as gateway:
        script = "".join(commands).replace("http://127.0.0.1:8080", gateway.url)
        python = f"{sys.executable} - <<'PYTHON'\n{''.join(blocks('python'))}PYTHON\n"
        with programs(tmp_path_factory.mktemp("bin")) as bin_:
            printed = execute(["bash", "-euo", "pipefail", "-c", script + python], folder, bin_)
    (folder / "printed").write_text(printed)
    return folder


def execute(command: Sequence[str], folder: Path, *places: Path) -> str:
    """Run a command in a folder, with the programs of some folders before all others."""
    path = ":".join((*map(str, places), str(Path(sys.executable).parent), os.environ["PATH"]))
    environ = clean_environ() | {"PATH": path}
    ended = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_make_run_starts_what_the_page_describes() -> None:
    require("make", "install it with your package manager, such as `apt-get install make`")
    dry = execute(["make", "--dry-run", "--directory", str(ROOT), "run"], ROOT)

    assert "tintype gateway --simulate --demo --port 8080" in dry


@pytest.mark.parametrize("name", ["hedgehog.png", "python.png", "winter.png"])
def test_the_images_are_there(folder: Path, name: str) -> None:
    with Image.open(folder / name) as image:
        image.load()
        assert image.size == (1024, 1024)


def test_curl_gets_what_the_page_says(folder: Path) -> None:
    names = ("response", "quote", "credits")
    response, quote, own = (json.loads((folder / f"{name}.json").read_text()) for name in names)

    assert response["data"][0]["b64_json"]
    assert quote["credits_ceiling"] > 0
    assert own["micro_credits_per_usd"] == 16_000_000
    assert own["balance"] < 1_000_000_000  # the images were charged


def test_an_account_gets_its_key_and_its_credits(folder: Path) -> None:
    printed = (folder / "printed").read_text()

    assert "team-a" in printed
    assert "1 model and 1 binding are sound." in printed


def test_the_catalog_of_the_page_is_served(folder: Path, tmp_path: Path) -> None:
    *_, command, _ = blocks("sh")
    (tmp_path / "my-catalog").symlink_to(folder / "my-catalog")

    with running_process(tmp_path, *flags(command)) as gateway:
        key = f"Authorization: Bearer {gateway.demo_key}"
        listed = execute(["curl", "-sS", f"{gateway.url}/v1/models", "-H", key], tmp_path)

    assert [model["id"] for model in json.loads(listed)["data"]] == ["draft"]


def test_a_gateway_with_a_key_of_a_real_provider_starts(tmp_path: Path) -> None:
    *_, command = blocks("sh")
    name, _, key = command.split()[0].partition("=")

    with running_process(tmp_path, *flags(command), environ={name: key}) as gateway:
        assert gateway.demo_key
