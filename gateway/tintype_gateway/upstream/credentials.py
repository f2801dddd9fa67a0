"""The credentials that the gateway sends to providers.

Each key is one file, `<secret>.<key>`: the layout of the operator's Secret as a mounted volume, and
of any local folder. Files of TLS are beside them, with the names of `connection.tls_file`, and
further headers of calls, with those of `extra_headers.header_file`.
Background tasks watch the files, so that requests read no files, get keys of the same version, and
use a rotated key shortly after the rotation.
"""

import asyncio
import logging
import os
from collections import defaultdict
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Protocol

from tintype_catalog.catalog import Binding
from tintype_catalog.connection import is_tls_file
from tintype_catalog.credentials import CREDENTIAL_KEYS, split_file_name
from tintype_catalog.extra_headers import MAX_HEADER_BYTES, header_of_file, header_problems
from tintype_catalog.providers import (
    ACCESS_TOKEN,
    AWS_BEARER,
    KEY_FILE,
    SERVICE_ACCOUNT,
    SERVICES,
)
from tintype_catalog.workload_tokens import is_at_own_host, token_refusal
from tintype_gateway.runtime.folder_watch import looks, read_files
from tintype_gateway.upstream.tls import TlsFiles
from tintype_gateway.upstream.tokens.google import KeyFiles
from tintype_gateway.upstream.tokens.session import TokenSession
from tintype_gateway.upstream.workload import Identities
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

    def headers(self, binding: Binding) -> Mapping[str, str] | None:
        """Return the further headers of a binding's calls; None if they cannot be used."""


class Credentials:
    """The credentials of all bindings: from the Secret, and from the workload's own identity.

    A watch at the API server reports changes about a minute before a mounted volume does. The
    volume is therefore read only while there is no watch: at the start, and while the API server
    is unavailable.
    """

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        identities: Identities | None = None,
    ) -> None:
        """Read what the folder or the Secret does not have from an environment, if one is given.

        Only calls to a provider's own host get credentials of the environment. The identities of
        the workload are those of the process, unless others are given.
        """
        self._environment = environment
        self._secrets: Mapping[str, Mapping[str, str]] = {}
        """The credentials of each Secret by key."""

        self._headers: Mapping[str, Mapping[str, str]] = {}
        """The headers of each Secret by name; the value of an unusable one is empty."""

        self.tls = TlsFiles()
        """The files of TLS, which are beside the credentials."""

        self._mounted: Mapping[str, bytes] = {}
        self._is_watched = False
        self._workload = identities or Identities.of(os.environ, TokenSession())
        self._key_files = KeyFiles(self._workload.session)

    async def read(self, binding: Binding) -> Mapping[str, str]:
        """Return the credentials that the binding names; none if its provider cannot use them."""
        if binding.credentials.none:
            return {}
        found, service = await self._find(binding), SERVICES[binding.dialect]
        if SERVICE_ACCOUNT in service.credentials and (file := found.get(KEY_FILE)):
            return await self._key_files.read(service, file)
        needed = (*service.credentials, ACCESS_TOKEN)
        return found if any(keys <= found.keys() for keys in needed) else {}

    def headers(self, binding: Binding) -> Mapping[str, str] | None:
        """Return the headers of the Secret that the binding names, if all of them can be used."""
        reference = None if binding.api is None else binding.api.headers_secret_ref
        if reference is None:
            return {}
        found = self._headers.get(reference.name, {})
        problems = [*header_problems(binding, found)]
        problems += [
            f"its key `{name}` is not one line of ASCII" for name in found if not found[name]
        ]
        if found and not problems:
            return found
        extra = {"binding": binding.name, "secret": reference.name, "problems": problems}
        log.warning("headers not usable", extra=extra)
        return None

    async def close(self) -> None:
        """End what is done for tokens in the background."""
        await self._key_files.close()
        await self._workload.close()

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
            return await self._of_workload(binding)
        found = self._secrets.get(reference.name)
        if found or self._environment is None or not is_at_own_host(binding):
            return found or {}
        return await self._of_environment(binding, self._environment)

    async def _of_workload(self, binding: Binding) -> Mapping[str, str]:
        """Return the workload's credentials; none where its token must not be sent.

        The compiler refuses such a binding, too. But the catalog is published by others.
        """
        if (refusal := token_refusal(binding)) is not None:
            field, why = refusal
            log.error(
                "token not sent", extra={"binding": binding.name, "field": field, "cause": why}
            )
            return {}
        return await self._workload.read(SERVICES[binding.dialect])

    async def _of_environment(
        self, binding: Binding, environment: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Return what the provider's own SDK would use in this environment."""
        for key, names in SERVICES[binding.dialect].environment.items():
            if value := next(filter(None, (environment.get(name) for name in names)), None):
                return {key: value}
        return await self._of_workload(binding)

    def _take(self, files: Mapping[str, bytes], source: str) -> None:
        self._secrets = _by_secret(files)
        self._headers = _headers_by_secret(files)
        self.tls.files = {name: content for name, content in files.items() if is_tls_file(name)}
        log.info("credentials loaded", extra={"source": source, "files": sorted(files)})


class SimulatedCredentials:
    """The same test credentials for every binding: simulators accept any credentials."""

    async def read(self, binding: Binding) -> Mapping[str, str]:
        """Return a value for every key except the bearer token, so that calls to AWS are signed."""
        return dict.fromkeys((CREDENTIAL_KEYS - AWS_BEARER) | ACCESS_TOKEN, "simulated")

    def headers(self, binding: Binding) -> Mapping[str, str] | None:
        """Return none: simulators need no further headers."""
        return {}


def _is_credential(name: str) -> bool:
    is_key = split_file_name(name) is not None
    return is_key or is_tls_file(name) or header_of_file(name) is not None


def _by_secret(files: Mapping[str, bytes]) -> Mapping[str, Mapping[str, str]]:
    """Return the usable credentials in the files, by Secret and key."""
    secrets: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for name, content in files.items():
        found = split_file_name(name)
        if found is not None and (text := _text(found[1], content)):
            secret, key = found
            secrets[secret][key] = text
    return dict(secrets)


def _headers_by_secret(files: Mapping[str, bytes]) -> Mapping[str, Mapping[str, str]]:
    """Return the headers in the files, by Secret and name, with an empty text for unusable ones."""
    secrets: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for file, content in files.items():
        if (header := header_of_file(file)) is not None:
            secret, name = header
            fits = len(content) <= MAX_HEADER_BYTES
            secrets[secret][name] = _text(name, content) if fits else ""
    return dict(secrets)


def _text(key: str, content: bytes) -> str:
    """Return the content of a file; empty if it cannot be a credential of this key.

    All but a key file is one line that a header can carry.
    """
    try:
        text = content.decode("utf-8" if key == KEY_FILE else "ascii").strip()
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() or key == KEY_FILE else ""
