"""The routes of the audit log."""

from typing import Annotated, Any, Literal, Self

from aiohttp import web
from pydantic import Field, JsonValue, model_validator

from tintype_accounts.documents import MAXIMUM_REPORT, Author, Document
from tintype_gateway.http.handlers.admin.author import author_for
from tintype_gateway.http.handlers.admin.bodies import Moment, choice, moment, number, read
from tintype_gateway.ledger.changes import KINDS, MAXIMUM_PAGE, Difference, change_document
from tintype_gateway.ledger.interface import ChangeFilter, ReportedChange
from tintype_gateway.ledger.operations.changes import ChangeOperations

DEFAULT_PAGE = 100

MAXIMUM_SEQUENCE = 2**63 - 1


class Reported(Document):
    """A change of a model or a binding that an operator has seen."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]
    """The same in each report of it."""

    at: Moment
    action: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    kind: Literal["model", "binding"]
    name: Annotated[str, Field(min_length=1, max_length=512)]
    before: dict[str, JsonValue] | None = None
    after: dict[str, JsonValue] | None = None
    author: Author

    @model_validator(mode="after")
    def _has_a_state(self) -> Self:
        if self.before is None and self.after is None:
            raise ValueError("a change has a state before, after, or both")
        return self


class Report(Document):
    """Changes to record."""

    changes: Annotated[list[Reported], Field(max_length=MAXIMUM_REPORT)]


class AuditLog:
    """Handlers of the path `/audit`."""

    def __init__(self, ledger: ChangeOperations) -> None:
        self._ledger = ledger

    async def get(self, request: web.Request) -> web.Response:
        """Return a page of changes, from the newest on unless `order` is `asc`."""
        limit = number(request, "limit", 1, MAXIMUM_PAGE) or DEFAULT_PAGE
        matching = ChangeFilter(
            kind=choice(request, "kind", KINDS),
            name=request.query.get("name"),
            account=request.query.get("account"),
            author=request.query.get("author"),
            since=moment(request, "since"),
            until=moment(request, "until"),
        )
        changes = await self._ledger.changes(
            matching,
            after=number(request, "after", 0, MAXIMUM_SEQUENCE),
            limit=limit + 1,
            newest_first=choice(request, "order", ("asc", "desc")) != "asc",
        )
        data = [{"object": "change", **change_document(each)} for each in changes[:limit]]
        return web.json_response({"object": "list", "data": data, "has_more": len(changes) > limit})

    async def report(self, request: web.Request) -> web.Response:
        """Record changes of models and bindings, each once."""
        body = await read(request, Report)
        reported = [_reported(request, each) for each in body.changes]
        recorded = await self._ledger.record_changes(reported)
        return web.json_response({"recorded": recorded})


def _reported(request: web.Request, body: Reported) -> ReportedChange:
    difference: dict[str, Any] = body.model_dump(include={"action", "kind", "name"})
    return ReportedChange(
        id=body.id,
        at=body.at,
        author=author_for(request, body.author),
        difference=Difference(before=body.before, after=body.after, **difference),
    )
