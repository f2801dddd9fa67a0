"""The catalog of the benchmark: the starter's models, each once for every size of response."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

import tintype_catalog
from bench.cases import DIALECTS, SIZES, model_id, upstream_prefix
from tintype_catalog.credentials import CREDENTIAL_KEYS, file_name
from tintype_catalog.providers import Dialect

Manifest = dict[str, Any]

STARTER = Path(str(files(tintype_catalog))) / "starter"

_MODELS: Mapping[Dialect, str] = {
    "openai-images": "gpt-image-1",
    "bedrock-amazon": "amazon-nova-canvas-v1-0",
    "bedrock-stability": "stability-stable-image-core-v1-1",
    "google-predict": "imagen-4.0-generate-001",
    "google-generate-content": "gemini-3.1-flash-image",
}

DELAY_MS = 5000
"""How long the upstream thinks where many requests are in flight."""


def write_catalog(folder: Path, upstream: str) -> None:
    """Write manifests of every dialect and size, and of delayed responses of OpenAI's."""
    manifests = [
        manifest
        for dialect in DIALECTS
        for image_bytes in SIZES.values()
        for manifest in _manifests(dialect, image_bytes, 0, upstream)
    ]
    manifests += _manifests("openai-images", SIZES["1.5 MiB"], DELAY_MS, upstream)
    (folder / "catalog.yaml").write_text(yaml.safe_dump_all(manifests))


def write_credentials(folder: Path) -> None:
    """Write some for every provider: the upstream takes any."""
    for secret in ("openai", "aws-bedrock", "gemini"):
        for key in CREDENTIAL_KEYS - {"aws-bearer-token"}:
            (folder / file_name(secret, key)).write_text("benchmark")


def _manifests(
    dialect: Dialect, image_bytes: int, delay_ms: int, upstream: str
) -> Iterator[Manifest]:
    name = model_id(dialect, image_bytes, delay_ms)
    text = (STARTER / f"{_MODELS[dialect]}.yaml").read_text()
    model, binding = _plain(list(yaml.safe_load_all(text)))
    left_out = {"aliases", "lifecycle"}
    spec = {key: value for key, value in model["spec"].items() if key not in left_out}
    yield model | {"metadata": {"name": name}, "spec": spec | {"id": name}}
    endpoint = upstream + upstream_prefix(dialect, image_bytes, delay_ms)
    of_binding = {"modelRef": {"name": name}, "endpoint": endpoint}
    yield binding | {"metadata": {"name": name}, "spec": binding["spec"] | of_binding}


def _plain(documents: list[Any]) -> list[Any]:
    """Return documents without dates, which YAML reads and JSON has not."""
    plain: list[Any] = json.loads(json.dumps(documents, default=str))
    return plain
