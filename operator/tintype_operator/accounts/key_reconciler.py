"""Carries out the plans of ApiKeys, which have a Secret."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from tintype_accounts.api_key import BASE_URL_KEY
from tintype_accounts.api_keys import new_secret
from tintype_accounts.backend import BackendUnavailableError, RefusedError
from tintype_accounts.planning.actions import Plan, WriteSecret, converge
from tintype_accounts.planning.conditions import since
from tintype_accounts.planning.keys import ObservedKey, ObservedSecret, plan_key
from tintype_accounts.planning.references import find_account
from tintype_accounts.resources import ApiKey, key_owner
from tintype_accounts.status import ApiKeyStatus
from tintype_kubernetes.client import KubernetesClient, KubernetesObject
from tintype_kubernetes.errors import ApiError, ConflictError, ForbiddenError
from tintype_operator.accounts.admin_client import AdminClient
from tintype_operator.accounts.authors import author_of
from tintype_operator.accounts.key_secrets import KeySecrets
from tintype_operator.accounts.observing import accounts_for, observed_secret
from tintype_operator.accounts.store import AccountStore
from tintype_operator.settings import Settings

FORBIDDEN = ObservedSecret("forbidden")

INVALID: Final = (400, 413, 422)
"""The statuses of a write that a repetition does not change."""


class _ForbiddenSecretError(RefusedError):
    """The operator has no right to write the Secret."""


class KeyReconciler:
    """Keeps a valid key in the Secret of each ApiKey."""

    def __init__(
        self,
        client: KubernetesClient,
        admin: AdminClient,
        store: AccountStore,
        namespace: str,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        """Do nothing yet; `clock` gives the time."""
        self._admin = admin
        self._store = store
        self._owner = settings.owner
        self._base_url = settings.public_base_url
        self._may_write = settings.manage_key_secrets
        self._secrets = KeySecrets(client, namespace)
        self._clock = clock
        self._fresh: dict[str, str] = {}

    async def converge(self, found: KubernetesObject, resource: ApiKey) -> Plan[ApiKeyStatus]:
        """Carry out the plans of an ApiKey until there is nothing to do, and return the last one.

        Raises:
            BackendError: As `planning.actions.converge`.
            KubernetesError: The Secret could not be read or written.
        """
        secret: KubernetesObject | None = None

        async def observe_and_plan() -> Plan[ApiKeyStatus]:
            nonlocal secret
            observed = FORBIDDEN
            if self._may_write:
                secret, observed = await self._read(found, resource)
            return await self._plan(found, resource, observed)

        async def write(value: str) -> None:
            await self._write(found, resource, value, secret)

        author = author_of(found)
        try:
            return await converge(observe_and_plan, self._admin, author=author, write_secret=write)
        except _ForbiddenSecretError:
            return await self._plan(found, resource, FORBIDDEN)

    async def _read(
        self, found: KubernetesObject, resource: ApiKey
    ) -> tuple[KubernetesObject | None, ObservedSecret]:
        try:
            secret = await self._secrets.read(resource.secret_name)
        except ForbiddenError:
            return None, FORBIDDEN
        key = resource.spec.secret.key
        return secret, observed_secret(secret, found, key, self._base_url)

    async def _plan(
        self, found: KubernetesObject, resource: ApiKey, secret: ObservedSecret
    ) -> Plan[ApiKeyStatus]:
        metadata = resource.metadata
        owner = key_owner(self._owner, metadata.namespace, metadata.name, metadata.uid)
        accounts = accounts_for(resource.spec, self._store)
        account = await find_account(resource.spec, accounts, self._admin, owner=self._owner)
        fresh = self._fresh.get(metadata.uid) or new_secret()
        plan = plan_key(
            resource,
            ObservedKey(account, secret, tuple(await self._admin.keys(owner))),
            self._clock(),
            owner=self._owner,
            fresh=fresh,
            before=since(found.get("status")),
        )
        if WriteSecret(fresh) in plan.actions:
            # The same one until it is written, so that a replacement is registered once however
            # often its Secret cannot be written.
            self._fresh[metadata.uid] = fresh
        else:
            self._fresh.pop(metadata.uid, None)
        return plan

    async def _write(
        self,
        found: KubernetesObject,
        resource: ApiKey,
        value: str,
        before: KubernetesObject | None,
    ) -> None:
        name = resource.secret_name
        url = {BASE_URL_KEY: self._base_url} if self._base_url else {}
        values = {resource.spec.secret.key: value} | url
        try:
            await self._secrets.write(found, name, values, before)
        except ForbiddenError as error:
            raise _ForbiddenSecretError(str(error)) from error
        except ConflictError as error:
            message = f"the Secret `{name}` was changed at the same time"
            raise BackendUnavailableError(message) from error
        except ApiError as error:
            if error.status not in INVALID:
                raise
            message = f"the API server does not take the Secret `{name}`: {error.reason}"
            raise RefusedError(message) from error
        self._fresh.pop(resource.metadata.uid, None)
