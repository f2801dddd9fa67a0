"""`make sbom` tells all that is in the images, and the same each time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tintype_testing.locks import pins

ROOT = Path(__file__).parent.parent


def made(folder: Path) -> dict[str, bytes]:
    """Run `make sbom` with the tests' own environment, and return what it wrote."""
    places = (f"BIN={Path(sys.executable).parent}", f"DIST={folder}")
    command = ("make", "--silent", "-o", ".venv/dev.stamp", "sbom", *places)
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return made(tmp_path_factory.mktemp("sbom"))


@pytest.mark.parametrize("image", ["gateway", "operator"])
def test_the_bill_of_materials_names_every_locked_package(
    documents: dict[str, bytes], image: str
) -> None:
    locked = {(pin.name, pin.version) for pin in pins(image)}

    document = json.loads(documents[f"sbom-{image}.json"])

    assert document["bomFormat"] == "CycloneDX"
    assert document["metadata"]["component"]["name"] == "tintype"
    assert locked
    assert {(each["name"], each["version"]) for each in document["components"]} == locked


def test_it_is_the_same_each_time(documents: dict[str, bytes], tmp_path: Path) -> None:
    assert made(tmp_path) == documents
