"""The manifests of accounts, keys and grants in a folder, parsed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tintype_accounts.documents import AccountState
from tintype_accounts.resources import (
    Account,
    AccountsResource,
    ApiKey,
    CreditGrant,
    account_owner,
    key_owner,
    parse_accounts_resource,
)
from tintype_catalog.problems import Problem
from tintype_gateway.catalog.folder import ManifestFolder

OWNER = "folder"
"""The owner of what a folder says, in the place of an operator's release."""

NAMESPACE = "default"
"""The namespace of a manifest without one."""

Place = tuple[str, str]
"""The namespace and the name of an object."""

R = TypeVar("R", Account, ApiKey, CreditGrant)


@dataclass(frozen=True)
class AccountsManifests:
    """All that a folder says of accounts, keys and grants."""

    accounts: Mapping[Place, Account] = field(default_factory=dict)
    keys: Mapping[Place, ApiKey] = field(default_factory=dict)
    grants: Mapping[Place, CreditGrant] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    """Why the other manifests were refused."""

    account_owners: frozenset[str] = frozenset()
    """The owner of the account of each Account, also of a refused one: it is not deleted."""

    key_owners: frozenset[str] = frozenset()
    """The owner of the keys of each ApiKey, also of a refused one."""

    def objects(self) -> Iterator[AccountsResource]:
        """Yield the valid objects, first those that others need. A key is used once it appears."""
        yield from self.accounts.values()
        yield from self.grants.values()
        yield from self.keys.values()

    def describes(self, account: AccountState) -> bool:
        """Return whether an account of the ledger has a manifest, if only a refused one."""
        own = {
            account_owner(OWNER, *place): each.account_name for place, each in self.accounts.items()
        }
        owner = account.owner or ""
        return owner in self.account_owners and own.get(owner, account.name) == account.name

    def accounts_in(self, namespace: str) -> dict[str, Account]:
        """Return the Accounts of a namespace by name, to which its keys and grants may refer."""
        return {
            name: account for (place, name), account in self.accounts.items() if place == namespace
        }


def read_manifests(folder: ManifestFolder) -> AccountsManifests | None:
    """Return what a folder says; None if it has no manifest at all, such as a lost mount.

    Raises:
        FolderError: A file is missing or is not YAML.
    """
    manifests = folder.read_accounts()
    return parse_manifests(manifests) if manifests or not folder.is_empty() else None


def parse_manifests(manifests: Iterable[Mapping[str, Any]]) -> AccountsManifests:
    """Parse manifests; the first one of a kind, a namespace and a name counts."""
    found: list[AccountsResource] = []
    problems: list[Problem] = []
    places: set[tuple[str, Place]] = set()
    for manifest in map(_with_namespace, manifests):
        place = _kind(manifest), _place(manifest)
        if place in places:
            problems.append(_duplicate(*place))
            continue
        places.add(place)
        match parse_accounts_resource(manifest):
            case list() as wrong:
                problems += wrong
            case resource:
                found.append(resource)
    return AccountsManifests(
        accounts=_by_place(found, Account),
        keys=_by_place(found, ApiKey),
        grants=_by_place(found, CreditGrant),
        problems=tuple(problems),
        account_owners=frozenset(
            account_owner(OWNER, *place) for kind, place in places if kind == "Account"
        ),
        key_owners=frozenset(
            key_owner(OWNER, *place, "") for kind, place in places if kind == "ApiKey"
        ),
    )


def _by_place(found: Iterable[AccountsResource], kind: type[R]) -> dict[Place, R]:
    return {
        (each.metadata.namespace, each.metadata.name): each
        for each in found
        if isinstance(each, kind)
    }


def _with_namespace(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a manifest with a namespace, and without what only an API server decides."""
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping):
        return manifest
    kept = {key: value for key, value in metadata.items() if key not in ("uid", "generation")}
    return {**manifest, "metadata": {"namespace": NAMESPACE, **kept}}


def _kind(manifest: Mapping[str, Any]) -> str:
    return str(manifest.get("kind"))


def _place(manifest: Mapping[str, Any]) -> Place:
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping):
        return "", ""
    return str(metadata.get("namespace", "")), str(metadata.get("name", ""))


def _duplicate(kind: str, place: Place) -> Problem:
    namespace, name = place
    message = f"another manifest has this kind and name in the namespace {namespace}"
    return Problem(kind=kind, name=name, field="metadata.name", message=message)
