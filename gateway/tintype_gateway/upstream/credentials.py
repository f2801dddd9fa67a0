"""The credentials that the gateway sends to providers.

Each key is one file, `<secret>.<key>`: the layout of the operator's Secret as a mounted volume, and
of any local folder. Files of TLS are beside them, with the names of `connection.tls_file`.
Background tasks watch the files, so that requests read no files, get keys of the same version, and
use a rotated key shortly after the rotation.
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
from tintype_catalog.connection import is_tls_file
from tintype_catalog.credentials import CREDENTIAL_KEYS
from tintype_catalog.providers import AWS_BEARER, AWS_KEYS, SERVICES, Service
from tintype_gateway.runtime.folder_watch import looks, read_files
from tintype_gateway.upstream.tls import TlsFiles
from tintype_kubernetes.client import KubernetesClient
from tintype_kubernetes.configmaps import secret_files_of
from tintype_kubernetes.errors import KubernetesError
from tintype_kubernetes.following import follow_object
from tintype_kubernetes.resources import SECRETS

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""The time between two reads of the folder without a notification of a change."""

PAUSE_SECONDS = 1.0
"""The pause after a failure of the watch."""


class CredentialSource(Protocol):
    """A source of the credentials of bindings."""

    async def read(self, binding: Binding) -> Mapping[str, str]:
        """Return the credentials of a binding by key; an empty mapping if it has none."""


class Credentials:
    """The credentials of all bindings: from the Secret, and from the workload's own identity.

    A watch at the API server reports changes about a minute before a mounted volume does. The
    volume is therefore read only while there is no watch: at the start, and while the API server
    is unavailable.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Read what the folder or the Secret does not have from an environment, if one is given.

        Only calls to a provider's own host get credentials of the environment.
        """
        self._environment = environment
        self._secrets: Mapping[str, Mapping[str, str]] = {}
        """The credentials of each Secret by key."""

        self.tls = TlsFiles()
        """The files of TLS, which are beside the credentials."""

        self._mounted: Mapping[str, bytes] = {}
        self._is_watched = False
        self._workload = WorkloadIdentity()

    async def read(self, binding: Binding) -> Mapping[str, str]:
        """Return the credentials that the binding names; none if its provider cannot use them."""
        if binding.credentials.none:
            return {}
        found = await self._find(binding)
        needed = SERVICES[binding.dialect].credentials
        return found if any(keys <= found.keys() for keys in needed) else {}

    async def load_folder(self, folder: Path) -> None:
        """Load the current credentials of a folder.

        Raises:
            OSError: The folder does not exist, or the kubelet is replacing its content.
        """
        files = await asyncio.to_thread(read_files, folder, _is_credential)
        if files != self._mounted and not self._is_watched:
            self._take(files, "mount")
        self._mounted = files

    async def follow_folder(self, folder: Path) -> None:
        """Load the credentials of a folder now and after each change."""
        async for _ in looks(folder, recursive=False, every_seconds=LOOK_SECONDS):
            try:
                await self.load_folder(folder)
            except OSError as error:
                log.warning("credentials not read", extra={"error": str(error)})

    async def follow_secret(self, client: KubernetesClient, namespace: str, name: str) -> None:
        """Load the credentials of a Secret now and after each change."""
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
        found = self._secrets.get(reference.name)
        if found or self._environment is None or binding.endpoint is not None:
            return found or {}
        return await self._of_environment(SERVICES[binding.dialect], self._environment)

    async def _of_environment(
        self, service: Service, environment: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Return what the provider's own SDK would use in this environment."""
        for key, names in service.environment.items():
            if value := next(filter(None, (environment.get(name) for name in names)), None):
                return {key: value}
        return await self._workload.read() if AWS_KEYS in service.credentials else {}

    def _take(self, files: Mapping[str, bytes], source: str) -> None:
        self._secrets = _by_secret(files)
        self.tls.files = {name: content for name, content in files.items() if is_tls_file(name)}
        log.info("credentials loaded", extra={"source": source, "files": sorted(files)})


class SimulatedCredentials:
    """The same test credentials for every binding: simulators accept any credentials."""

    async def read(self, binding: Binding) -> Mapping[str, str]:
        """Return a value for every key except the bearer token, so that calls to AWS are signed."""
        return dict.fromkeys(CREDENTIAL_KEYS - AWS_BEARER, "simulated")


def _is_credential(name: str) -> bool:
    return name.rpartition(".")[2] in CREDENTIAL_KEYS or is_tls_file(name)


def _by_secret(files: Mapping[str, bytes]) -> Mapping[str, Mapping[str, str]]:
    """Return the usable credentials in the files, by Secret and key."""
    secrets: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for name, content in files.items():
        secret, _, key = name.rpartition(".")
        if key in CREDENTIAL_KEYS and (text := _text(content)):
            secrets[secret][key] = text
    return dict(secrets)


def _text(content: bytes) -> str:
    """Return the content of a file; empty if it is not one line that a header can carry."""
    try:
        text = content.decode("ascii").strip()
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() else ""


class WorkloadIdentity:
    """The pod's AWS credentials: environment, EKS Pod Identity, web identity or EC2 instance."""

    def __init__(self) -> None:
        self._session = aioboto3.Session()
        self._found: AioCredentials | None = None
        self._searching = asyncio.Lock()

    async def read(self) -> Mapping[str, str]:
        """Return the current credentials; none if botocore's credential chain finds none."""
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
