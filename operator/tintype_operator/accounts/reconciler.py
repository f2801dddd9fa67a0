"""Carries out the plans of Accounts, ApiKeys and CreditGrants, and writes their statuses."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tintype_accounts.backend import BackendError, BackendUnavailableError
from tintype_accounts.planning.accounts import converge_account, plan_account
from tintype_accounts.planning.actions import Plan
from tintype_accounts.planning.conditions import failure, invalid, since
from tintype_accounts.planning.grants import converge_grant
from tintype_accounts.resources import (
    Account,
    AccountsResource,
    CreditGrant,
    owners_of,
    parse_accounts_resource,
)
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.resources import ACCOUNTS, API_KEYS
from tintype_operator.accounts.admin_client import AdminClient
from tintype_operator.accounts.authors import author_of
from tintype_operator.accounts.key_reconciler import KeyReconciler
from tintype_operator.accounts.observing import accounts_for
from tintype_operator.accounts.statuses import StatusWriter, is_ready
from tintype_operator.accounts.store import AccountStore
from tintype_operator.known_models import KnownModels
from tintype_operator.settings import Settings


@dataclass(frozen=True)
class Result:
    """What became of the work on one object."""

    is_ready: bool
    look_again_at: datetime | None = None
    """When the object changes by time alone; None: never."""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Reconciler:
    """Works on one object at a time; several may be worked on at once."""

    def __init__(
        self,
        client: KubernetesClient,
        admin: AdminClient,
        store: AccountStore,
        namespace: str,
        settings: Settings,
        models: KnownModels,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Do nothing yet; `clock` gives the time, and `models` those of the catalog."""
        self._models = models
        self._admin = admin
        self._store = store
        self._owner = settings.owner
        self._prefix = owners_of(settings.owner, namespace)
        self._keys = KeyReconciler(client, admin, store, namespace, settings, clock)
        self._statuses = StatusWriter(client, store, clock)
        self._clock = clock

    async def reconcile(self, found: KubernetesObject) -> Result:
        """Bring the ledger, the Secret and the status to what an object says.

        Raises:
            BackendError: The ledger is not as the object says; the status tells the cause.
            KubernetesError: The Secret or the status could not be read or written.
        """
        resource = parse_accounts_resource(found)
        if isinstance(resource, list):
            await self._statuses.write_verdict(found, invalid(resource))
            return Result(is_ready=False)
        try:
            plan = await self._converge(found, resource)
        except BackendError as error:
            # What was Ready before a gateway went away stays so: its account, its key or its grant
            # is as it was.
            if not (isinstance(error, BackendUnavailableError) and is_ready(found)):
                await self._statuses.write_verdict(found, failure(error))
            raise
        await self._statuses.write(found, plan.status, resource)
        return Result(plan.status.is_ready(), plan.look_again_at)

    async def refresh(self) -> list[KubernetesObject]:
        """Refresh the balances and windows in statuses, and return the objects to look at again.

        Those are the Accounts that the ledger has otherwise by now, and the ApiKeys whose key was
        revoked by another hand.

        Raises:
            BackendError: The ledger could not be asked.
            KubernetesError: A status could not be written.
        """
        return await self._refresh_accounts() + await self._ended_keys()

    async def _ended_keys(self) -> list[KubernetesObject]:
        objects = [found for found in self._store.objects(API_KEYS.kind) if is_ready(found)]
        if not objects:
            return []
        active = {key.id for key in await self._admin.keys(self._prefix, active=True)}
        return [found for found in objects if found["status"].get("keyId") not in active]

    async def _refresh_accounts(self) -> list[KubernetesObject]:
        states = {state.name: state for state in await self._admin.accounts(self._prefix)}
        differing: list[KubernetesObject] = []
        for found in self._store.objects(ACCOUNTS.kind):
            resource = parse_accounts_resource(found)
            if not isinstance(resource, Account) or not is_ready(found):
                continue  # its own work writes its status
            plan = plan_account(
                resource,
                states.get(resource.account_name),
                self._clock(),
                owner=self._owner,
                before=since(found.get("status")),
                models=self._models.ids,
            )
            if plan.actions:
                differing.append(found)
            else:
                await self._statuses.write(found, plan.status, resource)
        return differing

    async def _converge(self, found: KubernetesObject, resource: AccountsResource) -> Plan[Any]:
        author, before = author_of(found), since(found.get("status"))
        match resource:
            case Account():
                return await converge_account(
                    resource,
                    self._admin,
                    self._clock,
                    owner=self._owner,
                    author=author,
                    before=before,
                    models=self._models.ids,
                )
            case CreditGrant():
                return await converge_grant(
                    resource,
                    accounts_for(resource.spec, self._store),
                    self._admin,
                    self._clock,
                    owner=self._owner,
                    author=author,
                    before=before,
                )
        return await self._keys.converge(found, resource)
