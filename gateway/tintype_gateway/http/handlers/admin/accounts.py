"""The routes of accounts."""

from typing import Any

from aiohttp import web

from tintype_accounts.documents import (
    BudgetSettings,
    Document,
    Micro,
    OwnedSettings,
    Owner,
    PolicySettings,
)
from tintype_gateway.http.handlers.admin.author import author_of
from tintype_gateway.http.handlers.admin.bodies import check_time_zone, read
from tintype_gateway.ledger import documents
from tintype_gateway.ledger.interface import Account
from tintype_gateway.ledger.operations.accounts import AccountOperations


class NewAccount(Document):
    """The body of `POST /accounts`."""

    name: str
    micro_credits: Micro = 0
    unlimited: bool = False
    policy: PolicySettings = PolicySettings()


class PolicyChange(PolicySettings):
    """The body of `PATCH`: a policy, and budgets, which stay as they are if both are missing."""

    time_zone: str | None = None
    budgets: tuple[BudgetSettings, ...] | None = None


class Release(Document):
    """The owner that gives an account up."""

    owner: Owner


class Accounts:
    """Handlers of the paths below `/accounts`."""

    def __init__(self, ledger: AccountOperations) -> None:
        self._ledger = ledger

    async def list(self, request: web.Request) -> web.Response:
        """Return all accounts, or those whose owner begins with `owner`."""
        accounts = await self._ledger.accounts(owner=request.query.get("owner"))
        return web.json_response({"object": "list", "data": [document(each) for each in accounts]})

    async def create(self, request: web.Request) -> web.Response:
        """Open an account."""
        body = await read(request, NewAccount)
        account = await self._ledger.create_account(
            body.name,
            credits_micro=body.micro_credits,
            unlimited=body.unlimited,
            policy=documents.policy(body.policy),
            author=author_of(request),
        )
        return web.json_response(document(account), status=201)

    async def get(self, request: web.Request) -> web.Response:
        """Return one account."""
        return web.json_response(document(await self._ledger.account(request.match_info["name"])))

    async def put(self, request: web.Request) -> web.Response:
        """Create an account, or replace all of it that is decided."""
        body = await read(request, OwnedSettings)
        check_time_zone(body.time_zone)
        account, is_new = await self._ledger.put_account(
            request.match_info["name"],
            documents.account_spec(body),
            owner=body.owner,
            author=author_of(request),
        )
        return web.json_response(document(account), status=201 if is_new else 200)

    async def release(self, request: web.Request) -> web.Response:
        """Let the owner give an account up."""
        body = await read(request, Release)
        name = request.match_info["name"]
        await self._ledger.release_account(name, body.owner, author=author_of(request))
        return web.json_response(document(await self._ledger.account(name)))

    async def set_policy(self, request: web.Request) -> web.Response:
        """Replace the policy of an account, and its budgets or their time zone if it names any."""
        body = await read(request, PolicyChange)
        name, author = request.match_info["name"], author_of(request)
        policy, account = documents.policy(body), await self._ledger.account(name)
        if body.time_zone is not None or body.budgets is not None:
            zone = account.time_zone if body.time_zone is None else body.time_zone
            check_time_zone(zone)
            budgets = account.budgets
            if body.budgets is not None:
                budgets = tuple(map(documents.budget, body.budgets))
            await self._ledger.set_budgets(name, zone, budgets, author=author)
        await self._ledger.set_policy(name, policy, author=author)
        return web.json_response(document(await self._ledger.account(name)))


def document(account: Account) -> dict[str, Any]:
    """Return an account as JSON."""
    state = documents.account_state(account).model_dump(mode="json")
    return {"object": "account", "name": account.name, **state}
