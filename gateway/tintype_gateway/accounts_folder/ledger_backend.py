"""The operations of plans by the ledger of this process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from typing_extensions import override

from tintype_accounts.backend import (
    AccountMissingError,
    AccountOwnedError,
    AccountsBackend,
    BackendUnavailableError,
    GrantConflictError,
    KeyConflictError,
    RefusedError,
)
from tintype_accounts.documents import (
    AccountSettings,
    AccountState,
    Author,
    GrantSettings,
    GrantState,
    KeySettings,
    KeyState,
)
from tintype_gateway.ledger import changes, errors
from tintype_gateway.ledger.documents import account_spec, account_state, grant_state, key_state
from tintype_gateway.ledger.interface import Ledger


class LedgerBackend(AccountsBackend):
    """Carries out plans in the ledger, with its errors as those of `AccountsBackend`."""

    def __init__(self, ledger: Ledger) -> None:
        """Do nothing yet."""
        self._ledger = ledger

    @override
    async def account(self, name: str) -> AccountState | None:
        with _translated():
            try:
                return account_state(await self._ledger.account(name))
            except errors.AccountNotFoundError:
                return None

    @override
    async def accounts(self, owner: str = "") -> Sequence[AccountState]:
        with _translated():
            return [
                account_state(each) for each in await self._ledger.accounts(owner=owner or None)
            ]

    @override
    async def put_account(
        self, name: str, settings: AccountSettings, *, owner: str, author: Author
    ) -> AccountState:
        with _translated():
            put = self._ledger.put_account(
                name, account_spec(settings), owner=owner, author=_by(author)
            )
            return account_state((await put)[0])

    @override
    async def release_account(self, name: str, *, owner: str, author: Author) -> None:
        with _translated():
            await self._ledger.release_account(name, owner, author=_by(author))

    @override
    async def keys(self, owner: str, *, active: bool = False) -> Sequence[KeyState]:
        with _translated():
            found = await self._ledger.list_keys(owner=owner, active=active)
            return [key_state(each) for each in found]

    @override
    async def put_key(self, key_id: str, settings: KeySettings, *, author: Author) -> KeyState:
        with _translated():
            key, _ = await self._ledger.put_key(
                key_id,
                settings.account,
                bytes.fromhex(settings.sha256),
                settings.expires_at,
                owner=settings.owner,
                name=settings.name,
                author=_by(author),
            )
            return key_state(key)

    @override
    async def set_key_expiry(
        self, key_id: str, expires_at: datetime | None, *, author: Author
    ) -> None:
        with _translated():
            await self._ledger.set_key_expiry(key_id, expires_at, author=_by(author))

    @override
    async def revoke_key(self, key_id: str, *, author: Author) -> None:
        with _translated():
            await self._ledger.revoke_key(key_id, author=_by(author))

    @override
    async def grant(self, reference: str) -> GrantState | None:
        with _translated():
            try:
                return grant_state(await self._ledger.granted(reference))
            except errors.GrantNotFoundError:
                return None

    @override
    async def put_grant(
        self, reference: str, settings: GrantSettings, *, author: Author
    ) -> GrantState:
        with _translated():
            grant, _ = await self._ledger.put_grant(
                reference,
                settings.account,
                settings.micro_credits,
                settings.reason,
                author=_by(author),
            )
            return grant_state(grant)


@contextmanager
def _translated() -> Iterator[None]:
    """Raise the errors of the ledger as those of `AccountsBackend`."""
    try:
        yield
    except errors.AccountNotFoundError as error:
        raise AccountMissingError(str(error)) from error
    except errors.AccountOwnedError as error:
        raise AccountOwnedError(str(error)) from error
    except errors.KeyConflictError as error:
        raise KeyConflictError(str(error)) from error
    except errors.GrantConflictError as error:
        raise GrantConflictError(str(error)) from error
    except errors.LedgerUnavailableError as error:
        raise BackendUnavailableError(str(error)) from error
    except (errors.LedgerError, ValueError) as error:
        raise RefusedError(str(error)) from error


def _by(author: Author) -> changes.Author:
    return changes.Author(author.kind, author.name, author.details)
