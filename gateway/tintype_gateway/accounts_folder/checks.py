"""What the manifests of accounts, keys and grants say together, checked without a ledger."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from typing import TypeVar

from tintype_accounts.resources import AccountsResource, ApiKey, CreditGrant
from tintype_catalog.problems import Problem
from tintype_gateway.accounts_folder.manifests import AccountsManifests

R = TypeVar("R")


def errors_in(manifests: AccountsManifests) -> Iterator[Problem]:
    """Yield objects that would claim the account, the Secret or the grant of another one."""
    for account in _repeated(manifests.accounts.values(), lambda each: each.account_name):
        message = f"another Account describes the account `{account.account_name}`"
        yield _problem(account, "spec.accountName", message)
    for key in _repeated(
        manifests.keys.values(), lambda each: (each.metadata.namespace, each.secret_name)
    ):
        message = f"another ApiKey has the Secret `{key.secret_name}`"
        yield _problem(key, "spec.secret.name", message)
    contents = {(each.reference, each.spec): each for each in manifests.grants.values()}
    for grant in _repeated(contents.values(), lambda each: each.reference):
        message = f"another CreditGrant with other content has the reference `{grant.reference}`"
        yield _problem(grant, "spec.reference", message)


def warnings_in(manifests: AccountsManifests, models: Collection[str]) -> Iterator[Problem]:
    """Yield references to Accounts and models that are not in the folder: they may be elsewhere.

    Args:
        manifests: The objects of the folder.
        models: The ids of the models in the folder.
    """
    for account in manifests.accounts.values():
        for field, message in account.spec.unknown_models(models):
            yield _problem(account, field, message)
    belonging: list[ApiKey | CreditGrant] = [*manifests.keys.values(), *manifests.grants.values()]
    for found in belonging:
        wanted = found.spec.account
        if wanted is not None and wanted not in manifests.accounts_in(found.metadata.namespace):
            message = f"the folder has no Account `{wanted}` in {found.metadata.namespace}"
            yield _problem(found, "spec.account", message)


def _repeated(found: Iterable[R], identity: Callable[[R], Hashable]) -> Iterator[R]:
    """Yield the objects whose identity an earlier one has."""
    seen: set[Hashable] = set()
    for each in found:
        if identity(each) in seen:
            yield each
        seen.add(identity(each))


def _problem(found: AccountsResource, field: str, message: str) -> Problem:
    return Problem(kind=found.kind, name=found.metadata.name, field=field, message=message)
