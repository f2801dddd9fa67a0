"""Writes what each image's Python packages are, as CycloneDX: `make sbom`."""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tintype_catalog.__about__ import __version__

ROOT = Path(__file__).parents[2]

IMAGES = ("gateway", "operator")


def write(folder: Path) -> None:
    """Write the bill of materials of each image into a folder, as `sbom-IMAGE.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as workers:
        documents = workers.map(_document, IMAGES)
    for image, document in zip(IMAGES, documents, strict=True):
        (folder / f"sbom-{image}.json").write_text(json.dumps(document, indent=2) + "\n")


def _document(image: str) -> dict[str, Any]:
    """What the lock file of an image holds, and our version, which is not in pyproject.toml.

    It has no time, with which the document of `make sbom` would differ from that of `make dist`.
    """
    command = (Path(sys.executable).parent / "cyclonedx-py", "requirements")
    environ = {name: text for name, text in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    ended = subprocess.run(
        [
            *command,
            f"requirements/{image}.txt",
            "--pyproject=pyproject.toml",
            "--output-reproducible",
            "--no-validate",  # takes twelve times as long; the tests validate what this writes
        ],
        cwd=ROOT,
        env=environ | {"PYTHONWARNINGS": "ignore"},  # that a lock file tells no dependencies
        capture_output=True,
    )
    if ended.returncode:
        sys.stderr.buffer.write(ended.stderr)
        ended.check_returncode()
    document: dict[str, Any] = json.loads(ended.stdout)
    document["metadata"]["component"] |= {
        "version": __version__,
        "purl": f"pkg:pypi/tintype@{__version__}",
    }
    return document


def main() -> None:
    """Write them into the folder that is named."""
    parser = argparse.ArgumentParser(prog="python -m tools.release.sbom")
    parser.add_argument("folder", type=Path)
    write(parser.parse_args().folder)


if __name__ == "__main__":
    main()
