"""The routes of grants."""

import hashlib
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from tintype_accounts.documents import Document, GrantSettings, Reason
from tintype_gateway.http.handlers.admin import accounts
from tintype_gateway.http.handlers.admin.author import author_of
from tintype_gateway.http.handlers.admin.bodies import read
from tintype_gateway.http.requests import idempotency_key
from tintype_gateway.ledger.documents import grant_state
from tintype_gateway.ledger.interface import Grant, Idempotency, Ledger


class Funding(Document):
    """The body of `POST /grants`: credits for an account; a negative amount is a correction."""

    account: str
    micro_credits: Annotated[int, Field(ge=-(10**15), le=10**15)]
    reason: Reason


class Grants:
    """Handlers of the paths below `/grants`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def post(self, request: web.Request) -> web.Response:
        """Add credits to an account, or correct its balance."""
        body = await read(request, Funding)
        post = self._ledger.adjust if body.micro_credits < 0 else self._ledger.grant
        key = idempotency_key(request)
        await post(
            body.account,
            body.micro_credits,
            reason=body.reason,
            idempotency=None if key is None else Idempotency(key, await _digest(request)),
            author=author_of(request),
        )
        account = await self._ledger.account(body.account)
        return web.json_response(accounts.document(account), status=201)

    async def put(self, request: web.Request) -> web.Response:
        """Add credits to an account once for good, by a reference."""
        body = await read(request, GrantSettings)
        grant, is_new = await self._ledger.put_grant(
            request.match_info["reference"],
            body.account,
            body.micro_credits,
            body.reason,
            author=author_of(request),
        )
        return web.json_response(document(grant), status=201 if is_new else 200)

    async def get(self, request: web.Request) -> web.Response:
        """Return the grant of a reference."""
        grant = await self._ledger.granted(request.match_info["reference"])
        return web.json_response(document(grant))


async def _digest(request: web.Request) -> str:
    return hashlib.sha256(await request.read()).hexdigest()


def document(grant: Grant) -> dict[str, Any]:
    """Return a grant as JSON."""
    return {"object": "grant", **grant_state(grant).model_dump(mode="json")}
