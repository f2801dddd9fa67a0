"""Who makes a change by the admin API: the caller, or what a trusted caller acts for."""

from collections.abc import Mapping
from typing import Literal

from aiohttp import web

from tintype_accounts import documents
from tintype_accounts.documents import AUTHOR_HEADER
from tintype_gateway.errors import ForbiddenError
from tintype_gateway.http.app_keys import ADMIN, REQUEST_ID
from tintype_gateway.http.handlers.admin.bodies import parse
from tintype_gateway.ledger.changes import Author


def author_of(request: web.Request) -> Author:
    """Return the author of the changes that a request makes.

    Raises:
        ForbiddenError: It names another author, and its caller has not the role `admin`.
        ValidationError: The header is not valid.
    """
    caller = request[ADMIN]
    header = request.headers.get(AUTHOR_HEADER)
    if header is None:
        return _author(request, caller.kind, caller.name, {})
    if caller.role != "admin":
        raise ForbiddenError(
            f"{AUTHOR_HEADER} needs the role `admin`, and {caller.name!r} has the role"
            f" `{caller.role}`",
            code="role_required",
        )
    return author_for(request, parse(documents.Author, header, within=AUTHOR_HEADER))


def author_for(request: web.Request, body: documents.Author) -> Author:
    """Return the author that a caller names, with the caller among its details."""
    return _author(request, body.kind, body.name, {**body.details, "by": request[ADMIN].name})


def _author(
    request: web.Request,
    kind: Literal["token", "service_account", "resource", "folder"],
    name: str,
    details: Mapping[str, str],
) -> Author:
    return Author(kind, name, details, role=request[ADMIN].role, request_id=request[REQUEST_ID])
