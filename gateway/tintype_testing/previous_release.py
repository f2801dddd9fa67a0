"""The sources of the last release, for tests that begin with what users have installed.

`python -m tintype_testing.previous_release` takes them from the history ahead of the tests, and
prints their folder.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tintype_testing.cluster.building import cache, filled
from tintype_testing.requirements import missing

ROOT = Path(__file__).parents[2]

VERSION = "0.1.0"

COMMIT = "fb5e793667fd7980a7165e0823c694b5d17bbeda"
"""What the tag v0.1.0 names: a clone need not have tags. Each release writes its own here."""


class HistoryMissingError(Exception):
    """The repository has no such commit, and cannot get it; the message says what to do."""


@pytest.fixture(scope="session")
def previous_release() -> Path:
    """The folder of the sources. Without them the test is skipped, or fails if `CI=true`."""
    try:
        return sources()
    except HistoryMissingError as error:
        missing(str(error))


def sources() -> Path:
    """The folder with the files of the last release, taken from the history once.

    Raises:
        HistoryMissingError: The commit is neither here nor at the remote repository.
    """
    return filled(cache() / "previous-release" / COMMIT[:16], _extract)


def _extract(folder: Path) -> None:
    if not _has_commit():
        _fetch()
    folder.mkdir()
    archive = _git("archive", "--format=tar", COMMIT)
    subprocess.run(["tar", "--extract", f"--directory={folder}"], input=archive.stdout, check=True)


def _has_commit() -> bool:
    return _git("cat-file", "-e", f"{COMMIT}^{{commit}}").returncode == 0


def _fetch() -> None:
    """Get the commit alone: a clone of a CI may have no other than its own."""
    remote = _git("remote").stdout.decode().partition("\n")[0]
    fetched = remote and _git("fetch", "--quiet", "--no-tags", "--depth=1", remote, COMMIT)
    if not fetched or fetched.returncode != 0 or not _has_commit():
        why = fetched.stderr.decode().strip() if fetched else "it has no remote to fetch it from"
        raise HistoryMissingError(
            f"tests of an upgrade begin with v{VERSION}, whose commit {COMMIT} is not in this"
            f" clone, and {why}: get the whole history (`git fetch --unshallow`, or"
            " `fetch-depth: 0` of actions/checkout)"
        )


def _git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, check=False)


if __name__ == "__main__":
    try:
        print(sources())
    except HistoryMissingError as error:
        sys.exit(str(error))
