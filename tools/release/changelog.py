"""Reads and releases the change log: `python -m tools.release.changelog VERSION` prints notes."""

import argparse
import re
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[2]

CHANGELOG = ROOT / "CHANGELOG.md"

UNRELEASED = "Unreleased"

KINDS = {
    "Added": "added",
    "Changed": "changed",
    "Deprecated": "deprecated",
    "Removed": "removed",
    "Fixed": "fixed",
    "Security": "security",
}
"""The headings of Keep a Changelog, and the kinds that Artifact Hub gives to changes."""

LINK = re.compile(r"\[([^\]]+)\]\((?:[^)]+)\)")

PAGE = re.compile(r"\]\((?![a-z]+:|#)")
"""Where a link to a file of the repository begins."""


class ChangelogError(Exception):
    """The change log has not what a release needs; the message says what."""


def section(text: str, version: str) -> str:
    """What changed in a version, without its heading; `Unreleased` is one.

    Raises:
        ChangelogError: It has no such section.
    """
    heading = re.compile(rf"^## {re.escape(version)}(?: - [^\n]*)?\n(.*?)(?=^## |\Z)", re.M | re.S)
    found = heading.search(text)
    if found is None:
        raise ChangelogError(f"the change log has no section of {version}")
    return found[1].strip()


def has(text: str, version: str) -> bool:
    """Whether the change log has a section of this version."""
    return re.search(rf"^## {re.escape(version)}(?: - |$)", text, re.M) is not None


def released(text: str, version: str, day: date) -> str:
    """The change log in which what was unreleased is a version's.

    Raises:
        ChangelogError: Nothing is unreleased, or the version has a section already.
    """
    if has(text, version):
        raise ChangelogError(f"the change log has a section of {version} already")
    if not section(text, UNRELEASED):
        raise ChangelogError("the change log has nothing under Unreleased")
    heading = f"## {UNRELEASED}\n"
    return text.replace(heading, f"{heading}\n## {version} - {day.isoformat()}\n", 1)


def changes(body: str) -> list[dict[str, str]]:
    """The changes of a section as Artifact Hub lists them: a kind, and a sentence without links."""
    found: list[dict[str, str]] = []
    kind = "changed"
    for line in body.splitlines():
        if line.startswith("### "):
            kind = KINDS.get(line.removeprefix("### ").strip(), "changed")
        elif line.startswith("- "):
            found.append({"kind": kind, "description": _first_sentence(line.removeprefix("- "))})
    return found


def notes(body: str, base: str) -> str:
    """A section whose links to files of the repository lead to their address below `base`."""
    return PAGE.sub(f"]({base.rstrip('/')}/", body)


def _first_sentence(line: str) -> str:
    plain = LINK.sub(r"\1", line).replace("`", "")
    return re.split(r"(?<=[^.]\.) (?=[A-Z])", plain, maxsplit=1)[0]


def main() -> None:
    """Print the notes of a version, or of what is unreleased."""
    parser = argparse.ArgumentParser(prog="python -m tools.release.changelog")
    parser.add_argument("version", help="a version, or Unreleased")
    parser.add_argument("--base", required=True, help="the address of the repository's files")
    given = parser.parse_args()
    print(notes(section(CHANGELOG.read_text(), given.version), given.base))


if __name__ == "__main__":
    main()
