"""`GET /admin/v1/usage`: charges summed up, streamed, as JSON or CSV."""

import datetime
import logging
from collections.abc import Sequence

from aiohttp import web

from tintype_gateway.api.usage import REPORTS, CsvReport, JsonReport, UsageReport
from tintype_gateway.errors import FieldProblem, ValidationError
from tintype_gateway.http.app_keys import REQUEST_ID
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.operations.credits import CreditOperations
from tintype_gateway.ledger.usage import ReportEndedError, UsageQuery, UsageSum, dimensions_of

log = logging.getLogger(__name__)

KNOWN = frozenset({"since", "until", "by", "account", "format"})


class UsageApi:
    """The route, for one ledger."""

    def __init__(self, ledger: CreditOperations) -> None:
        self._ledger = ledger

    async def usage(self, request: web.Request) -> web.StreamResponse:
        """Send the rows as the ledger reads them, and read them as fast as the client takes them.

        Raises:
            ValidationError: A parameter is missing, unknown or invalid.
            LedgerUnavailableError: The ledger is unavailable, and nothing was sent yet.
        """
        query, report = _query_of(request), _report_of(request)
        response = _Streaming(request, report(query), query)
        if request.method == "HEAD":
            return await response.finish()
        try:
            await self._ledger.report_usage(query, response.take)
        except ReportEndedError as error:
            raise error.__cause__ or error from None  # mostly the client that has left
        except LedgerError as error:
            if not response.is_begun:
                raise
            extra = {"request_id": request[REQUEST_ID], "error": str(error)}
            log.warning("usage not read to its end", extra=extra)
            if request.transport is not None:  # the client must not take a part for the whole
                request.transport.abort()
            raise ConnectionAbortedError from error
        return await response.finish()


class _Streaming:
    """The response, which begins with the first rows."""

    def __init__(self, request: web.Request, report: UsageReport, query: UsageQuery) -> None:
        self._request = request
        self._report = report
        name = f"usage-{query.since.isoformat()}.{report.extension}"
        self._response = web.StreamResponse(headers={"Vary": "Accept, Authorization"})
        self._response.content_type, self._response.charset = report.content_type, "utf-8"
        if isinstance(report, CsvReport):
            self._response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        self.is_begun = False

    async def take(self, sums: Sequence[UsageSum]) -> None:
        """Send some rows, and wait until the client takes them."""
        await self._begin()
        await self._write(self._report.rows(sums))

    async def finish(self) -> web.StreamResponse:
        """Send the end, and return the response."""
        await self._begin()
        await self._write(self._report.tail())
        if self._request.method != "HEAD":
            await self._response.write_eof()
        return self._response

    async def _begin(self) -> None:
        if not self.is_begun:
            self.is_begun = True
            await self._response.prepare(self._request)
            await self._write(self._report.head())

    async def _write(self, text: str) -> None:
        if text and self._request.method != "HEAD":
            await self._response.write(text.encode())


def _query_of(request: web.Request) -> UsageQuery:
    given = request.query
    for name in given.keys() - KNOWN:
        raise _invalid(name, f"is none of {', '.join(sorted(KNOWN))}", "unknown_parameter")
    if "since" not in given:
        raise _invalid("since", "is missing", "missing_required_parameter")
    since = _day("since", given["since"])
    until = _day("until", given["until"]) if "until" in given else None
    try:
        by = dimensions_of(given["by"]) if "by" in given else UsageQuery.by
    except ValueError as error:
        raise _invalid("by", str(error)) from error
    try:
        return UsageQuery(since, until, by, given.get("account"))
    except ValueError as error:
        raise _invalid("until", str(error)) from error


def _day(name: str, text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise _invalid(name, "must be a day such as 2026-11-01") from error


def _report_of(request: web.Request) -> type[UsageReport]:
    """Return what `format` names, or the first one of the types in `Accept` that is known."""
    if (name := request.query.get("format")) is not None:
        if name not in REPORTS:
            raise _invalid("format", f"must be one of {', '.join(REPORTS)}")
        return REPORTS[name]
    for accepted in request.headers.get("Accept", "").split(","):
        for report in REPORTS.values():
            if accepted.partition(";")[0].strip().lower() == report.content_type:
                return report
    return JsonReport


def _invalid(name: str, message: str, code: str = "invalid_value") -> ValidationError:
    return ValidationError([FieldProblem(name, message, code)])
