"""`/admin/v1`: accounts, keys, grants and usage, for operators of the gateway.

The path exists only if an admin token is set, and only on the admin port. Amounts are
micro-credits.
"""

import asyncio
import datetime
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NoReturn, TypeVar

import pydantic
from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tintype_gateway.api.credits import usage_of_model
from tintype_gateway.errors import (
    AuthenticationError,
    ConflictError,
    FieldProblem,
    GatewayError,
    NotFoundError,
    RateLimitError,
    ValidationError,
    ledger_unavailable,
)
from tintype_gateway.http.middleware import enveloped, observed
from tintype_gateway.http.requests import idempotency_key
from tintype_gateway.ledger import errors as ledger_errors
from tintype_gateway.ledger.interface import Account, ApiKey, Idempotency, Ledger, Policy, Profile
from tintype_gateway.observability.metrics import ADMIN_TOKENS_REFUSED

WRONG_TOKEN_SECONDS = 1.0
"""The delay of each refusal of a wrong token. Refusals happen one after another."""

MAX_WRONG_TOKENS = 30
"""The most requests with a wrong token that wait; others get status 429 at once."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Body = TypeVar("Body", bound=_Body)
Rate = Annotated[int, Field(ge=1, le=1_000_000)]


class PolicyBody(_Body):
    """What an account may do. A missing field means no limit, or the default."""

    models: list[str] | None = None
    requests_per_minute: Rate | None = None
    images_per_minute: Rate | None = None
    response_profile: Profile | None = None
    calls_per_minute: Rate | None = None

    def policy(self) -> Policy:
        """Return the policy as a value of the ledger."""
        models = None if self.models is None else frozenset(self.models)
        return Policy(
            models,
            self.requests_per_minute,
            self.images_per_minute,
            self.response_profile,
            self.calls_per_minute,
        )


class AccountBody(_Body):
    """A new account."""

    name: str
    micro_credits: Annotated[int, Field(ge=0, le=10**15)] = 0
    unlimited: bool = False
    policy: PolicyBody = PolicyBody()


class GrantBody(_Body):
    """Credits for an account; a negative amount is a correction."""

    account: str
    micro_credits: Annotated[int, Field(ge=-(10**15), le=10**15)]
    reason: Annotated[str, Field(min_length=1, max_length=256)]


class KeyBody(_Body):
    """A new key."""

    account: str
    expires_at: AwareDatetime | None = None


class RotationBody(_Body):
    """The rotation of a key."""

    keep_old_for_seconds: Annotated[float, Field(ge=0, le=10**8)] = 0
    expires_at: AwareDatetime | None = None


class AdminApi:
    """The routes of the admin API for one ledger, protected by one token."""

    def __init__(
        self, ledger: Ledger, token: str, wrong_token_seconds: float = WRONG_TOKEN_SECONDS
    ) -> None:
        self._ledger = ledger
        self._token = token.encode()
        self._wrong_token_seconds = wrong_token_seconds
        self._wrong_tokens = 0
        self._turn = asyncio.Lock()

    def application(self) -> web.Application:
        """Return the application to mount at `/admin/v1`."""
        app = web.Application(middlewares=[observed, enveloped, self._authorized, _translated])
        app.add_routes(
            [
                web.get("/accounts", self._list_accounts),
                web.post("/accounts", self._create_account),
                web.get("/accounts/{name:.+}", self._get_account),
                web.patch("/accounts/{name:.+}", self._set_policy),
                web.post("/grants", self._grant),
                web.get("/keys", self._list_keys),
                web.post("/keys", self._create_key),
                web.delete("/keys/{id}", self._revoke_key),
                web.post("/keys/{id}/rotate", self._rotate_key),
                web.get("/usage", self._usage),
            ]
        )
        return app

    @web.middleware
    async def _authorized(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        header = request.headers.get("Authorization", "")
        given = header.removeprefix("Bearer ").encode(
            errors="surrogateescape"
        )  # percent-encoded, as the client sent it
        if not hmac.compare_digest(given, self._token):
            await self._refuse()
        return await handler(request)

    async def _refuse(self) -> NoReturn:
        """Refuse wrong tokens slowly and one after another, so that guessing is not practical.

        Requests with the right token never wait.
        """
        ADMIN_TOKENS_REFUSED.inc()
        if self._wrong_tokens >= MAX_WRONG_TOKENS:
            raise RateLimitError(
                "too many wrong admin tokens", retry=False, retry_after_seconds=MAX_WRONG_TOKENS
            )
        self._wrong_tokens += 1
        try:
            async with self._turn:
                await asyncio.sleep(self._wrong_token_seconds)
        finally:
            self._wrong_tokens -= 1
        raise AuthenticationError("the header must be `Authorization: Bearer <admin token>`")

    async def _list_accounts(self, request: web.Request) -> web.Response:
        accounts = await self._ledger.accounts()
        return web.json_response({"object": "list", "data": [_account(each) for each in accounts]})

    async def _create_account(self, request: web.Request) -> web.Response:
        body = await _read(request, AccountBody)
        account = await self._ledger.create_account(
            body.name,
            credits_micro=body.micro_credits,
            unlimited=body.unlimited,
            policy=body.policy.policy(),
        )
        return web.json_response(_account(account), status=201)

    async def _get_account(self, request: web.Request) -> web.Response:
        return web.json_response(_account(await self._ledger.account(request.match_info["name"])))

    async def _set_policy(self, request: web.Request) -> web.Response:
        body = await _read(request, PolicyBody)
        account = await self._ledger.set_policy(request.match_info["name"], body.policy())
        return web.json_response(_account(account))

    async def _grant(self, request: web.Request) -> web.Response:
        body = await _read(request, GrantBody)
        post = self._ledger.adjust if body.micro_credits < 0 else self._ledger.grant
        key = idempotency_key(request)
        account = await post(
            body.account,
            body.micro_credits,
            reason=body.reason,
            idempotency=None if key is None else Idempotency(key, await _digest(request)),
        )
        return web.json_response(_account(account), status=201)

    async def _list_keys(self, request: web.Request) -> web.Response:
        keys = await self._ledger.list_keys(_query(request, "account"))
        return web.json_response({"object": "list", "data": [_key(each) for each in keys]})

    async def _create_key(self, request: web.Request) -> web.Response:
        body = await _read(request, KeyBody)
        key, secret = await self._ledger.create_key(body.account, expires_at=body.expires_at)
        return web.json_response(_key(key) | {"key": secret}, status=201)

    async def _revoke_key(self, request: web.Request) -> web.Response:
        await self._ledger.revoke_key(request.match_info["id"])
        return web.Response(status=204)

    async def _rotate_key(self, request: web.Request) -> web.Response:
        body = await _read(request, RotationBody)
        key, secret = await self._ledger.rotate_key(
            request.match_info["id"],
            keep_old_for_seconds=body.keep_old_for_seconds,
            expires_at=body.expires_at,
        )
        return web.json_response(_key(key) | {"key": secret}, status=201)

    async def _usage(self, request: web.Request) -> web.Response:
        since = _day(_query(request, "since"))
        used = await self._ledger.usage(since, account=request.query.get("account"))
        data = [{"account": each.account, **usage_of_model(each)} for each in used]
        return web.json_response({"object": "list", "since": since.isoformat(), "data": data})


@web.middleware
async def _translated(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn the errors of the ledger into errors of the API."""
    try:
        return await handler(request)
    except ledger_errors.LedgerError as error:
        raise _refusal(error) from error
    except ValueError as error:
        raise ValidationError([FieldProblem("body", str(error), "invalid_value")]) from error


