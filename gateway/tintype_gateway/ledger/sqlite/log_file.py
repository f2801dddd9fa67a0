"""SQLite's write-ahead log on the disk: when it has what was committed, and how it begins anew.

The connections of a gateway commit with `synchronous = NORMAL`, which writes to the log and does
not wait for the disk: all processes see the commit, also after a kill, but a power cut may undo it.
One `fdatasync` of the log afterwards makes all commits before it durable, those of other processes
too. It needs a descriptor of its own: SQLite has its locks on the database and its `-shm`, whose
descriptors nobody but SQLite may open and close (https://www.sqlite.org/howtocorrupt.html), and
none on the log, which stays the same file as long as any connection is open.

What a sync does not find in the log any more is in the database: before the log is written from its
beginning again, a checkpoint has synced it and then the database, into which it copied all of it.
Nobody in the process uses the database meanwhile: SQLite before 3.51.3 could lose a commit that is
made during a checkpoint (https://www.sqlite.org/wal.html#walresetbug).
"""

import os
import sqlite3
from pathlib import Path

from tintype_gateway.ledger.sqlite.database import unavailable
from tintype_gateway.ledger.sqlite.transaction import begin

_sync = getattr(os, "fdatasync", os.fsync)
"""macOS has only `fsync`, which is what SQLite calls there as well."""


class LogFile:
    """The log of one database. Its methods wait for the disk, and for nothing else."""

    def __init__(self, path: Path) -> None:
        """Open the log of a database to which there is a connection.

        Raises:
            LedgerUnavailableError: it cannot be opened.
        """
        self.is_broken = False
        """Whether the disk failed, so that it may lack what no sync of the log will write again."""

        file = path.resolve()  # as SQLite does
        with unavailable(f"cannot open the log of the ledger {path}"):
            _sync_folder(file.parent)
            self._descriptor = os.open(f"{file}-wal", os.O_RDONLY | os.O_CLOEXEC)

    def sync(self) -> None:
        """Return when the disk has all that was committed before.

        The kernel reports once that it could not write something, and forgets it. From then on only
        `repair` makes good for it.

        Raises:
            OSError: the disk may lack some of it.
        """
        if self.is_broken:
            raise OSError("the disk failed before")
        try:
            _sync(self._descriptor)
        except OSError:
            self.is_broken = True
            raise

    def repair(self, connection: sqlite3.Connection) -> None:
        """Write what the disk may lack to the database.

        Raises:
            OSError, sqlite3.Error: that was not possible.
        """
        if not _is_copied(connection, "FULL"):
            raise OSError("the disk failed, and others keep the log from being copied")
        self.is_broken = False

    def begin_anew(self, connection: sqlite3.Connection) -> None:
        """Copy the log to the database, and let it be written from its beginning again.

        If readers or writers are in the way, they are not waited for, and the log grows. The first
        commit writes and syncs the header of the log. It is made here, so that no later one has to
        wait for the disk.

        Raises:
            sqlite3.Error: the disk failed, or is full; the log still has everything.
        """
        if not _is_copied(connection, "RESTART") or not begin(connection):
            return
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            connection.execute(f"PRAGMA user_version = {version}")  # writes a page in any case
        finally:
            connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _is_copied(connection: sqlite3.Connection, mode: str) -> bool:
    """Make a checkpoint, and return whether the database now has all that the log has."""
    statement = f"PRAGMA wal_checkpoint({mode})"
    blocked, frames, copied = connection.execute(statement).fetchone()
    return not blocked and frames == copied


def _sync_folder(folder: Path) -> None:
    """Make sure that the disk has the name of the log, which may be new."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
