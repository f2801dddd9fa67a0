"""Account, ApiKey and CreditGrant as Kubernetes objects, parsed from mappings."""

from collections.abc import Mapping
from typing import Any, Literal

from tintype_accounts.account import AccountSpec
from tintype_accounts.api_key import ApiKeySpec
from tintype_accounts.credit_grant import CreditGrantSpec
from tintype_catalog.problems import Problem
from tintype_catalog.resources import ObjectMeta, Tolerant, parse_kind


class Metadata(ObjectMeta):
    """The metadata that accounts, keys and grants need."""

    uid: str = ""
    """The uid of the object, empty for a manifest in a folder."""

    generation: int = 1
    """The generation of the spec, which statuses repeat."""


class Account(Tolerant):
    """An account of the ledger: its limits, its budgets, and who may use what."""

    api_version: Literal["tintype.dev/v1alpha1"] = "tintype.dev/v1alpha1"
    kind: Literal["Account"] = "Account"
    metadata: Metadata
    spec: AccountSpec

    @property
    def account_name(self) -> str:
        """The name of the account in the ledger."""
        return self.spec.account_name or self.metadata.name


class ApiKey(Tolerant):
    """A key of an account, generated in the cluster and kept in a Secret."""

    api_version: Literal["tintype.dev/v1alpha1"] = "tintype.dev/v1alpha1"
    kind: Literal["ApiKey"] = "ApiKey"
    metadata: Metadata
    spec: ApiKeySpec

    @property
    def secret_name(self) -> str:
        """The name of the Secret that receives the key."""
        return self.spec.secret.name or self.metadata.name


class CreditGrant(Tolerant):
    """Credits for an account, granted once for good. Deleting it takes nothing back."""

    api_version: Literal["tintype.dev/v1alpha1"] = "tintype.dev/v1alpha1"
    kind: Literal["CreditGrant"] = "CreditGrant"
    metadata: Metadata
    spec: CreditGrantSpec

    @property
    def reference(self) -> str:
        """The name under which the ledger records the grant."""
        return self.spec.reference or f"{self.metadata.namespace}/{self.metadata.name}"


AccountsResource = Account | ApiKey | CreditGrant

ACCOUNTS_KINDS: dict[str, type[Account] | type[ApiKey] | type[CreditGrant]] = {
    "Account": Account,
    "ApiKey": ApiKey,
    "CreditGrant": CreditGrant,
}


def parse_accounts_resource(manifest: Mapping[str, Any]) -> AccountsResource | list[Problem]:
    """Return the resource of a manifest, or all of its problems.

    As `tintype_catalog.resources.parse_resource`.
    """
    return parse_kind(manifest, ACCOUNTS_KINDS)


def account_owner(owner: str, namespace: str, name: str) -> str:
    """Return the owner that the ledger records for the account of an Account object.

    Args:
        owner: The name of the operator's release, or of the folder.
        namespace: The namespace of the object.
        name: The name of the object: an object that was created again is the same owner.
    """
    return f"{owner}:{namespace}/{name}"


def key_owner(owner: str, namespace: str, name: str, uid: str) -> str:
    """Return the owner that the ledger records for the keys of an ApiKey object.

    The uid makes an object that was created again another owner: the keys of the one before are
    revoked, although nobody saw its deletion.
    """
    return f"{owner}:{namespace}/{name}:{uid}"


def owners_of(owner: str, namespace: str | None = None) -> str:
    """Return how the owners of all objects of an operator or folder begin, or of a namespace."""
    return f"{owner}:" if namespace is None else f"{owner}:{namespace}/"
