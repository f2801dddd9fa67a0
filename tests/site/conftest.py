"""The documentation's site, built as `make docs` builds it."""

import os
import subprocess
from pathlib import Path

import pytest

from tintype_testing.requirements import missing

ROOT = Path(__file__).parents[2]


def build(config: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Build a site into a folder, in the environment of requirements/docs.txt.

    `--quiet` would hide warnings from `strict`, too.
    """
    mkdocs = ROOT / "build" / "docs" / "bin" / "mkdocs"
    if not mkdocs.exists():
        missing("the documentation's environment is missing: `make build/docs/docs.stamp`")
    return subprocess.run(
        [mkdocs, "build", "--config-file", config, "--site-dir", folder],
        env=os.environ | {"NO_MKDOCS_2_WARNING": "true"},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the whole site."""
    folder = tmp_path_factory.mktemp("site")
    built = build(ROOT / "mkdocs.yml", folder)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder
