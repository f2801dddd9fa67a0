"""The images are small, run as the user `nobody`, and contain no build tools."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.figures import Figures
from tests.node.images import CURRENT, TARGETS, buildah

TOOLS = ("pip", "pip3", "gcc", "cc", "make", "hatchling", "git", "curl")

INSTALLERS = ("pip", "setuptools", "hatchling", "wheel")


@pytest.fixture(params=TARGETS)
def image(images: list[Path], request: pytest.FixtureRequest) -> str:
    return CURRENT.image(request.param)


@pytest.fixture
def files(image: str) -> Iterator[Path]:
    """The image's files."""
    container = buildah("from", "--pull-never", image).strip()
    try:
        yield Path(buildah("mount", container).strip())
    finally:
        buildah("rm", container)


def test_it_runs_as_the_user_nobody(image: str) -> None:
    user = buildah("inspect", "--type=image", "--format={{.OCIv1.Config.User}}", image)

    assert user.strip() == "65532:65532"


def test_it_contains_no_build_tools(files: Path) -> None:
    programs = [
        files / folder / tool for folder in ("usr/bin", "opt/tintype/bin") for tool in TOOLS
    ]
    packages = [
        path
        for name in INSTALLERS
        for place in ("opt/tintype/lib", "usr/lib/python3", "usr/local/lib")
        for path in (files / place).rglob(f"{name}/__init__.py")
        if "_vendor" not in path.parts
    ]

    assert (files / "opt/tintype/bin/tintype").exists()
    assert [path for path in programs if path.exists()] == []
    assert packages == []


def test_its_files_belong_to_root(files: Path) -> None:
    owners = {path.lstat().st_uid for path in (files / "opt/tintype").rglob("*")}

    assert owners == {0}


def test_its_layers_above_the_base_are_small(image: str, files: Path, figures: Figures) -> None:
    added = mebibytes(files / "opt/tintype")
    figures.record(f"{image} with its base", mebibytes(files), "MiB")
    figures.record(f"{image} without its base", added, "MiB")

    assert added < 200


def mebibytes(folder: Path) -> float:
    """The sum of the sizes of a folder's files."""
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in paths) / 2**20
