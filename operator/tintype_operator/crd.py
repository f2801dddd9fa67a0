"""The CustomResourceDefinitions, generated from the contract's pydantic models.

`crds/` holds them for `kubectl apply`; a test fails when files and models differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import yaml
from pydantic import BaseModel
from typing_extensions import override

from tintype_accounts.account import AccountSpec
from tintype_accounts.api_key import ApiKeySpec
from tintype_accounts.credit_grant import CreditGrantSpec
from tintype_accounts.resources import Account, ApiKey, CreditGrant
from tintype_accounts.status import AccountStatus, ApiKeyStatus, CreditGrantStatus
from tintype_catalog.image_model import ImageModelSpec
from tintype_catalog.provider_binding import ProviderBindingSpec
from tintype_catalog.resources import ImageModel, ProviderBinding
from tintype_kubernetes.resources import (
    ACCOUNTS,
    API_KEYS,
    CREDIT_GRANTS,
    IMAGE_MODELS,
    PROVIDER_BINDINGS,
    Resource,
)
from tintype_operator.schema import Schema, structural_schema
from tintype_operator.status.conditions import BindingStatus, Status


@dataclass(frozen=True)
class Version:
    """A version in which the API server has every kind: docs/api-versions.md."""

    name: str
    served: bool = True
    storage: bool = False
    """Whether objects are stored in it, as they are in exactly one version."""
    deprecation: str | None = None
    """The warning that clients of a deprecated version get."""


VERSIONS = (Version(IMAGE_MODELS.version, storage=True),)

HEADER = "# Generated from the models in gateway/{package} by `make crds`. Do not edit.\n"


def crd_yaml() -> dict[str, str]:
    """Return the text of each file of `crds/`, by its name."""
    return {
        name: _header(name) + yaml.dump(document, Dumper=_Plain, sort_keys=False, width=100)
        for name, document in crd_documents().items()
    }


def _header(name: str) -> str:
    package = "tintype_catalog" if name in _CATALOG_FILES else "tintype_accounts"
    return HEADER.format(package=package)


def crd_documents(versions: Sequence[Version] = VERSIONS) -> dict[str, dict[str, Any]]:
    """Return each CustomResourceDefinition, by the name of its file.

    All versions have one schema, because the API server prunes what the schema of a version lacks.
    """
    definition = partial(_definition, versions)
    return {
        "imagemodels.yaml": definition(
            IMAGE_MODELS, "im", _object_schema(ImageModel, ImageModelSpec, Status), _MODEL_COLUMNS
        ),
        "providerbindings.yaml": definition(
            PROVIDER_BINDINGS,
            "pb",
            _object_schema(ProviderBinding, ProviderBindingSpec, BindingStatus),
            _BINDING_COLUMNS,
        ),
        "accounts.yaml": definition(
            ACCOUNTS, "acct", _object_schema(Account, AccountSpec, AccountStatus), _ACCOUNT_COLUMNS
        ),
        "apikeys.yaml": definition(
            API_KEYS, "ak", _object_schema(ApiKey, ApiKeySpec, ApiKeyStatus), _KEY_COLUMNS
        ),
        "creditgrants.yaml": definition(
            CREDIT_GRANTS,
            "cg",
            _object_schema(CreditGrant, CreditGrantSpec, CreditGrantStatus),
            _GRANT_COLUMNS,
        ),
    }


_CATALOG_FILES = ("imagemodels.yaml", "providerbindings.yaml")


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
    _column("Pricing", ".status.pricing.type", "The kind of the price of now."),
    _column(
        "USD", ".status.pricing.usd", "USD for an image, a megapixel or a second at the moment."
    ),
    _READY,
    _REASON,
    _MESSAGE,
    _AGE,
]

_READY_IN_LEDGER = _condition("Ready", "Ready", "Whether the ledger has what the object says.")
_ACCOUNT_NAME = _column("Account", ".status.accountName", "The name of the account in the ledger.")

_ACCOUNT_COLUMNS = [
    _ACCOUNT_NAME,
    _column("Balance", ".status.balance", "The credits of the account."),
    _column("Held", ".status.held", "The credits that running requests may cost.", priority=1),
    _column(
        "Unlimited",
        ".spec.unlimited",
        "Whether it may spend more credits than it has.",
        type="boolean",
    ),
    _column("Suspended", ".spec.suspended", "Whether its requests are refused.", type="boolean"),
    _READY_IN_LEDGER,
    _REASON,
    _MESSAGE,
    _AGE,
]

_KEY_COLUMNS = [
    _ACCOUNT_NAME,
    _column("Key", ".status.keyId", "The id of the key in the Secret."),
    _column("Secret", ".status.secretName", "The Secret that has the key."),
    _column("Rotates", ".status.nextRotation", "When the key is replaced."),
    _column("Expires", ".status.expiresAt", "When the key expires."),
    _READY_IN_LEDGER,
    _REASON,
    _MESSAGE,
    _AGE,
]

_GRANT_COLUMNS = [
    _ACCOUNT_NAME,
    _column("Credits", ".spec.credits", "The granted credits."),
    _column("For", ".spec.reason", "The reason of the grant.", priority=1),
    _column("Applied", ".status.appliedAt", "When the ledger recorded the grant."),
    _READY_IN_LEDGER,
    _REASON,
    _MESSAGE,
    _AGE,
]


def _definition(
    versions: Sequence[Version],
    resource: Resource,
    short_name: str,
    schema: Schema,
    columns: list[Schema],
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
            "versions": [_version(version, schema, columns) for version in versions],
        },
    }


def _version(version: Version, schema: Schema, columns: list[Schema]) -> Schema:
    warning = {"deprecated": True, "deprecationWarning": version.deprecation}
    return {
        "name": version.name,
        "served": version.served,
        "storage": version.storage,
        **(warning if version.deprecation else {}),
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
        "schema": {"openAPIV3Schema": schema},
    }


def _object_schema(kind: type[BaseModel], spec: type[BaseModel], status: type[BaseModel]) -> Schema:
    """Return the schema of an object; the API server itself defines `metadata`."""
    return {
        "description": " ".join((kind.__doc__ or "").split()),
        "type": "object",
        "required": ["spec"],
        "properties": {"spec": structural_schema(spec), "status": structural_schema(status)},
    }


class _Plain(yaml.SafeDumper):
    """Writes repeated values in full instead of as YAML aliases, which are hard to read."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True
