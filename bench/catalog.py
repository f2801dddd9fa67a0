"""The catalog of the benchmark: the starter's models, each once for every size of response."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

import tintype_catalog
from bench.cases import (
    COUNT,
    DIALECTS,
    MANIFESTS,
    SIZES,
    Dialect,
    Manifest,
    model_id,
    upstream_prefix,
)
from tintype_catalog.credentials import CREDENTIAL_KEYS, file_name

Document = dict[str, Any]
"""A manifest of Kubernetes."""

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
    """Write models of every dialect and size, and of OpenAI's delayed, differently signed and
    multiple images."""
    documents = [
        document
        for dialect in DIALECTS
        for image_bytes in SIZES.values()
        for document in _documents(upstream, dialect, image_bytes)
    ]
    for manifest in MANIFESTS:
        documents += _documents(upstream, "openai-images", SIZES["1.5 MiB"], DELAY_MS, manifest)
    for manifest in MANIFESTS[1:]:
        for image_bytes in SIZES.values():
            documents += _documents(upstream, "openai-images", image_bytes, manifest=manifest)
    for image_bytes in SIZES.values():
        documents += _documents(upstream, "openai-images", image_bytes, count=COUNT)
    (folder / "catalog.yaml").write_text(yaml.safe_dump_all(documents))


def write_credentials(folder: Path) -> None:
    """Write some for every provider: the upstream takes any."""
    for secret in ("openai", "aws-bedrock", "gemini"):
        for key in CREDENTIAL_KEYS - {"aws-bearer-token"}:
            (folder / file_name(secret, key)).write_text("benchmark")


def _documents(
    upstream: str,
    dialect: Dialect,
    image_bytes: int,
    delay_ms: int = 0,
    manifest: Manifest = "first",
    count: int = 1,
) -> Iterator[Document]:
    """Yield a model and its binding."""
    name = model_id(dialect, image_bytes, delay_ms, manifest, count)
    text = (STARTER / f"{_MODELS[dialect]}.yaml").read_text()
    model, binding = _plain(list(yaml.safe_load_all(text)))
    left_out = {"aliases", "lifecycle"}
    spec = {key: value for key, value in model["spec"].items() if key not in left_out}
    if manifest == "undeclared":
        spec["watermark"] = "none"
    if count > 1:
        spec["limits"] |= {"maxImagesPerCall": count}
    yield model | {"metadata": {"name": name}, "spec": spec | {"id": name}}
    endpoint = upstream + upstream_prefix(dialect, image_bytes, delay_ms, manifest, count)
    of_binding = {"modelRef": {"name": name}, "endpoint": endpoint}
    yield binding | {"metadata": {"name": name}, "spec": binding["spec"] | of_binding}


def _plain(documents: list[Any]) -> list[Any]:
    """Return documents without dates, which YAML reads and JSON has not."""
    plain: list[Any] = json.loads(json.dumps(documents, default=str))
    return plain
