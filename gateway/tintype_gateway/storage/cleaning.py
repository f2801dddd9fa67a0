"""Removes expired images from a folder. A file's modification time is its expiry.

Several processes may clean one folder, so that any file may disappear at any time.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

GRACE_SECONDS = 60
"""How much longer a file is kept than promised, for downloads in progress."""


class _Kept(NamedTuple):
    end: float
    size: int
    path: Path


def remove_ended(folder: Path, now: float) -> None:
    """Remove the files that expire before a time in Unix seconds.

    The modification time of an unfinished file of a killed process is the time of its last write.
    """
    for file in _kept(folder):
        if file.end < now - GRACE_SECONDS:
            file.path.unlink(missing_ok=True)


def make_room(folder: Path, max_bytes: int) -> int:
    """Remove the files that expire first until the rest has at most `most_bytes`.

    Unfinished files stay, because a process is writing them.

    Returns:
        The number of files that were removed before their expiry.
    """
    files = sorted(file for file in _kept(folder) if not file.path.name.startswith("."))
    excess, removed = sum(file.size for file in files) - max_bytes, 0
    for file in files:
        if excess <= 0:
            break
        file.path.unlink(missing_ok=True)
        excess, removed = excess - file.size, removed + 1
    return removed


def bytes_in(folder: Path, counts: Callable[[str], bool]) -> int:
    """Return the bytes of the finished files whose names below a folder count."""
    return sum(
        file.size
        for file in _kept(folder)
        if not file.path.name.startswith(".") and counts(str(file.path.relative_to(folder)))
    )


def _kept(folder: Path) -> Iterator[_Kept]:
    for path in folder.glob("*/*"):
        with suppress(FileNotFoundError):
            status = path.stat()
            if S_ISREG(status.st_mode):
                yield _Kept(status.st_mtime, status.st_size, path)
