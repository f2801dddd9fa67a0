"""Authentication of the admin API, and the role that each of its routes needs."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Middleware

from tintype_gateway.auth.admin.access import AdminAccess
from tintype_gateway.auth.admin.roles import AdminCaller, Role, allows, roles_that_allow
from tintype_gateway.errors import ForbiddenError
from tintype_gateway.http.app_keys import ADMIN, REQUEST_LOG

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class AdminRoute:
    """A row of a table of routes."""

    method: str
    path: str
    role: Role
    """The least role that may call it."""

    handler: Handler


def authenticated(access: AdminAccess) -> Middleware:
    """Return the middleware that sets `request[ADMIN]`, and names the caller in the access log."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        caller = await access.authenticate(request.headers.get("Authorization", ""))
        request[ADMIN] = caller
        request[REQUEST_LOG].admin, request[REQUEST_LOG].admin_role = caller.name, caller.role
        return await handler(request)

    return middleware


def admin_routes(table: Iterable[AdminRoute]) -> list[web.RouteDef]:
    """Return the routes of a table. Each checks the caller's role before its handler runs."""
    return [_route(row, _for_role(row.role, row.handler)) for row in table]


def _route(row: AdminRoute, handler: Handler) -> web.RouteDef:
    if row.method == "GET":
        return web.get(row.path, handler)  # and HEAD
    return web.route(row.method, row.path, handler)


def _for_role(needed: Role, handler: Handler) -> Handler:
    async def checked(request: web.Request) -> web.StreamResponse:
        _require(request[ADMIN], needed)
        return await handler(request)

    return checked


def _require(caller: AdminCaller, needed: Role) -> None:
    if not allows(caller.role, needed):
        roles = " or ".join(f"`{role}`" for role in roles_that_allow(needed))
        raise ForbiddenError(
            f"this needs the role {roles}, and {caller.name!r} has the role `{caller.role}`",
            code="role_required",
        )
