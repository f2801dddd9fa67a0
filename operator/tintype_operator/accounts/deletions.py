"""What happens in the ledger when an Account or an ApiKey was deleted."""

import logging
from collections import defaultdict
from collections.abc import Sequence

from tintype_accounts.documents import AccountState, Author, KeyState
from tintype_accounts.resources import account_owner, key_owner, owners_of
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import NotFoundError
from tintype_kubernetes.resources import ACCOUNTS, API_KEYS, CONFIGMAPS
from tintype_operator.accounts.admin_client import AdminClient
from tintype_operator.accounts.authors import author_of
from tintype_operator.accounts.loss_guard import ACCEPT_LOSS, accept_command
from tintype_operator.accounts.store import AccountStore
from tintype_operator.accounts.sweep import Vanished, described_account, vanished
from tintype_operator.metrics import LOSS_REFUSED
from tintype_operator.settings import Settings
from tintype_operator.status.events import Events, Transition
from tintype_operator.watch.cache import Key, key_of

logger = logging.getLogger(__name__)


class Deletions:
    """Revokes the keys of deleted ApiKeys, and gives up the accounts of deleted Accounts."""

    def __init__(
        self,
        client: KubernetesClient,
        admin: AdminClient,
        store: AccountStore,
        namespace: str,
        settings: Settings,
    ) -> None:
        """Do nothing yet."""
        self._client = client
        self._admin = admin
        self._store = store
        self._namespace = namespace
        self._owner = settings.owner
        self._configmap = settings.catalog_configmap
        self._events = Events(client)
        self._reported = ""
        self._deleted: dict[Key, dict[str, KubernetesObject]] = defaultdict(dict)

    def add(self, found: KubernetesObject) -> None:
        """Remember an object whose deletion an event reported, until `carry_out`."""
        self._deleted[key_of(found)][found["metadata"]["uid"]] = found

    async def carry_out(self, key: Key) -> None:
        """Do what the deletions of objects with this name require.

        Raises:
            BackendError: It was not done, so call it again.
        """
        for uid, gone in list(self._deleted.get(key, {}).items()):
            if gone["kind"] == API_KEYS.kind:
                await self._revoke(gone)
            elif gone["kind"] == ACCOUNTS.kind:
                await self._release(gone)
            del self._deleted[key][uid]
        if not self._deleted.get(key):
            self._deleted.pop(key, None)

    async def _revoke(self, gone: KubernetesObject) -> None:
        metadata = gone["metadata"]
        owner = key_owner(self._owner, self._namespace, metadata["name"], metadata["uid"])
        for key in await self._admin.keys(owner, active=True):
            await self._admin.revoke_key(key.id, author=deleted_by(gone))

    async def _release(self, gone: KubernetesObject) -> None:
        """Give up an account, unless another object of the same name describes it by now."""
        name = described_account(gone)
        present = self._store.get(key_of(gone))
        if present is None or described_account(present) != name:
            owner = account_owner(self._owner, self._namespace, gone["metadata"]["name"])
            await self._admin.release_account(name, owner=owner, author=deleted_by(gone))

    async def sweep(self) -> bool:
        """Find deletions that no event reported and carry them out, and return whether it may.

        Raises:
            BackendError: The ledger could not be asked, or not everything was done.
            KubernetesError: The objects could not be listed.
        """
        prefix = owners_of(self._owner, self._namespace)
        keys = await self._admin.keys(prefix, active=True)
        accounts = await self._admin.accounts(prefix)
        await self._store.relist()
        objects = [
            *self._store.objects(ACCOUNTS.kind),
            *self._store.objects(API_KEYS.kind),
        ]
        missing = vanished(self._owner, keys, accounts, objects)
        if missing.is_loss and not await self._is_accepted(missing):
            await self._report(missing)
            return False
        LOSS_REFUSED.set(0)
        await self._end(missing.keys, missing.accounts)
        return True

    async def _end(self, keys: Sequence[KeyState], accounts: Sequence[AccountState]) -> None:
        for key in keys:
            logger.info("an ApiKey was deleted", extra={"key": key.id, "owner": key.owner})
            await self._admin.revoke_key(key.id, author=_missed(key.owner))
        for account in accounts:
            logger.info("an Account was deleted", extra={"account": account.name})
            owner = account.owner or ""
            await self._admin.release_account(account.name, owner=owner, author=_missed(owner))

    async def _is_accepted(self, missing: Vanished) -> bool:
        configmap = await self._read_configmap()
        annotations = (configmap or {}).get("metadata", {}).get("annotations") or {}
        return bool(annotations.get(ACCEPT_LOSS) == missing.acceptance)

    async def _report(self, missing: Vanished) -> None:
        """Post an Event for a loss, once: there may be no object left whose status shows it."""
        LOSS_REFUSED.set(len(missing.ids))
        command = accept_command(self._configmap, self._namespace, missing.acceptance)
        message = (
            f"{len(missing.ids)} of {missing.owned} keys and accounts of this operator have no "
            f"object any more, but no deletion was seen, so they stay as they are. To revoke these "
            f"keys and give up these accounts, run: `{command}`."
        )
        logger.error("deletions refused", extra={"cause": message})
        if missing.acceptance != self._reported and (configmap := await self._read_configmap()):
            self._reported = missing.acceptance
            await self._events.post(configmap, Transition("Warning", "DeletionsRefused", message))

    async def _read_configmap(self) -> KubernetesObject | None:
        try:
            return await self._client.get(CONFIGMAPS, self._namespace, self._configmap)
        except NotFoundError:
            return None


def deleted_by(gone: KubernetesObject) -> Author:
    """Return the author of what a deletion causes: Kubernetes does not tell who deleted."""
    author = author_of(gone)
    details = {key: value for key, value in author.details.items() if key != "fieldManager"}
    return author.model_copy(update={"details": details | {"deleted": "true"}})


def _missed(owner: str | None) -> Author:
    return Author(kind="resource", name=owner or "", details={"deleted": "true"})
