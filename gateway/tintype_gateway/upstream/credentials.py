"""What the gateway proves its identity with at the providers.

One file a key, `<secret>.<key>`: the layout of the operator's Secret as a mounted volume, and of
any local folder. They are followed in the background, so that a request reads no file and finds
the keys of one moment, and a rotated key counts within moments.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Protocol

import aioboto3
from aiobotocore.credentials import AioCredentials
from botocore.exceptions import BotoCoreError, ClientError

from tintype_catalog.catalog import Binding
from tintype_catalog.credentials import CREDENTIAL_KEYS
from tintype_catalog.providers import AWS_BEARER, SERVICES
from tintype_gateway.runtime.folder_watch import looks, read_files
from tintype_kubernetes.client import KubernetesClient
from tintype_kubernetes.configmaps import secret_files_of
from tintype_kubernetes.errors import KubernetesError
from tintype_kubernetes.following import follow_object
from tintype_kubernetes.resources import SECRETS

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often the folder is looked at though nothing told of a change."""

PAUSE_SECONDS = 1.0
"""How long to wait after a failure of the watch."""


class CredentialSource(Protocol):
    """Where the credentials of a binding come from."""

    async def read(self, binding: Binding) -> Mapping[str, str]:
        """Return the credentials of a binding by key, none where there are none."""


class Credentials:
    """The credentials of all bindings: those that are delivered, and the workload's own.

    A watch at the API server is ahead of a mounted volume, which takes a minute. So what the
    volume says counts only while there is no watch; at first, and when the API server is away.
    """

    def __init__(self) -> None:
        self._secrets: Mapping[str, Mapping[str, str]] = {}
        """The credentials of each Secret by key."""

        self._mounted: Mapping[str, bytes] = {}
        self._is_watched = False
        self._workload = WorkloadIdentity()

    async def read(self, binding: Binding) -> Mapping[str, str]:
        """Return what the binding names, none where its provider could not use it."""
        found = await self._find(binding)
        needed = SERVICES[binding.dialect].credentials
        return found if any(keys <= found.keys() for keys in needed) else {}

    async def load_folder(self, folder: Path) -> None:
        """Take the credentials of a folder as it is now.

        Raises:
            OSError: The folder is not there, or its content is just being swapped.
        """
        files = await asyncio.to_thread(read_files, folder, _is_credential)
        if files != self._mounted and not self._is_watched:
            self._take(files, "mount")
        self._mounted = files

    async def follow_folder(self, folder: Path) -> None:
        """Take the credentials of a folder now, and again whenever it changes."""
        async for _ in looks(folder, recursive=False, every_seconds=LOOK_SECONDS):
            try:
                await self.load_folder(folder)
            except OSError as error:
                log.warning("credentials not read", extra={"error": str(error)})

    async def follow_secret(self, client: KubernetesClient, namespace: str, name: str) -> None:
        """Take the credentials of a Secret now, and again whenever it changes."""
        while True:
            try:
                async with aclosing(follow_object(client, SECRETS, namespace, name)) as versions:
                    async for secret in versions:
                        self._is_watched = True
                        self._take(secret_files_of(secret or {}), "watch")
            except KubernetesError as error:
                self._is_watched = False
                log.warning("credentials watch broken", extra={"error": str(error)})
                await asyncio.sleep(PAUSE_SECONDS)

    async def _find(self, binding: Binding) -> Mapping[str, str]:
        reference = binding.credentials.secret_ref
        if reference is None:
            return await self._workload.read()
        return self._secrets.get(reference.name, {})

    def _take(self, files: Mapping[str, bytes], source: str) -> None:
        self._secrets = _by_secret(files)
        log.info("credentials loaded", extra={"source": source, "files": sorted(files)})


class SimulatedCredentials:
    """The same made-up credentials for every binding: simulators ask for some, and take any."""

    async def read(self, binding: Binding) -> Mapping[str, str]:
        """Return a value for every key but the bearer token, so that calls to AWS are signed."""
        return dict.fromkeys(CREDENTIAL_KEYS - AWS_BEARER, "simulated")


def _is_credential(name: str) -> bool:
    return name.rpartition(".")[2] in CREDENTIAL_KEYS


def _by_secret(files: Mapping[str, bytes]) -> Mapping[str, Mapping[str, str]]:
    """Return what can be used of the files, by Secret and key."""
    secrets: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for name, content in files.items():
        secret, _, key = name.rpartition(".")
        if key in CREDENTIAL_KEYS and (text := _text(content)):
            secrets[secret][key] = text
    return dict(secrets)


def _text(content: bytes) -> str:
    """Return what a file holds, nothing where that is not one line for a header."""
    try:
        text = content.decode("ascii").strip()
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() else ""


class WorkloadIdentity:
    """What the environment, EKS Pod Identity, a web identity or the instance gives to this pod."""

    def __init__(self) -> None:
        self._session = aioboto3.Session()
        self._found: AioCredentials | None = None
        self._searching = asyncio.Lock()

    async def read(self) -> Mapping[str, str]:
        """Return the credentials of this moment, none where the chain finds none."""
        try:
            async with self._searching:
                if self._found is None:
                    self._found = await self._session.get_credentials()
            if self._found is None:
                return {}
            now = await self._found.get_frozen_credentials()
        except (BotoCoreError, ClientError) as error:
            log.warning("no AWS credentials of the workload", extra={"error": str(error)})
            return {}
        keys = ("aws-access-key-id", "aws-secret-access-key", "aws-session-token")
        values = (now.access_key, now.secret_key, now.token)
        return {key: value for key, value in zip(keys, values, strict=True) if value}