def _refusal(error: ledger_errors.LedgerError) -> GatewayError:
    match error:
        case ledger_errors.AccountNotFoundError():
            return NotFoundError(str(error), code="account_not_found")
        case ledger_errors.AccountExistsError():
            return ConflictError(str(error), code="account_exists")
        case ledger_errors.IdempotencyMismatchError():
            return ConflictError(str(error), code="idempotency_mismatch")
        case ledger_errors.KeyNotFoundError():
            return NotFoundError(str(error), code="key_not_found")
        case ledger_errors.InvalidKeyError():
            return ConflictError(str(error), code="key_ended")
    return ledger_unavailable()


async def _digest(request: web.Request) -> str:
    return hashlib.sha256(await request.read()).hexdigest()


async def _read(request: web.Request, kind: type[Body]) -> Body:
    try:
        return kind.model_validate_json(await request.read() or b"{}")
    except pydantic.ValidationError as error:
        raise ValidationError(
            [
                FieldProblem(
                    ".".join(map(str, detail["loc"])) or "body", detail["msg"], "invalid_value"
                )
                for detail in error.errors(include_url=False)
            ]
        ) from error


def _query(request: web.Request, name: str) -> str:
    if name not in request.query:
        raise ValidationError([FieldProblem(name, "is missing", "missing_required_parameter")])
    return request.query[name]


def _day(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        message = "must be a day such as 2026-11-01"
        raise ValidationError([FieldProblem("since", message, "invalid_value")]) from error


def _account(account: Account) -> dict[str, Any]:
    policy = account.policy
    return {
        "object": "account",
        "name": account.name,
        "unlimited": account.unlimited,
        "balance": account.balance,
        "held": account.held,
        "policy": {
            "models": None if policy.models is None else sorted(policy.models),
            "requests_per_minute": policy.requests_per_minute,
            "images_per_minute": policy.images_per_minute,
            "response_profile": policy.response_profile,
            "calls_per_minute": policy.calls_per_minute,
        },
    }


def _key(key: ApiKey) -> dict[str, Any]:
    return {
        "object": "key",
        "id": key.id,
        "account": key.account,
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at and key.expires_at.isoformat(),
        "revoked_at": key.revoked_at and key.revoked_at.isoformat(),
    }
