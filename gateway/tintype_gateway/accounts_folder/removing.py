"""Ends what a folder no longer says: keys without an ApiKey, and accounts without an Account.

Files can be missing for a moment while a folder is replaced. So only what was missing for
`GRACE_SECONDS` is ended.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from pathlib import Path

from tintype_accounts.backend import AccountsBackend, BackendUnavailableError
from tintype_accounts.documents import AccountState, Author
from tintype_accounts.resources import owners_of
from tintype_gateway.accounts_folder.key_files import remove_others
from tintype_gateway.accounts_folder.manifests import OWNER, AccountsManifests

log = logging.getLogger(__name__)

GRACE_SECONDS = 5.0
"""How long a manifest must be missing."""


class Removals:
    """Remembers since when the manifest of a key or account is missing."""

    def __init__(self, backend: AccountsBackend, data_dir: Path) -> None:
        """Change nothing yet."""
        self._backend = backend
        self._data_dir = data_dir
        self._missing: dict[str, datetime] = {}

    async def end_missing(self, manifests: AccountsManifests, now: datetime) -> datetime | None:
        """End what was missing long enough, and return when to look again at the rest.

        Raises:
            BackendUnavailableError: The ledger or a file could not be used. Try again.
        """
        ours = owners_of(OWNER)
        keys = {
            f"key {each.id}": each
            for each in await self._backend.keys(ours, active=True)
            if each.owner not in manifests.key_owners
        }
        accounts = {
            f"account {each.name}": each
            for each in await self._backend.accounts(ours)
            if not manifests.describes(each)
        }
        self._missing = {name: self._missing.get(name, now) for name in (*keys, *accounts)}
        end = now - timedelta(seconds=GRACE_SECONDS)
        due = {name for name, since in self._missing.items() if since <= end}
        for name in due & keys.keys():
            await self._backend.revoke_key(keys[name].id, author=_removed(keys[name].owner))
            log.info("key revoked: its manifest is gone", extra={"key_id": keys[name].id})
        for name in due & accounts.keys():
            await self._release(accounts[name])
        if keys.keys() <= due:
            await self._remove_files(manifests)
        waiting = [since for name, since in self._missing.items() if name not in due]
        return min(waiting) + timedelta(seconds=GRACE_SECONDS) if waiting else None

    async def _release(self, account: AccountState) -> None:
        owner = account.owner or ""
        await self._backend.release_account(account.name, owner=owner, author=_removed(owner))
        fields = {"account": account.name, "policy": account.deletion_policy}
        log.info("account given up: its manifest is gone", extra=fields)

    async def _remove_files(self, manifests: AccountsManifests) -> None:
        """Delete the files of keys that were revoked, or expired before."""
        try:
            await asyncio.to_thread(remove_others, self._data_dir, manifests.key_owners)
        except OSError as error:
            cause = f"{error.filename}: {error.strerror}"
            raise BackendUnavailableError(cause) from error


def _removed(owner: str | None) -> Author:
    return Author(kind="folder", name=owner or OWNER, details={"deleted": "true"})
