"""Copies the providers' credentials from the offered Secrets into the one Secret of the gateways.

Values are copied in base64 and never decoded, so that none can appear in a log or a message.
"""

import base64
import logging
from collections.abc import Collection, Iterable, Mapping

from tintype_catalog.catalog import Binding, Catalog
from tintype_catalog.connection import CERTIFICATE_KEYS, tls_file
from tintype_catalog.credentials import CREDENTIAL_KEYS, file_name
from tintype_catalog.extra_headers import header_file, header_of_file, header_problems
from tintype_kubernetes.client import KubernetesObject
from tintype_kubernetes.errors import NotFoundError
from tintype_kubernetes.resources import SECRETS
from tintype_operator.publish.managed_objects import ManagedObjects
from tintype_operator.watch.config_maps import Bundles

logger = logging.getLogger(__name__)


MAX_TLS_BYTES = 640 * 1024
"""The most that the files of TLS take in base64: the API server takes a Secret of 1 MiB."""

MAX_HEADERS_BYTES = 192 * 1024
"""The most that all headers take in base64."""


def gathered(
    catalog: Catalog, secrets: Iterable[KubernetesObject], config_maps: Bundles
) -> dict[str, str]:
    """Return the offered credentials that the catalog refers to: base64 values by file name."""
    references = (binding.credentials.secret_ref for binding in catalog.bindings)
    named = {reference.name for reference in references if reference is not None}
    offered = {secret["metadata"]["name"]: secret for secret in secrets}
    data = {name: secret["data"] for name, secret in offered.items()}
    credentials = {
        file_name(name, key): value
        for name in named & data.keys()
        for key, value in data[name].items()
        if key in CREDENTIAL_KEYS
    }
    return (
        credentials
        | _header_files(catalog, offered)
        | _bounded(_tls_files(catalog, data, config_maps))
    )


def _tls_files(
    catalog: Catalog, secrets: Mapping[str, Mapping[str, str]], config_maps: Bundles
) -> dict[str, str]:
    """Return the files of TLS that the catalog refers to."""
    files: dict[str, str] = {}
    for binding in catalog.bindings:
        bundle, certificate = binding.ca_bundle, binding.client_certificate
        if bundle is not None and bundle.secret_ref is not None:
            files[bundle.file] = secrets.get(bundle.secret_ref.name, {}).get(bundle.key, "")
        if bundle is not None and bundle.config_map_ref is not None:
            content = config_maps.get(bundle.config_map_ref.name, {}).get(bundle.key, b"")
            files[bundle.file] = base64.b64encode(content).decode()
        if certificate is not None:
            data = secrets.get(certificate.secret_ref.name, {})
            keys = zip(certificate.files, CERTIFICATE_KEYS, strict=True)
            files |= {file: data.get(key, "") for file, key in keys}
    return {name: value for name, value in files.items() if value}


def _header_files(catalog: Catalog, secrets: Mapping[str, KubernetesObject]) -> dict[str, str]:
    """Return the headers that the catalog refers to: all those of a Secret, or none."""
    files: dict[str, str] = {}
    for binding in catalog.bindings:
        found = _headers_of(binding, secrets)
        if found.keys() <= files.keys():
            continue
        if _size(files) + _size(found) > MAX_HEADERS_BYTES:
            logger.error(
                "the headers exceed %d bytes: %s are left out", MAX_HEADERS_BYTES, sorted(found)
            )
            continue
        files |= found
    return files


def _headers_of(binding: Binding, secrets: Mapping[str, KubernetesObject]) -> dict[str, str]:
    """Return the headers of one binding; none if one of them is not allowed."""
    reference = None if binding.api is None else binding.api.headers_secret_ref
    secret = None if reference is None else secrets.get(reference.name)
    if reference is None or secret is None or secret["others"]:
        return {}
    data: Mapping[str, str] = secret["data"]
    if any(header_problems(binding, data)):
        return {}
    return {header_file(reference.name, key): value for key, value in data.items()}


def _size(files: Mapping[str, str]) -> int:
    return sum(map(len, files.values()))


def _bounded(files: Mapping[str, str]) -> dict[str, str]:
    """Return the files that fit into the Secret, without those for which there is no room."""
    fitting: dict[str, str] = {}
    size = 0
    for name, value in sorted(files.items()):
        if size + len(value) > MAX_TLS_BYTES:
            logger.error("the files of TLS exceed %d bytes: %s is left out", MAX_TLS_BYTES, name)
            continue
        size += len(value)
        fitting[name] = value
    return fitting


class CredentialsSecret:
    """The Secret that gateways read."""

    def __init__(self, managed: ManagedObjects, name: str) -> None:
        """Name the Secret, which may not exist yet."""
        self._managed = managed
        self._name = name

    async def write(self, files: Mapping[str, str], held_back: Collection[str] = ()) -> None:
        """Replace the content, if it differs, except for the files of Secrets in `held_back`.

        Raises:
            KubernetesError: It could not be read or written.
        """
        present = await self._read()
        held = {file_name(secret, key) for secret in held_back for key in CREDENTIAL_KEYS}
        held |= {tls_file("secret", name, key) for name in held_back for key in CERTIFICATE_KEYS}
        held |= {file for file in files if (header_of_file(file) or ("",))[0] in held_back}
        data = {name: value for name, value in files.items() if name not in held}
        data |= {
            name: value for name, value in (present or {}).items() if name in held & set(files)
        }
        if present == data:
            return
        secret = {
            "apiVersion": SECRETS.api_version,
            "kind": SECRETS.kind,
            "metadata": {"name": self._name},
            "type": "Opaque",
            "data": data,
        }
        await self._managed.apply(SECRETS, secret)
        logger.info("credentials written", extra={"secret": self._name, "keys": sorted(data)})

    async def _read(self) -> Mapping[str, str] | None:
        try:
            found = await self._managed.client.get(SECRETS, self._managed.namespace, self._name)
        except NotFoundError:
            return None
        return found.get("data") or {}
