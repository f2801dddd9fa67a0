"""The Kubernetes objects of the catalog, parsed from mappings."""

import json
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict, ValidationError

from tintype_catalog.contract import Contract, ObjectName
from tintype_catalog.image_model import ImageModelSpec
from tintype_catalog.problems import Problem
from tintype_catalog.provider_binding import ProviderBindingSpec

GROUP = "tintype.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

Kind = TypeVar("Kind", bound="Tolerant")


class Tolerant(Contract):
    """The envelope of an object. Kubernetes may add fields to it: only the spec is strict."""

    model_config = ConfigDict(extra="ignore")


class ObjectMeta(Tolerant):
    """The metadata that the catalog needs."""

    name: ObjectName
    """The name, unique for its kind in a namespace."""

    namespace: str = ""
    """The namespace, empty for a manifest in a folder."""

    creation_timestamp: str | None = None
    """The creation time at the API server, RFC 3339 in UTC. The oldest of two objects wins."""


class ImageModel(Tolerant):
    """A model that clients can name."""

    api_version: Literal["tintype.dev/v1alpha1"] = "tintype.dev/v1alpha1"
    kind: Literal["ImageModel"] = "ImageModel"
    metadata: ObjectMeta
    spec: ImageModelSpec


class ProviderBinding(Tolerant):
    """A provider for an ImageModel."""

    api_version: Literal["tintype.dev/v1alpha1"] = "tintype.dev/v1alpha1"
    kind: Literal["ProviderBinding"] = "ProviderBinding"
    metadata: ObjectMeta
    spec: ProviderBindingSpec


Resource = ImageModel | ProviderBinding

KINDS: dict[str, type[ImageModel] | type[ProviderBinding]] = {
    "ImageModel": ImageModel,
    "ProviderBinding": ProviderBinding,
}

ALL_KINDS = (*KINDS, "Account", "ApiKey", "CreditGrant")
"""The kinds of the group; those of the ledger are in `tintype_accounts`."""


def parse_resource(manifest: Mapping[str, Any]) -> Resource | list[Problem]:
    """Return the resource of a manifest, or all of its problems, as `parse_kind`."""
    return parse_kind(manifest, KINDS)


def parse_kind(
    manifest: Mapping[str, Any], kinds: Mapping[str, type[Kind]]
) -> Kind | list[Problem]:
    """Return the resource of a manifest of one of these kinds, or all of its problems.

    The manifest is converted to JSON first, as by an API server, so that the result does not depend
    on the YAML parser. Fields have their JSON names, as in the CRD.
    """
    kind, name = str(manifest.get("kind")), _name(manifest)
    if manifest.get("apiVersion") != API_VERSION or kind not in kinds:
        message = f"must be {API_VERSION} and one of {', '.join(ALL_KINDS)}"
        return [Problem(kind=kind, name=name, field="apiVersion, kind", message=message)]
    try:
        text = json.dumps(manifest, default=str)
        return kinds[kind].model_validate_json(text, by_alias=True, by_name=False)
    except ValidationError as error:
        return [
            Problem(kind=kind, name=name, field=_path(detail["loc"]), message=_message(detail))
            for detail in error.errors(include_url=False)
        ]
    except (RecursionError, TypeError, ValueError):
        message = "must be plain JSON: text keys, no loops, not nested too deep"
        return [Problem(kind=kind, name=name, field="spec", message=message)]


def _name(manifest: Mapping[str, Any]) -> str:
    metadata = manifest.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, Mapping) else ""


def _path(location: tuple[int | str, ...]) -> str:
    """Format `("spec", "prices", 0, "usd")` as `kubectl` does: `spec.prices[0].usd`."""
    named = [step for step in location if step != "[key]"]  # pydantic's mark of a bad key
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in named)
    return "".join(steps).removeprefix(".") or "spec"


def _message(detail: Any) -> str:
    if detail["type"] == "extra_forbidden":
        return "unknown field"
    if detail["type"] == "json_invalid":  # nested too deep, or half a character
        return str(detail["msg"])
    given = detail["input"]
    shown = f" (is {json.dumps(given)})" if isinstance(given, str | int | float | bool) else ""
    return str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input ") + shown
