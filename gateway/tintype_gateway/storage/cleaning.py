"""Removes expired images from a folder. A file's modification time is its expiry.

Several processes may clean one folder, so that any file may disappear at any time.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

GRACE_SECONDS = 60
"""How much longer a file is kept than promised, for downloads in progress."""


class _File(NamedTuple):
    end: float
    size: int
    path: str

    @property
    def is_finished(self) -> bool:
        """Whether no process is writing it any more."""
        return not os.path.basename(self.path).startswith(".")


def remove_ended(folder: Path, now: float) -> None:
    """Remove the files that expire before a time in Unix seconds.

    The modification time of an unfinished file of a killed process is the time of its last write.
    """
    for file in _files(folder):
        if file.end < now - GRACE_SECONDS:
            _remove(file)


def make_room(folder: Path, max_bytes: int) -> int:
    """Remove the files that expire first until the rest has at most `max_bytes`.

    Unfinished files stay, because a process is writing them.

    Returns:
        The number of files that were removed before their expiry.
    """
    excess = sum(file.size for file in _files(folder) if file.is_finished) - max_bytes
    if excess <= 0:
        return 0  # without a list of all files, which are many in a large folder
    removed = 0
    for file in sorted(file for file in _files(folder) if file.is_finished):
        if excess <= 0:
            break
        _remove(file)
        excess, removed = excess - file.size, removed + 1
    return removed


def bytes_in(folder: Path, counts: Callable[[str], bool]) -> int:
    """Return the bytes of the finished files whose names below a folder count."""
    return sum(
        file.size
        for file in _files(folder)
        if file.is_finished and counts(os.path.relpath(file.path, folder))
    )


def _files(folder: Path) -> Iterator[_File]:
    """Yield the files in the folders of a folder, one at a time."""
    for inner in _entries(folder):
        if not inner.is_dir():
            continue
        for entry in _entries(inner.path):
            with suppress(FileNotFoundError):
                status = entry.stat()
                if S_ISREG(status.st_mode):
                    yield _File(status.st_mtime, status.st_size, entry.path)


def _entries(folder: Path | str) -> Iterator["os.DirEntry[str]"]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        yield from entries


def _remove(file: _File) -> None:
    with suppress(FileNotFoundError):
        os.unlink(file.path)
