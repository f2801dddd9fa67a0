"""Builds what a release has beside images, equal sources to equal bytes: `make dist`."""

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tintype_catalog.__about__ import __version__
from tools.release import changelog, chart_package, sbom
from tools.release.changelog import UNRELEASED

ROOT = Path(__file__).parents[2]

CHART = ROOT / "charts" / "tintype"

CHECKSUMS = "SHA256SUMS"

MADE = ("tintype-*.whl", "tintype-*.tar.gz", "tintype-*.tgz", "sbom-*.json", f"{CHECKSUMS}*")
"""What an earlier build may have left, which must not be published with this one."""


def build(folder: Path, *, registry: str = "", source: str = "") -> None:
    """Write the wheel, the sdist, the chart, the bills of materials and their checksums.

    `registry` becomes the chart's default, and `source` is the address of the repository.

    Raises:
        subprocess.CalledProcessError: A tool failed, which has said why.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in MADE:
        for path in folder.glob(pattern):
            path.unlink()
    epoch = source_date_epoch()
    build_python_packages(folder, epoch)
    chart_package.package(
        CHART,
        folder,
        epoch=epoch,
        changes=_changes(),
        registry=registry,
        source=source,
    )
    sbom.write(folder)
    made = sorted(path for pattern in MADE for path in folder.glob(pattern))
    sums = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made)
    (folder / CHECKSUMS).write_text("".join(sums))


def source_date_epoch() -> int:
    """The time that the files of archives have: `$SOURCE_DATE_EPOCH`, or that of the last commit.

    Raises:
        subprocess.CalledProcessError: There is neither.
    """
    if named := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(named)
    command = ("git", "log", "-1", "--format=%ct")
    return int(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def build_python_packages(folder: Path, epoch: int) -> None:
    """Write the wheel and the sdist into a folder; `epoch` is the time of their files.

    Raises:
        subprocess.CalledProcessError: hatchling failed, which has said why.
    """
    command = (Path(sys.executable).parent / "hatchling", "build", "-d", folder.absolute())
    environ = os.environ | {"SOURCE_DATE_EPOCH": str(epoch)}
    subprocess.run(command, cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)


def _changes() -> list[dict[str, str]]:
    """Those of this version, or what is unreleased before `make version` names it."""
    text = changelog.CHANGELOG.read_text()
    version = __version__ if changelog.has(text, __version__) else UNRELEASED
    return changelog.changes(changelog.section(text, version))


def main() -> None:
    """Build into the folder that is named."""
    parser = argparse.ArgumentParser(prog="python -m tools.release.dist")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--registry", default="", help="where the images will be")
    parser.add_argument("--source", default="", help="the address of the repository")
    given = parser.parse_args()
    build(given.folder, registry=given.registry, source=given.source)


if __name__ == "__main__":
    main()
