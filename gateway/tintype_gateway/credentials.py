"""What the gateway proves its identity with at the providers.

One file a key, `<secret>.<key>`: the layout of the operator's Secret as a mounted volume, and of
any local folder. Files are read for each request, so that a rotated key counts at once.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import aioboto3
from aiobotocore.credentials import AioCredentials

from tintype_catalog.catalog import Binding
from tintype_catalog.credentials import ALTERNATIVES, AWS_BEARER, CREDENTIAL_KEYS, file_name


class CredentialSource(Protocol):
    """Where the credentials of a binding come from."""

    async def read(self, binding: Binding) -> Mapping[str, str]:
        """Return the credentials of a binding by key, none where there are none."""


class MountedCredentials:
    """Credentials in the files of one folder, and those of the workload itself."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._workload = WorkloadIdentity()

    async def read(self, binding: Binding) -> Mapping[str, str]:
        """Return what the binding names, none where its provider could not use it."""
        found = await self._find(binding)
        return found if any(keys <= found.keys() for keys in ALTERNATIVES[binding.provider]) else {}

    async def _find(self, binding: Binding) -> Mapping[str, str]:
        reference = binding.credentials.secret_ref
        if reference is None:
            return await self._workload.read()
        return {} if self._folder is None else _files(self._folder, reference.name)


class WorkloadIdentity:
    """The AWS credentials of this workload, found and renewed by the chain of the AWS SDKs."""

    def __init__(self) -> None:
        self._session = aioboto3.Session()
        self._found: AioCredentials | None = None

    async def read(self) -> Mapping[str, str]:
        """Return the credentials of this moment, none where the chain finds none."""
        if self._found is None:
            self._found = await self._session.get_credentials()
        if self._found is None:
            return {}
        now = await self._found.get_frozen_credentials()
        keys = ("aws-access-key-id", "aws-secret-access-key", "aws-session-token")
        values = (now.access_key, now.secret_key, now.token)
        return {key: value for key, value in zip(keys, values, strict=True) if value}


class SimulatedCredentials:
    """The same made-up credentials for every binding: simulators ask for some, and take any."""

    async def read(self, binding: Binding) -> Mapping[str, str]:
        """Return a value for every key but the bearer token, so that calls to AWS are signed."""
        return dict.fromkeys(CREDENTIAL_KEYS - AWS_BEARER, "simulated")


def _files(folder: Path, secret: str) -> dict[str, str]:
    found = {key: _text(folder / file_name(secret, key)) for key in CREDENTIAL_KEYS}
    return {key: text for key, text in found.items() if text}


def _text(path: Path) -> str:
    """Return what a file holds, nothing where that is not one line for a header."""
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return text if text.isprintable() else ""
