"""The CustomResourceDefinitions, generated from the contract's pydantic models.

`crds/` holds them for `kubectl apply`; a test fails when files and models differ.
"""

from typing import Any

import yaml
from pydantic import BaseModel
from typing_extensions import override

from tintype_catalog.image_model import ImageModelSpec
from tintype_catalog.provider_binding import ProviderBindingSpec
from tintype_catalog.resources import ImageModel, ProviderBinding
from tintype_kubernetes.resources import IMAGE_MODELS, PROVIDER_BINDINGS, Resource
from tintype_operator.schema import Schema, structural_schema
from tintype_operator.status.conditions import Status

HEADER = "# Generated from the models in gateway/tintype_catalog by `make crds`. Do not edit.\n"


def crd_yaml() -> dict[str, str]:
    """Return the text of each file of `crds/`, by its name."""
    return {
        name: HEADER + yaml.dump(document, Dumper=_Plain, sort_keys=False, width=100)
        for name, document in crd_documents().items()
    }


def crd_documents() -> dict[str, dict[str, Any]]:
    """Return each CustomResourceDefinition, by the name of its file."""
    return {
        "imagemodels.yaml": _definition(
            IMAGE_MODELS, "im", _object_schema(ImageModel, ImageModelSpec), _MODEL_COLUMNS
        ),
        "providerbindings.yaml": _definition(
            PROVIDER_BINDINGS,
            "pb",
            _object_schema(ProviderBinding, ProviderBindingSpec),
            _BINDING_COLUMNS,
        ),
    }


def _column(name: str, path: str, description: str, **more: Any) -> Schema:
    return {"name": name, "type": "string", "jsonPath": path, "description": description} | more


def _condition(name: str, kind: str, description: str) -> Schema:
    return _column(name, f'.status.conditions[?(@.type=="{kind}")].status', description)


_READY = _condition("Ready", "Ready", "Whether the gateways serve this generation of the object.")
_REASON = _column(
    "Reason", '.status.conditions[?(@.type=="Ready")].reason', "The reason of the condition Ready."
)
_MESSAGE = _column(
    "Message",
    '.status.conditions[?(@.type=="Ready")].message',
    "The message of the condition Ready.",
    priority=1,
)
_AGE = _column("Age", ".metadata.creationTimestamp", "When the object was created.", type="date")

_MODEL_COLUMNS = [
    _column("Model", ".spec.id", "The id that clients send as `model`."),
    _condition("Current", "LifecycleCurrent", "Whether the model is not deprecated or retired."),
    _column("Retires", ".spec.lifecycle.retiresOn", "The first day without this model."),
    _READY,
    _REASON,
    _MESSAGE,
    _AGE,
]

_BINDING_COLUMNS = [
    _column("Model", ".spec.modelRef.name", "The ImageModel that is served."),
    _column("Provider", ".spec.provider", "The provider that serves it."),
    _column("Active", ".spec.active", "Whether the binding may receive requests.", type="boolean"),
    _column("Pricing", ".spec.pricing.type", "The kind of pricing."),
    _column(
        "USD",
        ".spec.pricing.usd",
        "USD for an image, a megapixel or a second.",
    ),
    _READY,
    _REASON,
    _MESSAGE,
    _AGE,
]


def _definition(
    resource: Resource, short_name: str, schema: Schema, columns: list[Schema]
) -> Schema:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{resource.group}"},
        "spec": {
            "group": resource.group,
            "scope": "Namespaced",
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "singular": resource.kind.lower(),
                "shortNames": [short_name],
                "categories": ["tintype"],
            },
            "versions": [
                {
                    "name": resource.version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def _object_schema(kind: type[BaseModel], spec: type[BaseModel]) -> Schema:
    """Return the schema of an object; the API server itself defines `metadata`."""
    return {
        "description": " ".join((kind.__doc__ or "").split()),
        "type": "object",
        "required": ["spec"],
        "properties": {"spec": structural_schema(spec), "status": structural_schema(Status)},
    }


class _Plain(yaml.SafeDumper):
    """Writes repeated values in full instead of as YAML aliases, which are hard to read."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True
