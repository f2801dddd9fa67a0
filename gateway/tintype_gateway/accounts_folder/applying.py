"""Carries out what a folder says of accounts, keys and grants."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from tintype_accounts.api_keys import new_secret
from tintype_accounts.backend import AccountsBackend, BackendError, BackendUnavailableError
from tintype_accounts.documents import Author
from tintype_accounts.planning.accounts import converge_account
from tintype_accounts.planning.actions import Plan, converge
from tintype_accounts.planning.conditions import STATES, Verdict, failure, invalid
from tintype_accounts.planning.grants import converge_grant
from tintype_accounts.planning.keys import ObservedKey, plan_key
from tintype_accounts.planning.references import find_account
from tintype_accounts.resources import Account, AccountsResource, ApiKey, CreditGrant, key_owner
from tintype_accounts.status import ApiKeyStatus, Status
from tintype_gateway.accounts_folder.key_files import key_file
from tintype_gateway.accounts_folder.manifests import OWNER, AccountsManifests
from tintype_gateway.observability.metrics import FOLDER_MANIFESTS

log = logging.getLogger(__name__)

RETRY = timedelta(seconds=5)
"""The pause after the ledger, a file or the folder could not be used."""

_APPLIED = "manifest applied to the ledger"
_NOT_APPLIED = "manifest not applied to the ledger"
T = TypeVar("T")


class AccountsFolder:
    """Applies the manifests of a folder to a ledger, again and again."""

    def __init__(
        self,
        backend: AccountsBackend,
        data_dir: Path,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Change nothing yet.

        Args:
            backend: The ledger.
            data_dir: The folder in which keys are written, below `keys/`.
            now: The clock.
        """
        self._backend = backend
        self._data_dir = data_dir
        self._now = now
        self._logged: dict[str, Verdict] = {}

    async def apply(self, manifests: AccountsManifests) -> datetime | None:
        """Carry out what the manifests say, and return when time alone requires it again.

        An object that is refused or fails does not hinder the others; the log says why.
        """
        states: Counter[str] = Counter()
        for problem in manifests.problems:
            verdict = invalid([problem])
            self._log(f"{problem.kind}/{problem.name}", verdict, str(problem))
            states[verdict.state] += 1
        times = []
        for found in manifests.objects():
            verdict, look_again_at = await self._work_on(found, manifests)
            self._log(f"{found.kind}/{found.metadata.name}", verdict, author_of(found).name)
            states[verdict.state] += 1
            times.append(look_again_at)
        for state in STATES:
            FOLDER_MANIFESTS.labels(state).set(states[state])
        return min((time for time in times if time is not None), default=None)

    async def _work_on(
        self, found: AccountsResource, manifests: AccountsManifests
    ) -> tuple[Verdict, datetime | None]:
        """Carry out what one object says; return its state, and when to look again."""
        plan: Plan[Status]
        accounts = manifests.accounts_in(found.metadata.namespace)
        try:
            match found:
                case Account():
                    plan = await converge_account(
                        found, self._backend, self._now, owner=OWNER, author=author_of(found)
                    )
                case ApiKey():
                    plan = await self._key(found, accounts)
                case CreditGrant():
                    plan = await converge_grant(
                        found,
                        accounts,
                        self._backend,
                        self._now,
                        owner=OWNER,
                        author=author_of(found),
                    )
        except BackendError as error:
            verdict = failure(error)
            return verdict, self._now() + RETRY if verdict.state == "reconciling" else None
        return plan.verdict, plan.look_again_at

    def _log(self, name: str, verdict: Verdict, identity: str) -> None:
        """Log the state of an object when it changes; names can be those of several objects."""
        if self._logged.get(identity) == verdict:
            return
        self._logged[identity] = verdict
        level = logging.WARNING if verdict.state == "stalled" else logging.INFO
        fields = {"object": name, "reason": verdict.reason, "cause": verdict.message}
        log.log(level, _APPLIED if verdict.state == "ready" else _NOT_APPLIED, extra=fields)

    async def _key(self, key: ApiKey, accounts: Mapping[str, Account]) -> Plan[ApiKeyStatus]:
        owner = key_owner(OWNER, key.metadata.namespace, key.metadata.name, "")
        file = key_file(self._data_dir, key, owner)

        async def plan() -> Plan[ApiKeyStatus]:
            observed = ObservedKey(
                account=await find_account(key.spec, accounts, self._backend, owner=OWNER),
                secret=await _in_thread(file.read),
                keys=tuple(await self._backend.keys(owner)),
            )
            return plan_key(key, observed, self._now(), owner=OWNER, fresh=new_secret())

        async def write(secret: str) -> None:
            await _in_thread(partial(file.write, secret))

        author = author_of(key)
        return await converge(plan, self._backend, author=author, write_secret=write)


async def _in_thread(work: Callable[[], T]) -> T:
    """Work on a file beside the event loop.

    Raises:
        BackendUnavailableError: The file cannot be used.
    """
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise BackendUnavailableError(f"{error.filename}: {error.strerror}") from error


def author_of(found: AccountsResource) -> Author:
    """Return the manifest of an object as the author of changes, for the audit log."""
    metadata = found.metadata
    return Author(kind="folder", name=f"{found.kind} {metadata.namespace}/{metadata.name}")
