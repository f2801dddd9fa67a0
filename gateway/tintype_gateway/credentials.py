"""What the gateway proves its identity with at the providers.

One file a key, `<secret>.<key>`: the layout of the operator's Secret as a mounted volume, and of
any local folder. Files are read for each request, so that a rotated key counts at once.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tintype_catalog.catalog import Binding

KEYS = (
    "api-key",
    "aws-access-key-id",
    "aws-secret-access-key",
    "aws-session-token",
    "aws-bearer-token",
)


class CredentialSource(Protocol):
    """Where the credentials of a binding come from."""

    def read(self, binding: Binding) -> Mapping[str, str]:
        """Return the credentials of a binding by key, none where there are none."""


class CredentialFolder:
    """Credentials in the files of one folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def read(self, binding: Binding) -> Mapping[str, str]:
        """Return the keys of the binding's Secret that exist as files."""
        reference = binding.credentials.secret_ref
        if self._folder is None or reference is None:
            return {}
        found = {}
        for key in KEYS:
            path = self._folder / f"{reference.name}.{key}"
            if path.is_file():
                found[key] = path.read_text().strip()
        return found


class SimulatedCredentials:
    """The same made-up credentials for every binding: simulators ask for some, and take any."""

    def read(self, binding: Binding) -> Mapping[str, str]:
        """Return a value for every key."""
        return dict.fromkeys(KEYS, "simulated")
