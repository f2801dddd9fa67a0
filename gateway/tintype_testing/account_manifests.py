"""Accounts, ApiKeys and CreditGrants for tests."""

from typing import Any

from tintype_testing.manifests import Manifest


def account(name: str = "team", **spec: Any) -> Manifest:
    """Return an Account with its own name as that of the ledger's account."""
    return _manifest("Account", name, spec)


def api_key(name: str = "team-key", *, account: str | None = "team", **spec: Any) -> Manifest:
    """Return an ApiKey of an Account, in a Secret of its own name."""
    own = {} if account is None else {"account": account}
    return _manifest("ApiKey", name, own | spec)


def credit_grant(
    name: str = "team-grant", *, account: str | None = "team", **spec: Any
) -> Manifest:
    """Return a CreditGrant of 100 credits for an Account."""
    own = {} if account is None else {"account": account}
    return _manifest("CreditGrant", name, own | {"credits": "100", "reason": "a test"} | spec)


def _manifest(kind: str, name: str, spec: dict[str, Any]) -> Manifest:
    return {
        "apiVersion": "tintype.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }
