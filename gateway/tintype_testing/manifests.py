"""Manifests for the tests: small sound objects, of which every field is a keyword away.

A builder takes the fields of the spec by their JSON names and puts them in place of its own:

    image_model("canvas", aliases=["sketch"])
    provider_binding(model="canvas", pricing=per_image("0.02"), active=False)
"""

import base64
import copy
import hashlib
import itertools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel

from tintype_catalog.catalog import Catalog
from tintype_catalog.compiler import compile_manifests

Manifest = dict[str, Any]
Contract = TypeVar("Contract", bound=BaseModel)

STARTER = Path(__file__).parents[2] / "gateway" / "tintype_catalog" / "starter"
OVERLAYS = STARTER.parent / "overlays"
SELF_HOSTED = STARTER.parent / "self_hosted"
HOSTED = STARTER.parent / "hosted"

PIXELS = {
    "mode": "Pixels",
    "acceptsAuto": True,
    "multipleOf": 16,
    "maxEdge": 3840,
    "minPixels": 655360,
    "maxPixels": 8294400,
    "maxAspectRatio": "3:1",
}
"""The bounds of gpt-image-2."""


def image_model(name: str = "canvas", *, created: str | None = None, **spec: Any) -> Manifest:
    """Return a model with its name as its id, that offers a square, a landscape and a portrait."""
    sizes = {"mode": "List", "sizes": ["1024x1024", "1536x1024", "1024x1536"]}
    return _manifest(
        "ImageModel", name, created, {"id": name, "ownedBy": "tintype", "size": sizes} | spec
    )


def provider_binding(
    name: str | None = None, *, model: str = "canvas", created: str | None = None, **spec: Any
) -> Manifest:
    """Return an active binding of a model to OpenAI, at 0.040 USD for an image."""
    own = {
        "modelRef": {"name": model},
        "provider": "openai",
        "dialect": "openai-images",
        "upstreamModel": model,
        "credentials": {"secretRef": {"name": "openai"}},
        "pricing": per_image("0.040"),
    }
    return _manifest("ProviderBinding", name or f"{model}-openai", created, own | spec)


def per_image(usd: str) -> Manifest:
    """Return the price of a provider that asks the same for every image."""
    return {"type": "per_image", "usd": usd}


def by_size(*rows: Manifest) -> Manifest:
    """Return the price of a provider that asks by size alone. See `price`."""
    return {"type": "per_image_by_size", "prices": list(rows)}


def by_size_quality(*rows: Manifest) -> Manifest:
    """Return the price of a provider that asks by size and quality. See `price`."""
    return {"type": "per_image_by_size_quality", "prices": list(rows)}


def price(usd: str, **bounds: Any) -> Manifest:
    """Return a row of a price table, with `maxPixels` and `quality` where it has them."""
    return {"usd": usd} | bounds


def per_token(
    *, table: list[Manifest] | None = None, factors: dict[str, int] | None = None, **fields: Any
) -> Manifest:
    """Return a price by token, as OpenAI's, with the factors of gpt-image-2 if none are given."""
    tokens = {"table": table} if table else {"factors": factors or {"low": 16, "high": 96}}
    prices = {"textInput": "5", "imageInput": "8", "imageOutput": "30", "textOutput": "10"}
    return {"type": "per_token", "perMillionTokens": prices, "outputTokens": tokens} | fields


def tokens(tokens: int, **bounds: Any) -> Manifest:
    """Return a row of a token table, with `size` or `maxPixels`, and `quality`."""
    return {"tokens": tokens} | bounds


def qualities(**values: str) -> Manifest:
    """Return `parameters` of a model that knows qualities: the provider's name for each word."""
    return {"quality": {"handling": "Map", "values": values}}


def changed(manifest: Manifest, path: str, value: Any) -> Manifest:
    """Return a copy with another value at a path such as `spec.pricing.prices[0].usd`."""
    copied = copy.deepcopy(manifest)
    parent, step = _find(copied, path)
    parent[step] = value
    return copied


def without(manifest: Manifest, path: str) -> Manifest:
    """Return a copy that lacks the field at a path."""
    copied = copy.deepcopy(manifest)
    parent, step = _find(copied, path)
    del parent[step]
    return copied


def merged(target: Any, patch: Any) -> Any:
    """Return `target` with a JSON merge patch (RFC 7386) applied."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def read_manifests(folder: Path) -> list[Manifest]:
    """Return all objects of a folder of YAML files, with dates as the texts that they are."""
    files = sorted(folder.glob("*.yaml"))
    return [
        document
        for file in files
        for document in yaml.load_all(file.read_text(), Loader=_TextDates)
    ]


def read(kind: type[Contract], value: Any) -> Contract:
    """Return the value of the contract that JSON-like content describes, such as a `Pricing`."""
    return kind.model_validate_json(json.dumps(value))


def compiled(*manifests: Mapping[str, Any]) -> Catalog:
    """Return the catalog of manifests that are all sound."""
    catalog, problems = compile_manifests(manifests)
    assert not problems
    return catalog


NOISE = 8000
"""Characters of noise in the `defaults` of each object of a large catalog: about as many as they
may have."""

NOISY_FIELDS, NOISY_SUB_FIELDS, NOISY_NAME = 4, 62, 60
"""The provider parameters of such an object, their sub-fields, and the characters of noise in the
name of each: about as many as an object may have."""

NOISY_BYTES = 16_500
"""The least compressed bytes of such an object."""


def noisy_models(packed_bytes: int, seed: str = "large") -> list[Manifest]:
    """Return models that hardly compress, and whose compressed size exceeds a number of bytes."""
    return [noisy_model(f"{seed}-{number}") for number in range(packed_bytes // NOISY_BYTES + 1)]


def noisy_model(name: str) -> Manifest:
    """Return a model that hardly compresses."""
    text = noise(NOISE, name)
    names = noise(NOISY_FIELDS * NOISY_SUB_FIELDS * NOISY_NAME, f"{name} names")
    names = names.replace("+", "_").replace("/", "_")
    sub_fields = iter(f"n{names[at : at + NOISY_NAME]}" for at in range(0, len(names), NOISY_NAME))
    fields = {
        f"noise{number}": list(itertools.islice(sub_fields, NOISY_SUB_FIELDS))
        for number in range(NOISY_FIELDS)
    }
    return image_model(name, providerParameters={"svg": [], **fields}, defaults={"svg": text})


def noise(characters: int, seed: str = "noise") -> str:
    """Return a text that hardly compresses: six bits a character, always the same for a seed."""
    random_bytes = hashlib.shake_256(seed.encode()).digest(characters)
    return base64.b64encode(random_bytes).decode()[:characters]


class _TextDates(yaml.CSafeLoader):
    """Leaves a date a text: manifests are JSON in YAML's clothes, and JSON knows no dates."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def _manifest(kind: str, name: str, created: str | None, spec: Manifest) -> Manifest:
    metadata = {"name": name} | ({"creationTimestamp": created} if created else {})
    return {
        "apiVersion": "tintype.dev/v1alpha1",
        "kind": kind,
        "metadata": metadata,
        "spec": copy.deepcopy(spec),
    }


def _find(manifest: Manifest, path: str) -> tuple[Any, str | int]:
    """Return what holds the last step of a path, and that step."""
    steps = [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path)]
    parent: Any = manifest
    for step in steps[:-1]:
        parent = parent[step]
    return parent, steps[-1]
