"""`make dist` writes what a release consists of, from equal sources the same bytes."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.release.building import CHART, ROOT, SDIST, WHEEL, make
from tintype_catalog.__about__ import __version__
from tintype_testing.locks import pins
from tools.release.dist import source_date_epoch

MADE = {WHEEL, SDIST, CHART, "sbom-gateway.json", "sbom-operator.json", "SHA256SUMS"}

PACKAGES = (
    *("tintype_accounts", "tintype_catalog", "tintype_cli", "tintype_gateway"),
    *("tintype_kubernetes", "tintype_logging", "tintype_simulator", "tintype_operator"),
)

ENGINES = ("sqlite", "postgres")


pytestmark = pytest.mark.timeout(1200)
"""A bound for a busy machine: a build resolves all requirements for the bills of materials."""


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    (folder / "tintype-0.0.1.tar.gz").write_text("an earlier build")
    make("dist", f"DIST={folder}", umask=0o022, time_zone="UTC0")
    return folder


def tracked() -> Iterator[Path]:
    """The files of the sources as they are, without what git ignores."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in listed.split("\0"):
        if name and ((ROOT / name).is_file() or (ROOT / name).is_symlink()):
            yield Path(name)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The sources elsewhere, with other times and modes, and without their history."""
    root = tmp_path / "sources"
    for path in tracked():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, root / path, follow_symlinks=False)
        if not (root / path).is_symlink():
            (root / path).chmod(0o600)
            os.utime(root / path, (1, 1))
    return root


def test_it_writes_the_packages_and_the_bills_of_materials_and_leaves_no_earlier_ones(
    dist: Path,
) -> None:
    assert {path.name for path in dist.iterdir()} == MADE


def test_the_same_sources_elsewhere_give_the_same_bytes_with_another_umask_and_time_zone(
    dist: Path, copied: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"

    make(
        "dist",
        f"DIST={again}",
        root=copied,
        epoch=source_date_epoch(),
        umask=0o077,
        time_zone="XYZ-9:30",
    )

    assert {path.name for path in again.iterdir()} == MADE
    differing = [name for name in MADE if (again / name).read_bytes() != (dist / name).read_bytes()]
    assert differing == []


def test_a_version_that_is_moved_is_that_of_all_that_is_built(copied: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"

    make("version", "VERSION=12.3.4", root=copied)
    make("dist", f"DIST={moved}", root=copied, epoch=source_date_epoch())

    assert {path.name for path in moved.iterdir()} == {
        name.replace(__version__, "12.3.4") for name in MADE
    }
    assert bill(moved, "gateway")["metadata"]["component"]["version"] == "12.3.4"
    with tarfile.open(moved / "tintype-12.3.4.tgz") as archive:
        described = archive.extractfile("tintype/Chart.yaml")
        assert described is not None
        assert yaml.safe_load(described)["appVersion"] == "12.3.4"


def test_the_wheel_holds_the_programs_and_all_that_they_read(dist: Path) -> None:
    held = set(zipfile.ZipFile(dist / WHEEL).namelist())
    roots = [ROOT / source / name for name in PACKAGES for source in ("gateway", "operator")]
    wanted = {
        path.relative_to(root.parent).as_posix()
        for root in roots
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    packed = {name for name in held if ".dist-info/" not in name}
    assert packed == {*wanted, f"tintype-{__version__}.data/data/share/man/man1/tintype.1"}
    assert {f"{name}/py.typed" for name in PACKAGES} <= held
    assert "tintype_catalog/starter/gpt-image-1.yaml" in held
    assert "tintype_catalog/overlays/simulated/lifecycle.yaml" in held
    assert "tintype_gateway/playground/static/index.html" in held
    assert {f"tintype_gateway/ledger/{name}/migrations/0014_jobs.sql" for name in ENGINES} <= held


def test_the_sdist_holds_no_tests_and_no_caches(dist: Path) -> None:
    with tarfile.open(dist / SDIST) as archive:
        held = [Path(name).relative_to(f"tintype-{__version__}") for name in archive.getnames()]

    assert {path.parts[0] for path in held} == {
        *("gateway", "operator", "man", "requirements"),
        *("pyproject.toml", ".gitignore", "PKG-INFO"),
        *("README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"),
    }
    unwanted = {"tests", "tintype_testing", "__pycache__"}
    assert [path for path in held if unwanted & set(path.parts)] == []


def test_the_chart_holds_the_crds_the_starter_catalog_and_the_overlays(dist: Path) -> None:
    with tarfile.open(dist / CHART) as archive:
        held = archive.getnames()
        assert {entry.mtime for entry in archive.getmembers()} == {source_date_epoch()}
        assert all(entry.isfile() for entry in archive.getmembers())

    assert held[0] == "tintype/.helmignore"
    for name in (
        "crds/accounts.yaml",
        "starter/dall-e-2.yaml",
        "overlays/simulated/lifecycle.yaml",
    ):
        assert f"tintype/{name}" in held


def test_the_checksums_are_those_of_the_files(dist: Path) -> None:
    lines = (dist / "SHA256SUMS").read_text().splitlines()
    told = {name: digest for digest, name in (line.split("  ") for line in lines)}

    assert told == {
        name: hashlib.sha256((dist / name).read_bytes()).hexdigest()
        for name in MADE - {"SHA256SUMS"}
    }


def bill(folder: Path, image: str) -> dict[str, Any]:
    """The bill of materials of an image."""
    found: dict[str, Any] = json.loads((folder / f"sbom-{image}.json").read_text())
    return found


@pytest.mark.parametrize("image", ["gateway", "operator"])
def test_a_bill_of_materials_names_the_version(dist: Path, image: str) -> None:
    component = bill(dist, image)["metadata"]["component"]

    assert component["name"] == "tintype"
    assert component["purl"] == f"pkg:pypi/tintype@{__version__}"
    assert component["version"] == __version__


@pytest.mark.parametrize("image", ["gateway", "operator"])
def test_a_bill_of_materials_names_every_locked_package(dist: Path, image: str) -> None:
    locked = {(pin.name, pin.version) for pin in pins(image)}

    document = bill(dist, image)

    assert document["bomFormat"] == "CycloneDX"
    assert locked
    assert {(each["name"], each["version"]) for each in document["components"]} == locked


def test_a_bill_of_materials_is_what_its_schema_says(dist: Path) -> None:
    """Both in one process, which compiles the grammars of the schema's formats for seconds."""
    paths = [str(dist / f"sbom-{image}.json") for image in ("gateway", "operator")]

    ended = subprocess.run(
        [sys.executable, "-c", VALIDATION, *paths], capture_output=True, text=True
    )

    assert (ended.returncode, ended.stdout) == (0, "None\nNone\n"), ended.stderr


VALIDATION = """
import sys
from pathlib import Path
from cyclonedx.output import OutputFormat
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation import make_schemabased_validator

validator = make_schemabased_validator(OutputFormat.JSON, SchemaVersion.V1_6)
for path in sys.argv[1:]:
    print(validator.validate_str(Path(path).read_text()))
"""


def test_make_sbom_writes_the_same_bills_of_materials(dist: Path, tmp_path: Path) -> None:
    make("sbom", f"DIST={tmp_path}")

    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in dist.glob("sbom-*.json")}
