"""A file of charges that are due and not yet in the ledger, for the next process.

Every line is JSON: the charge that is due for a hold, or that none is due any more. A written line
survives the end of the process and the restart of its container; after `sync` it also survives a
crash of the machine. Each process has its own journal, and holds a lock on it: a journal without a
lock belongs to a process that has ended.
"""

import errno
import fcntl
import json
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tintype_gateway.frozen import frozen_value
from tintype_gateway.ledger.interface import Hold

log = logging.getLogger(__name__)

LARGEST_BYTES = 4 * 1024 * 1024
"""A larger journal is replaced by a new one with the charges that are due."""

_EMPTIED_BYTES = 64 * 1024
"""A larger journal is truncated once nothing is due."""


@frozen_value(frozen=True, slots=True)
class Due:
    """The charge that is due for a hold."""

    hold: Hold
    cost: int
    """Micro-credits. The part above the hold is not charged."""

    images: int


class Journal:
    """The journal of this process, in a folder that other processes may share.

    Raises:
        OSError: The folder is not writable.
    """

    def __init__(self, folder: Path, largest_bytes: int = LARGEST_BYTES) -> None:
        self._folder = folder
        self._largest_bytes = largest_bytes
        folder.mkdir(parents=True, exist_ok=True)
        self._open: dict[str, Due] = {}
        self._size = 0
        self._path, self._file = self._create()

    def note(self, due: Due) -> None:
        """Write the charge that is due for a hold; it replaces an earlier one."""
        self._open[due.hold.id] = due
        self._write(_line(due))

    def forget(self, hold_id: str) -> None:
        """Write that no charge is due for a hold any more."""
        if self._open.pop(hold_id, None) is None:
            return
        if not self._open and self._size > _EMPTIED_BYTES:
            os.ftruncate(self._file, 0)
            self._size = 0
        else:
            self._write(json.dumps({"id": hold_id}).encode() + b"\n")

    def sync(self) -> None:
        """Flush the journal to disk, to survive a crash of the machine. Takes milliseconds."""
        os.fsync(self._file)

    def left_behind(self) -> Iterator[Due]:
        """Yield the charges that ended processes have left, after copying them to this journal."""
        for path in sorted(self._folder.glob("*.journal")):
            if path == self._path:
                continue
            with suppress(OSError), path.open("rb") as file:  # another process may take it first
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left = list(_read(file.read()))
                for due in left:
                    self.note(due)
                self.sync()
                path.unlink()
                yield from left

    def close(self) -> None:
        """Close the journal, and remove the file if nothing is due."""
        if not self._open:
            self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _create(self) -> tuple[Path, int]:
        """Create a journal. It gets the name that other processes look for once it is locked."""
        name = secrets.token_hex(8)
        path, hidden = self._folder / f"{name}.journal", self._folder / f"{name}.new"
        file = os.open(hidden, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        hidden.rename(path)
        return path, file

    def _write(self, line: bytes) -> None:
        try:
            self._size += os.write(self._file, line)
            if self._size > self._largest_bytes:
                self._size = 0  # after a failure, the next try is after as many bytes
                self._begin_anew()
        except OSError as error:  # a full disk must not stop what is being sold
            log.error("the settlement journal cannot be written", extra={"error": str(error)})

    def _begin_anew(self) -> None:
        """Continue in a new journal with the due charges; keep the old one if that fails."""
        path, file = self._create()
        content = b"".join(map(_line, self._open.values()))
        try:
            if os.write(file, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file)
        except OSError:
            path.unlink()
            os.close(file)
            raise
        self._path.unlink(missing_ok=True)
        os.close(self._file)
        self._path, self._file, self._size = path, file, len(content)


def _line(due: Due) -> bytes:
    hold = due.hold
    entry = {"id": hold.id, "account": hold.account, "amount": hold.amount}
    return json.dumps(entry | {"cost": due.cost, "images": due.images}).encode() + b"\n"


def _read(content: bytes) -> Iterator[Due]:
    """Yield the charges that are due at the end of a journal; its last line may be incomplete."""
    due: dict[str, Due] = {}
    for line in content.splitlines():
        try:
            entry = json.loads(line)
            due.pop(entry["id"], None)
            if "cost" in entry:
                hold = Hold(entry["id"], entry["account"], entry["amount"])
                due[hold.id] = Due(hold, entry["cost"], entry["images"])
        except (KeyError, TypeError, ValueError):
            log.warning("a line of a settlement journal cannot be read")
    yield from due.values()
