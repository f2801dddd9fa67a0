"""The operations of accounts, keys and grants by the admin API of the gateways."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import quote

import pydantic
from pydantic import AwareDatetime
from typing_extensions import override

from tintype_accounts.backend import (
    AccountMissingError,
    AccountOwnedError,
    AccountsBackend,
    BackendError,
    BackendUnavailableError,
    GrantConflictError,
    KeyConflictError,
    RefusedError,
)
from tintype_accounts.documents import (
    AccountSettings,
    AccountState,
    Author,
    Document,
    GrantSettings,
    GrantState,
    KeySettings,
    KeyState,
    OwnedSettings,
)
from tintype_operator.accounts.admin_http import AdminHttp, JsonObject, ResponseError

PAGE: Final = 500
"""Keys and accounts in one page of a list."""

_BY_CODE: Mapping[str, type[BackendError]] = {
    "account_not_found": AccountMissingError,
    "account_owned": AccountOwnedError,
    "key_conflict": KeyConflictError,
    "grant_conflict": GrantConflictError,
}

_D = TypeVar("_D", bound=Document)

_ENDED_KEY: Final = ("key_not_found", "key_ended")


class AdminClient(AccountsBackend):
    """Carries out plans, and reports changes to the audit log."""

    def __init__(self, http: AdminHttp) -> None:
        """Use this connection for all calls."""
        self.http = http

    @override
    async def account(self, name: str) -> AccountState | None:
        found = await self._get(f"/accounts/{_quoted(name)}", "account_not_found")
        return None if found is None else _read(AccountState, found)

    @override
    async def accounts(self, owner: str = "") -> Sequence[AccountState]:
        return [_read(AccountState, each) for each in await self._all("/accounts", owner, "name")]

    @override
    async def put_account(
        self, name: str, settings: AccountSettings, *, owner: str, author: Author
    ) -> AccountState:
        # A missing field means the default, also to a gateway that does not know it yet.
        owned = OwnedSettings(**dict(settings), owner=owner)
        body = owned.model_dump(mode="json", exclude_defaults=True)
        return _read(AccountState, await self._put(f"/accounts/{_quoted(name)}", body, author))

    @override
    async def release_account(self, name: str, *, owner: str, author: Author) -> None:
        path = f"/accounts/{_quoted(name)}/release"
        try:
            await self.http.call("POST", path, body={"owner": owner}, author=_header(author))
        except ResponseError as error:
            if error.code not in ("account_not_found", "account_owned"):
                _raise(error)

    @override
    async def keys(self, owner: str, *, active: bool = False) -> Sequence[KeyState]:
        found = await self._all("/keys", owner, "id", active=active)
        return [_read(KeyState, each) for each in found]

    @override
    async def put_key(self, key_id: str, settings: KeySettings, *, author: Author) -> KeyState:
        body = settings.model_dump(mode="json")
        return _read(KeyState, await self._put(f"/keys/{_quoted(key_id)}", body, author))

    @override
    async def set_key_expiry(
        self, key_id: str, expires_at: AwareDatetime | None, *, author: Author
    ) -> None:
        body = {"expires_at": None if expires_at is None else expires_at.isoformat()}
        path = f"/keys/{_quoted(key_id)}"
        try:
            await self.http.call("PATCH", path, body=body, author=_header(author))
        except ResponseError as error:
            _raise(error)

    @override
    async def revoke_key(self, key_id: str, *, author: Author) -> None:
        try:
            path = f"/keys/{_quoted(key_id)}"
            await self.http.call("DELETE", path, author=_header(author))
        except ResponseError as error:
            if error.code not in _ENDED_KEY:
                _raise(error)

    @override
    async def grant(self, reference: str) -> GrantState | None:
        found = await self._get(f"/grants/{_quoted(reference)}", "grant_not_found")
        return None if found is None else _read(GrantState, found)

    @override
    async def put_grant(
        self, reference: str, settings: GrantSettings, *, author: Author
    ) -> GrantState:
        body = settings.model_dump(mode="json")
        return _read(GrantState, await self._put(f"/grants/{_quoted(reference)}", body, author))

    async def check(self) -> None:
        """Return if a gateway responds and can use the ledger.

        Raises:
            BackendError: None does.
        """
        await self.http.call("GET", "/audit", query={"limit": "1"})

    async def record_changes(self, changes: Sequence[JsonObject]) -> None:
        """Add changes to the audit log; those whose id it knows are left out.

        Raises:
            BackendError: The changes were not recorded, or it is not known.
        """
        try:
            await self.http.call("POST", "/audit", body={"changes": list(changes)})
        except ResponseError as error:
            _raise(error)

    async def _get(self, path: str, absent: str) -> JsonObject | None:
        try:
            return await self.http.call("GET", path)
        except ResponseError as error:
            if error.code == absent:
                return None
            _raise(error)

    async def _put(self, path: str, body: JsonObject, author: Author) -> JsonObject:
        try:
            return await self.http.call("PUT", path, body=body, author=_header(author))
        except ResponseError as error:
            _raise(error)

    async def _all(
        self, path: str, owner: str, key: str, *, active: bool = False
    ) -> list[JsonObject]:
        """Return all items of a list whose owner begins with a text, page by page."""
        items: list[JsonObject] = []
        query = {"owner": owner, "limit": str(PAGE)} | ({"active": "true"} if active else {})
        while True:
            try:
                page = await self.http.call("GET", path, query=query)
            except ResponseError as error:
                _raise(error)
            items += page.get("data", [])
            if not page.get("has_more") or not page.get("data"):
                return items
            query["after"] = str(page["data"][-1][key])


def _read(kind: type[_D], found: JsonObject) -> _D:
    try:
        return kind.model_validate_json(json.dumps(found), extra="ignore")
    except pydantic.ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) for each in error.errors()})
        message = f"the gateway's response has no usable {', '.join(fields)}: upgrade the gateways"
        raise BackendUnavailableError(message) from error


def _raise(error: ResponseError) -> NoReturn:
    kind = _BY_CODE.get(error.code, RefusedError)
    raise kind(str(error)) from error


def _header(author: Author) -> dict[str, Any]:
    return author.model_dump(mode="json")


def _quoted(name: str) -> str:
    return quote(name, safe="")
