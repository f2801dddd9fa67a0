"""Reports of the usage as JSON and CSV, written row by row. Amounts are micro-credits."""

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from typing_extensions import override

from tintype_gateway.ledger.usage import UsageQuery, UsageSum

FIGURES = ("requests", "images", "credits_used")

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would take for a formula."""


class UsageReport(ABC):
    """The text of a report: `head`, then `rows` any number of times, then `tail`."""

    content_type: ClassVar[str]
    extension: ClassVar[str]

    def __init__(self, query: UsageQuery) -> None:
        self._query = query

    @abstractmethod
    def head(self) -> str:
        """Return what comes before the rows."""

    @abstractmethod
    def rows(self, sums: Iterable[UsageSum]) -> str:
        """Return some rows."""

    def tail(self) -> str:
        """Return what comes after the rows."""
        return ""


class JsonReport(UsageReport):
    """A list object with an object for each row, which has the dimensions by their names."""

    content_type = "application/json"
    extension = "json"

    def __init__(self, query: UsageQuery) -> None:
        super().__init__(query)
        self._separator = ""

    @override
    def head(self) -> str:
        until = None if self._query.until is None else self._query.until.isoformat()
        head = {
            "object": "list",
            "since": self._query.since.isoformat(),
            "until": until,
            "by": list(self._query.by),
        }
        return json.dumps(head)[:-1] + ', "data": ['

    @override
    def rows(self, sums: Iterable[UsageSum]) -> str:
        names = (*self._query.by, *FIGURES)
        texts = [
            json.dumps(dict(zip(names, (*each.values, *each[1:]), strict=True))) for each in sums
        ]
        begun, self._separator = self._separator, ", "
        return begun + ", ".join(texts)

    @override
    def tail(self) -> str:
        return "]}"


class CsvReport(UsageReport):
    """RFC 4180, with a header. A text that begins as a formula does has a `'` before it."""

    content_type = "text/csv"
    extension = "csv"

    @override
    def head(self) -> str:
        return _csv([(*self._query.by, *FIGURES)])

    @override
    def rows(self, sums: Iterable[UsageSum]) -> str:
        return _csv((*map(_no_formula, each.values), *each[1:]) for each in sums)


def _csv(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _no_formula(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULAS) else cell


REPORTS: dict[str, type[UsageReport]] = {"json": JsonReport, "csv": CsvReport}
"""The kinds of reports, by the value of `format`."""
