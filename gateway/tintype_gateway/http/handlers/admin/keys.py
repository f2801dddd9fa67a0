"""The routes of API keys."""

from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from tintype_accounts.documents import Document, KeySettings
from tintype_gateway.http.handlers.admin.author import author_of
from tintype_gateway.http.handlers.admin.bodies import Moment, choice, number, read
from tintype_gateway.ledger.changes import MAXIMUM_PAGE
from tintype_gateway.ledger.documents import key_state
from tintype_gateway.ledger.interface import ApiKey
from tintype_gateway.ledger.operations.keys import KeyOperations


class NewKey(Document):
    """The body of `POST /keys`."""

    account: str
    expires_at: Moment | None = None


class RegisteredKey(KeySettings):
    """The body of `PUT /keys/{id}`."""

    expires_at: Moment | None = None


class Expiry(Document):
    """The end of a key; null: it does not end by itself."""

    expires_at: Moment | None


class Rotation(Document):
    """How a key is replaced."""

    keep_old_for_seconds: Annotated[float, Field(ge=0, le=10**8)] = 0
    expires_at: Moment | None = None


class Keys:
    """Handlers of the paths below `/keys`."""

    def __init__(self, ledger: KeyOperations) -> None:
        self._ledger = ledger

    async def list(self, request: web.Request) -> web.Response:
        """Return a page of keys: of an account, or whose owner begins with `owner`."""
        limit = number(request, "limit", 1, MAXIMUM_PAGE) or MAXIMUM_PAGE
        keys = await self._ledger.list_keys(
            request.query.get("account"),
            owner=request.query.get("owner"),
            active=choice(request, "active", ("true", "false")) == "true",
            after=request.query.get("after"),
            limit=limit + 1,
        )
        data = [document(each) for each in keys[:limit]]
        return web.json_response({"object": "list", "data": data, "has_more": len(keys) > limit})

    async def create(self, request: web.Request) -> web.Response:
        """Issue a key, and show its secret once."""
        body = await read(request, NewKey)
        key, secret = await self._ledger.create_key(
            body.account, expires_at=body.expires_at, author=author_of(request)
        )
        return web.json_response(document(key) | {"key": secret}, status=201)

    async def put(self, request: web.Request) -> web.Response:
        """Register a key by the SHA-256 of its secret."""
        body = await read(request, RegisteredKey)
        key, is_new = await self._ledger.put_key(
            request.match_info["id"],
            body.account,
            bytes.fromhex(body.sha256),
            body.expires_at,
            owner=body.owner,
            name=body.name,
            author=author_of(request),
        )
        return web.json_response(document(key), status=201 if is_new else 200)

    async def set_expiry(self, request: web.Request) -> web.Response:
        """Replace the end of a key."""
        body = await read(request, Expiry)
        key = await self._ledger.set_key_expiry(
            request.match_info["id"], body.expires_at, author=author_of(request)
        )
        return web.json_response(document(key))

    async def revoke(self, request: web.Request) -> web.Response:
        """Revoke a key now."""
        await self._ledger.revoke_key(request.match_info["id"], author=author_of(request))
        return web.Response(status=204)

    async def rotate(self, request: web.Request) -> web.Response:
        """Replace a key by a new one, and show its secret once."""
        body = await read(request, Rotation)
        key, secret = await self._ledger.rotate_key(
            request.match_info["id"],
            keep_old_for_seconds=body.keep_old_for_seconds,
            expires_at=body.expires_at,
            author=author_of(request),
        )
        return web.json_response(document(key) | {"key": secret}, status=201)


def document(key: ApiKey) -> dict[str, Any]:
    """Return a key as JSON, without its secret."""
    return {"object": "key", **key_state(key).model_dump(mode="json")}
