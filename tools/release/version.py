"""Moves the version wherever it is written: `make version VERSION=0.2.0`.

`python -m tools.release.version --check v0.2.0` says instead whether a tag can be released.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from tools.release import changelog
from tools.release.changelog import ChangelogError

ROOT = Path(__file__).parents[2]

CHANGELOG = "CHANGELOG.md"

VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
"""What Semantic Versioning and Python's packages spell alike."""


@dataclass(frozen=True)
class Place:
    """A file that names the version: `before`, the version, `after`, as regular expressions."""

    path: str
    before: str
    after: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """The group `version` is what is written there."""
        return re.compile(rf"(?m)(?<={self.before})(?P<version>\d[\w.-]*)(?={self.after})")


PLACES = (
    Place("gateway/tintype_catalog/__about__.py", '__version__ = "', '"'),
    Place("charts/tintype/Chart.yaml", r"\nversion: ", r"\n"),
    Place("charts/tintype/Chart.yaml", r'\nappVersion: "', '"'),
    Place("docs/kubernetes.md", r"/tintype-\$name:", r"\s"),
    Place("docs/verify.md", r"\nVERSION=", r"\n"),
)
"""Packages, images, the chart and bills of materials take theirs from the first two."""


class VersionError(Exception):
    """A version cannot be released; the message says why."""


def written(root: Path) -> Iterator[tuple[str, str]]:
    """Each file that names the version, with what it names; a file may come more than once.

    Raises:
        VersionError: A file does not name it where it should.
    """
    for place in PLACES:
        found = place.pattern.findall((root / place.path).read_text())
        if not found:
            raise VersionError(f"{place.path} does not name the version after {place.before!r}")
        yield from ((place.path, each) for each in found)


def move(root: Path, version: str, day: date) -> None:
    """Write a version everywhere, and make the unreleased changes its own.

    Raises:
        VersionError: It is no version, or goes back, or files name different ones.
        ChangelogError: Nothing is unreleased, or the version was released.
    """
    if not VERSION.fullmatch(version):
        raise VersionError(f"{version!r} is not a version such as 0.2.0")
    current = _current(root)
    if _parts(version) < _parts(current):
        raise VersionError(f"{version} is older than {current}")
    text = changelog.released((root / CHANGELOG).read_text(), version, day)
    for place in PLACES:
        path = root / place.path
        path.write_text(place.pattern.sub(version, path.read_text()))
    (root / CHANGELOG).write_text(text)


def check(root: Path, tag: str) -> None:
    """Nothing, if a tag may be released from this state of the sources.

    Raises:
        VersionError: It does not name the version of every file.
        ChangelogError: The change log has no section of it, or an empty one.
    """
    current = _current(root)
    if tag != f"v{current}":
        raise VersionError(f"the tag {tag} is not v{current}, which the files name")
    if not changelog.section((root / CHANGELOG).read_text(), current):
        raise ChangelogError(f"the change log says nothing about {current}")


def _current(root: Path) -> str:
    named = list(written(root))
    versions = {version for _, version in named}
    if len(versions) != 1:
        raise VersionError("files differ: " + ", ".join(f"{path} {text}" for path, text in named))
    return versions.pop()


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def main() -> None:
    """Move the version, or check a tag; the exit code is 1 if it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m tools.release.version")
    parser.add_argument("--check", action="store_true", help="check a tag, and change nothing")
    parser.add_argument("version", help="such as 0.2.0, or v0.2.0 for --check")
    given = parser.parse_args()
    try:
        if given.check:
            check(ROOT, given.version)
        else:
            move(ROOT, given.version, datetime.now(UTC).date())
    except (VersionError, ChangelogError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
