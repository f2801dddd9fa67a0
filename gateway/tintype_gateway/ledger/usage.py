"""Sums of the daily usage: what a report asks for, and its SQL, which both engines support."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple, get_args

Dimension = Literal["account", "key", "user", "model", "day"]
"""What charges are summed up by. `user` is the end user that a request names, `day` is in UTC."""

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)

UNKNOWN_DIMENSIONS = f"must list some of {', '.join(DIMENSIONS)}, each once"

_COLUMNS: dict[Dimension, str] = {
    "account": "account",
    "key": "key_id",
    "user": "end_user",
    "model": "model",
    "day": "day",
}

BATCH = 1000
"""The number of rows that are in memory at once."""

MAX_USER_CHARACTERS = 64
"""The longest name of an end user in the ledger."""

_DIGEST_CHARACTERS = 24


@dataclass(frozen=True)
class UsageQuery:
    """The charges to sum up, and by what.

    Raises:
        ValueError: There is nothing to sum up by, a dimension is unknown or listed twice, or the
            end is not after the start.
    """

    since: date
    """The first day, in UTC."""
    until: date | None = None
    """The first day that does not count any more; None: all days count."""
    by: tuple[Dimension, ...] = ("account", "model")
    account: str | None = None
    """The account whose charges count; None: all."""

    def __post_init__(self) -> None:
        if not self.by or not set(self.by) <= set(DIMENSIONS) or len(set(self.by)) < len(self.by):
            raise ValueError(UNKNOWN_DIMENSIONS)
        if self.until is not None and self.until <= self.since:
            raise ValueError("`until`, the first day that does not count, must be after `since`")


class UsageSum(NamedTuple):
    """The sum of some charges."""

    values: tuple[str, ...]
    """The values of the query's dimensions, in their order. A key or user that is not known is
    empty, such as those of charges before the ledger recorded them."""

    requests: int
    images: int
    """The delivered images."""

    charged: int
    """Micro-credits."""


class ReportEndedError(Exception):
    """What takes the rows of a report has failed, which is the cause of this."""


TakeUsage = Callable[[Sequence[UsageSum]], Awaitable[None]]
"""Takes the next rows of a report, and so decides how fast they are read."""


async def hand_over(rows: Sequence[Sequence[Any]], take: TakeUsage) -> None:
    """Give `take` some rows of the report.

    Raises:
        ReportEndedError: `take` has raised an error, which is no error of the database.
    """
    try:
        await take([_usage_sum(row) for row in rows])
    except Exception as error:
        raise ReportEndedError from error


def report_statement(query: UsageQuery) -> str:
    """Return the SQL of a report, whose parameters are `since`, `until` and `account`."""
    columns = ", ".join(_COLUMNS[dimension] for dimension in query.by)
    return (
        f"SELECT {columns}, CAST(sum(requests) AS bigint), CAST(sum(images) AS bigint),"  # noqa: S608
        " CAST(sum(charged) AS bigint) FROM daily_usage"
        " WHERE day >= $1 AND day < $2 AND account = coalesce($3, account)"
        f" GROUP BY {columns} ORDER BY {columns}"
    )


def _usage_sum(row: Sequence[Any]) -> UsageSum:
    *values, requests, images, charged = row
    return UsageSum(tuple(map(str, values)), requests, images, charged)


def dimensions_of(text: str) -> tuple[Dimension, ...]:
    """Return the dimensions of a list such as `account,model`.

    Raises:
        ValueError: One is unknown or listed twice, or there is none.
    """
    names = [name.strip() for name in text.split(",")]
    by = tuple(known for name in names for known in DIMENSIONS if known == name)
    if len(by) < len(names) or len(set(by)) < len(by):
        raise ValueError(UNKNOWN_DIMENSIONS)
    return by


def recorded_user(user: str | None) -> str:
    """Return the end user of a request as the ledger records it: bounded, and valid text.

    Of a longer name the beginning is kept, with a digest, so that different users stay different.
    """
    text = (user or "").encode(errors="replace").decode().replace("\0", "\ufffd")
    if len(text) <= MAX_USER_CHARACTERS:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{text[: MAX_USER_CHARACTERS - _DIGEST_CHARACTERS - 1]}~{digest}"
