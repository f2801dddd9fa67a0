"""One command moves the version wherever it is written, and they all agree."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml

from tintype_catalog.__about__ import __version__
from tools.release.changelog import ChangelogError, changes, notes, section
from tools.release.version import PLACES, VersionError, check, move, written

ROOT = Path(__file__).parents[2]

DAY = date(2027, 1, 31)

USED = re.compile(
    rf"(?:tintype[\w$-]*(?:==|[:@-])|--version[ =]v?|/v){re.escape(__version__)}(?![\d.]*\d)"
)
"""An image, a package, a chart or a tag of this version, such as a command would name."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the files that name the version."""
    for path in {"CHANGELOG.md", *(place.path for place in PLACES)}:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, tmp_path / path)
    return tmp_path


def test_every_file_names_the_same_version() -> None:
    named = list(written(ROOT))

    assert {path for path, _ in named} == {place.path for place in PLACES}
    assert {version for _, version in named} == {__version__}


def test_no_other_page_names_an_artefact_of_the_version() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("charts/tintype/*.*")]
    found = {path for path in pages if USED.search(path.read_text())}

    assert found
    assert found - {ROOT / place.path for place in PLACES} == set()


def test_the_command_moves_them_together(root: Path) -> None:
    move(root, "12.3.4", DAY)

    assert {version for _, version in written(root)} == {"12.3.4"}
    chart = yaml.safe_load((root / "charts/tintype/Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == ("12.3.4", "12.3.4")
    check(root, "v12.3.4")


def test_what_was_unreleased_becomes_the_versions(root: Path) -> None:
    path = root / "CHANGELOG.md"
    before = section(path.read_text(), "Unreleased")

    move(root, "12.3.4", DAY)

    text = path.read_text()
    assert "\n## 12.3.4 - 2027-01-31\n" in text
    assert section(text, "12.3.4") == before
    assert section(text, "Unreleased") == ""


def test_the_first_release_may_be_the_version_that_is_written_already(root: Path) -> None:
    move(root, __version__, DAY)

    check(root, f"v{__version__}")


@pytest.mark.parametrize("version", ["0.0.9", "1", "v1.0.0", "1.0.0-rc.1", "01.0.0", ""])
def test_what_is_no_later_version_changes_nothing(root: Path, version: str) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}

    with pytest.raises(VersionError):
        move(root, version, DAY)

    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_version_is_not_released_twice(root: Path) -> None:
    move(root, "12.3.4", DAY)

    with pytest.raises(ChangelogError, match=r"12\.3\.4 already"):
        move(root, "12.3.4", DAY)


def test_a_release_without_changes_is_refused(root: Path) -> None:
    move(root, "12.3.4", DAY)

    with pytest.raises(ChangelogError, match="nothing under Unreleased"):
        move(root, "12.3.5", DAY)


def test_a_tag_of_another_version_is_refused(root: Path) -> None:
    move(root, "12.3.4", DAY)

    with pytest.raises(VersionError, match=r"v12\.3\.5 is not v12\.3\.4"):
        check(root, "v12.3.5")


def test_a_tag_before_the_version_was_moved_is_refused(root: Path) -> None:
    with pytest.raises(ChangelogError, match="no section"):
        check(root, f"v{__version__}")


def test_a_file_that_names_another_version_is_found(root: Path) -> None:
    path = root / "docs" / "kubernetes.md"
    path.write_text(path.read_text().replace(f"$name:{__version__}", "$name:9.9.9", 1))

    with pytest.raises(VersionError, match=r"docs/kubernetes\.md 9\.9\.9"):
        move(root, "12.3.4", DAY)


BODY = """### Added

- A `thing` ([its page](docs/thing.md#part)). It does much.

### Fixed

- An error of [another](https://example.com/page).
"""


def test_artifact_hub_gets_the_kind_and_the_first_sentence_of_a_change() -> None:
    assert changes(BODY) == [
        {"kind": "added", "description": "A thing (its page)."},
        {"kind": "fixed", "description": "An error of another."},
    ]


def test_links_of_the_notes_lead_to_the_repository() -> None:
    text = notes(BODY, "https://example.com/blob/main")

    assert "](https://example.com/blob/main/docs/thing.md#part)" in text
    assert "[another](https://example.com/page)" in text
