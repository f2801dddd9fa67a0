"""Rules about the repository itself."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.node.machine import TOOLS
from tintype_testing.locks import NAMES, pins

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("folder", ["operator", "gateway"])
def test_a_source_root_is_no_package(folder: str) -> None:
    """A package `operator` would shadow the standard library's in every Python started here."""
    assert list((ROOT / folder).glob("*.py")) == []


def test_a_bare_python_works_in_the_root() -> None:
    subprocess.run(
        [sys.executable, "-S", "-c", "import operator, json; operator.add"], cwd=ROOT, check=True
    )


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    folders = {path for path in folders if "node_modules" not in path.parts}

    assert {path for path in folders if not (path / "__init__.py").exists()} == set()


@pytest.mark.parametrize("name", [f"{name}.txt" for name in NAMES])
def test_a_lock_file_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()

    assert "://" not in text
    assert "index-url" not in text
    assert "--find-links" not in text
    assert pins(Path(name).stem)
    for pin in pins(Path(name).stem):
        assert " \\\n    --hash=sha256:" in pin.text


def test_the_gateway_is_locked_to_the_versions_that_the_tests_run() -> None:
    assert {pin.identity for pin in pins("gateway")} - {
        pin.identity for pin in pins("dev")
    } == set()


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            if not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")

    assert broken == []


def test_the_readme_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()

    assert "make run" in text
    assert "make test" in text


ELSEWHERE = {"ctr": "containerd", "node": "nodejs"}
"""The packages of programs that are named otherwise."""


def test_ci_installs_every_program_that_a_test_requires() -> None:
    sources = [path.read_text() for path in (ROOT / "tests").rglob("*.py")]
    required = {name for text in sources for name in re.findall(r'\brequire\("([\w-]+)"', text)}
    script = (ROOT / ".ci" / "run").read_text()
    looked_for = re.findall(r"command -v ([\w-]+)", script)
    packages = " ".join(re.findall(r"missing\+=\(([^)]*)\)", script)).split()

    assert {"node", "npm"} <= required
    needed = {ELSEWHERE.get(name, name) for name in (*required, *TOOLS)}
    assert needed - {"bash", *looked_for, *packages} == set()  # which runs the script
