"""Converts ConfigMaps and Secrets to the files that a pod sees in their mounts, and back."""

import base64
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import NotFoundError
from tintype_kubernetes.resources import CONFIGMAPS


def files_of(configmap: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the content of a ConfigMap by file name, as in its volume."""
    texts: Mapping[str, str] = configmap.get("data") or {}
    binaries: Mapping[str, str] = configmap.get("binaryData") or {}
    return {name: text.encode() for name, text in texts.items()} | {
        name: base64.b64decode(encoded) for name, encoded in binaries.items()
    }


def secret_files_of(secret: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the content of a Secret by file name, as in its volume."""
    data: Mapping[str, str] = secret.get("data") or {}
    return {name: base64.b64decode(encoded) for name, encoded in data.items()}


def configmap_of(namespace: str, name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return a ConfigMap with these files; UTF-8 texts stay readable, other files are base64."""
    texts: dict[str, str] = {}
    binaries: dict[str, str] = {}
    for file, content in files.items():
        try:
            texts[file] = content.decode("utf-8")
        except UnicodeDecodeError:
            binaries[file] = base64.b64encode(content).decode("ascii")
    return {
        "apiVersion": CONFIGMAPS.api_version,
        "kind": CONFIGMAPS.kind,
        "metadata": {"namespace": namespace, "name": name},
        "data": texts,
        "binaryData": binaries,
    }


async def read_all(
    client: KubernetesClient, namespace: str, names: Iterable[str]
) -> list[KubernetesObject]:
    """Return the ConfigMaps with these names; those that do not exist are omitted.

    Raises:
        KubernetesError: One of them could not be read.
    """
    found: list[KubernetesObject] = []
    for name in names:
        with suppress(NotFoundError):
            found.append(await client.get(CONFIGMAPS, namespace, name))
    return found
