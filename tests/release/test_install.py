"""What `make dist` wrote is all that a user needs: an empty environment, an empty folder."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request

import pytest

from tests.release.building import SDIST, WHEEL
from tintype_catalog.__about__ import __version__
from tintype_testing.http import responded
from tintype_testing.locks import FOLDER
from tintype_testing.requirements import missing
from tintype_testing.waiting import eventually_blocking
from tintype_testing.wheels import DownloadError, gateway_wheels
from tools.release.dist import build_python_packages, source_date_epoch

pytestmark = pytest.mark.timeout(1200)  # the wheels are downloaded once

PIP = (sys.executable, "-m", "pip")


def run(*command: str | Path, cwd: Path | None = None) -> str:
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build_python_packages(folder, source_date_epoch())
    return folder


@pytest.fixture(scope="module")
def program(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tintype` in an environment of its own with the wheel, and what it is locked to."""
    try:
        wheels = gateway_wheels()
    except DownloadError as error:
        missing(f"no package index has the locked dependencies: {error}")
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    pip = (*PIP, "--python", folder / "bin" / "python")
    offline = ("--no-index", f"--find-links={wheels}", "--no-compile", "--quiet")
    locked = ("--no-deps", "--require-hashes", f"--requirement={FOLDER / 'gateway.txt'}")
    run(*pip, "install", *offline, *locked)
    run(*pip, "install", *offline, f"{dist / WHEEL}[gateway]")
    run(*pip, "check")
    return folder / "bin" / "tintype"


class Demo:
    """`tintype gateway --simulate --demo` in an empty folder."""

    def __init__(self, program: Path, folder: Path, errors: Path) -> None:
        self.folder = folder
        self._errors = errors
        flags = ("--simulate", "--demo", "--port=0", "--admin-port=0")
        with errors.open("wb") as stderr:
            self.process = subprocess.Popen(
                [str(program), "gateway", *flags],
                cwd=folder,
                env={"PATH": os.defpath},
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )

    @property
    def url(self) -> str:
        """Its address, empty until it serves."""
        lines = self._errors.read_text().splitlines(keepends=True)
        logged = [json.loads(line) for line in lines if line.startswith("{") and line[-1] == "\n"]
        return next((line["url"] for line in logged if line["message"] == "serving"), "")

    @property
    def key(self) -> str:
        return (self.folder / ".tintype" / "demo.key").read_text().strip()

    def serves(self) -> bool:
        """Whether it has read its catalog, a moment after it takes connections."""
        assert self.process.poll() is None, self._errors.read_text()
        return bool(self.url) and self.models()[0] == 200

    def models(self) -> tuple[int, bytes]:
        """Status and body of its list of models."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return responded(Request(f"{self.url}/v1/models", headers=headers))  # noqa: S310


@contextmanager
def running(program: Path, folder: Path) -> Iterator[Demo]:
    """It, within the block."""
    empty = folder / "empty"
    empty.mkdir()
    demo = Demo(program, empty, folder / "errors")
    try:
        eventually_blocking(demo.serves, "a gateway that serves")
        yield demo
    finally:
        demo.process.terminate()
        demo.process.wait(60)


@pytest.fixture(scope="module")
def demo(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running(program, tmp_path_factory.mktemp("demo")) as demo:
        yield demo


def test_the_program_tells_its_version(program: Path) -> None:
    assert __version__ in run(program, "--version")


def test_the_manual_page_is_where_man_looks_for_it(program: Path) -> None:
    page = program.parents[1] / "share" / "man" / "man1" / "tintype.1"

    assert page.read_text() == (FOLDER.parent / "man" / "tintype.1").read_text()


def test_the_shell_completion_works_without_what_only_developers_install(program: Path) -> None:
    assert "_tintype" in run(program, "completion", "bash")


def test_a_first_image_needs_no_more_than_the_wheel(program: Path, demo: Demo) -> None:
    image = demo.folder / "hedgehog.png"
    command = (program, "generate", "A hedgehog", "-m", "gpt-image-1", "-o", image)
    environ = {"PATH": os.defpath, "TINTYPE_API_KEY": demo.key, "TINTYPE_BASE_URL": demo.url}

    ended = subprocess.run(command, cwd=demo.folder, env=environ, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stderr
    assert image.read_bytes().startswith(b"\x89PNG")


def test_the_starter_catalog_is_in_it(demo: Demo) -> None:
    status, body = demo.models()

    assert status == 200
    assert {"gpt-image-1", "dall-e-2"} <= {model["id"] for model in json.loads(body)["data"]}


def test_the_playground_is_in_it(demo: Demo) -> None:
    status, page = responded(demo.url)
    script_status, script = responded(f"{demo.url}/playground/main.js")

    assert (status, script_status) == (200, 200)
    assert b"main.js" in page
    assert script


def test_the_sdist_gives_the_same_wheel(
    dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(source_date_epoch()))
    built = ("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

    run(*PIP, *built, f"--wheel-dir={tmp_path}", dist / SDIST)

    assert (tmp_path / WHEEL).read_bytes() == (dist / WHEEL).read_bytes()
