"""What leaves a folder of images, and when. A file's modification time says how long it is kept.

Several processes may clean one folder, so that any file may be gone when its turn comes.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

GRACE_SECONDS = 60
"""How much longer a file is kept than promised, for those who are just fetching it."""


class _Kept(NamedTuple):
    end: float
    size: int
    path: Path


def remove_ended(folder: Path, now: float) -> None:
    """Remove what is kept no longer than to a moment, in Unix seconds.

    A draft that a killed process left behind ends with the time it was begun.
    """
    for file in _kept(folder):
        if file.end < now - GRACE_SECONDS:
            file.path.unlink(missing_ok=True)


def make_room(folder: Path, max_bytes: int) -> int:
    """Remove what would end soonest until the rest has at most so many bytes.

    Drafts stay, as somebody writes them.

    Returns:
        How many files went before their time.
    """
    files = sorted(file for file in _kept(folder) if not file.path.name.startswith("."))
    excess, removed = sum(file.size for file in files) - max_bytes, 0
    for file in files:
        if excess <= 0:
            break
        file.path.unlink(missing_ok=True)
        excess, removed = excess - file.size, removed + 1
    return removed


def _kept(folder: Path) -> Iterator[_Kept]:
    for path in folder.glob("*/*"):
        with suppress(FileNotFoundError):
            status = path.stat()
            if S_ISREG(status.st_mode):
                yield _Kept(status.st_mtime, status.st_size, path)
