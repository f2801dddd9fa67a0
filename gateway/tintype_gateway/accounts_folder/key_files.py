"""The keys of ApiKeys in files that only the user of the gateway can read.

A key is in `keys/SECRET/KEY`, as a mounted Secret would have it. Beside it, the file `.owner` has
two lines: the ApiKey that the file belongs to, and the name of the file. All other files belong to
something else, and are never changed.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tintype_accounts.planning.keys import ObservedSecret
from tintype_accounts.resources import ApiKey

OWNER_FILE = ".owner"
"""The file with the owner of the keys in a folder, which no key of a Secret can be named."""

_FOREIGN = ObservedSecret("foreign")

MAX_KEY_BYTES = 1024
"""The size of a longer file is not that of a key."""


class Owned(NamedTuple):
    """What the owner's file says."""

    owner: str
    """What the ledger calls the owner of the ApiKey's keys."""

    key: str
    """The name of the file with the key; empty if the owner's file is damaged."""


@dataclass(frozen=True)
class KeyFile:
    """The file of one ApiKey."""

    folder: Path
    """`keys/SECRET` in the data folder."""

    owned: Owned

    @property
    def path(self) -> Path:
        """The file with the key."""
        return self.folder / self.owned.key

    def read(self) -> ObservedSecret:
        """Return what is in the place of the file.

        Raises:
            OSError: It cannot be read.
        """
        found = read_owner(self.folder)
        if found == self.owned:
            return ObservedSecret("own", self._value())
        is_free = found is None or found.owner == self.owned.owner
        return _FOREIGN if not is_free or os.path.lexists(self.path) else ObservedSecret("absent")

    def _value(self) -> str | None:
        try:
            with self.path.open(encoding="utf-8") as file:
                return file.read(MAX_KEY_BYTES)
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    def write(self, secret: str) -> None:
        """Replace the file at once; other users of the machine can never read it.

        Raises:
            OSError: It could not be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        before = read_owner(self.folder)
        if before is not None and before.key not in ("", self.owned.key):
            (self.folder / before.key).unlink(missing_ok=True)  # of an earlier `secret.key`
        _replace(self.folder / OWNER_FILE, "\n".join(self.owned))
        _replace(self.path, secret)


def key_file(data_dir: Path, key: ApiKey, owner: str) -> KeyFile:
    """Return the file of an ApiKey whose keys have this owner in the ledger."""
    return KeyFile(data_dir / "keys" / key.secret_name, Owned(owner, key.spec.secret.key))


def read_owner(folder: Path) -> Owned | None:
    """Return whom the key in a folder belongs to, None if no ApiKey wrote one.

    Raises:
        OSError: It cannot be read.
    """
    try:
        text = (folder / OWNER_FILE).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    owner, _, key = text.partition("\n")
    return Owned(owner, Path(key).name)


def remove_others(data_dir: Path, owners: frozenset[str]) -> None:
    """Delete the keys of owners that are not among these.

    Raises:
        OSError: A file cannot be deleted.
    """
    root = data_dir / "keys"
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        owned = read_owner(folder) if folder.is_dir() else None
        if owned is None or not owned.key or owned.owner in owners:
            continue
        for name in (owned.key, OWNER_FILE):
            (folder / name).unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()


def _replace(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
