"""What the ledger has of objects that are gone: deletions that no event reported."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from tintype_accounts.documents import AccountState, KeyState
from tintype_accounts.resources import account_owner, key_owner
from tintype_kubernetes.client import KubernetesObject
from tintype_operator.accounts import loss_guard


@dataclass(frozen=True)
class Vanished:
    """The keys and accounts of an operator whose objects do not exist."""

    keys: tuple[KeyState, ...]
    accounts: tuple[AccountState, ...]
    owned: int
    """How many keys and accounts the operator owns."""

    @property
    def ids(self) -> list[str]:
        """What identifies each of them."""
        return [key.id for key in self.keys] + [f"account {each.name}" for each in self.accounts]

    @property
    def acceptance(self) -> str:
        """The word by which a person accepts exactly this loss."""
        return loss_guard.acceptance(self.ids)

    @property
    def is_loss(self) -> bool:
        """Whether so much is missing that a person should look."""
        return loss_guard.is_loss(len(self.ids), self.owned)


def vanished(
    owner: str,
    keys: Collection[KeyState],
    accounts: Collection[AccountState],
    objects: Iterable[KubernetesObject],
) -> Vanished:
    """Return what the ledger has of objects that do not exist.

    Args:
        owner: The name of the operator.
        keys: Its keys that are neither expired nor revoked.
        accounts: Its accounts.
        objects: All Accounts and ApiKeys, listed after the ledger's: so an object that is missing
            here was deleted, and is not too new to be in the list.
    """
    expected: set[str | tuple[str, str]] = set()
    for found in objects:
        metadata = found["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        if found["kind"] == "ApiKey":
            expected.add(key_owner(owner, namespace, name, metadata["uid"]))
        else:
            expected.add((account_owner(owner, namespace, name), described_account(found)))
    return Vanished(
        tuple(key for key in keys if key.owner not in expected),
        tuple(each for each in accounts if (each.owner, each.name) not in expected),
        len(keys) + len(accounts),
    )


def described_account(account: KubernetesObject) -> str:
    """Return the name in the ledger that an Account describes, also if it is not valid."""
    return str(account["spec"].get("accountName") or account["metadata"]["name"])
