"""Reads what plans need from the cluster and from the ledger."""

from collections.abc import Mapping

from tintype_accounts.api_key import BASE_URL_KEY
from tintype_accounts.planning.keys import ObservedSecret
from tintype_accounts.references import OfAccount
from tintype_accounts.resources import Account, parse_accounts_resource
from tintype_kubernetes.client import KubernetesObject
from tintype_kubernetes.resources import ACCOUNTS
from tintype_operator.accounts.key_secrets import belongs_to, value_of
from tintype_operator.accounts.store import AccountStore


def accounts_for(spec: OfAccount, store: AccountStore) -> Mapping[str, Account]:
    """Return the Account object that a key or grant names, by its name, if it is valid."""
    found = None if spec.account is None else store.get((ACCOUNTS.kind, spec.account))
    resource = None if found is None else parse_accounts_resource(found)
    return {resource.metadata.name: resource} if isinstance(resource, Account) else {}


def observed_secret(
    secret: KubernetesObject | None, api_key: KubernetesObject, key: str, base_url: str
) -> ObservedSecret:
    """Return the Secret of an ApiKey as plans see it.

    Args:
        secret: The Secret, None if there is none.
        api_key: The ApiKey that names it.
        key: Where the API key is in the Secret.
        base_url: What the Secret should have as the URL of the gateways; empty: nothing.
    """
    if secret is None:
        return ObservedSecret("absent")
    if not belongs_to(secret, api_key):
        return ObservedSecret("foreign")
    url = value_of(secret, BASE_URL_KEY) or ""
    return ObservedSecret("own", value_of(secret, key), is_complete=url == base_url)
