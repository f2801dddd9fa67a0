"""Reads bodies and query parameters of the admin API, and says all that is wrong with them."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import pydantic
from aiohttp import web
from pydantic import AfterValidator

from tintype_accounts.documents import Document, Time
from tintype_gateway.errors import FieldProblem, ValidationError
from tintype_gateway.ledger.budgets import zone_of

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(3000, 1, 1, tzinfo=UTC)


def _bounded(moment: datetime) -> datetime:
    if not EARLIEST <= moment < LATEST:
        raise ValueError("must be between the years 2000 and 3000")
    return moment


Moment = Annotated[Time, AfterValidator(_bounded)]
"""A time with a time zone that every engine can keep."""

AnyDocument = TypeVar("AnyDocument", bound=Document)


async def read(request: web.Request, kind: type[AnyDocument]) -> AnyDocument:
    """Return the body of a request; an empty one is an empty object.

    Raises:
        ValidationError: It is not JSON, or a field is missing, unknown or not valid.
    """
    return parse(kind, await request.read() or b"{}")


def parse(kind: type[AnyDocument], text: bytes | str, within: str | None = None) -> AnyDocument:
    """Return a body from JSON; `within` names what it stands in, if it is no whole body.

    Raises:
        ValidationError: as `read`.
    """
    try:
        return kind.model_validate_json(text)
    except pydantic.ValidationError as error:
        raise ValidationError(
            [
                FieldProblem(
                    within or ".".join(map(str, detail["loc"])) or "body",
                    detail["msg"].removeprefix("Value error, "),
                    "invalid_value",
                )
                for detail in error.errors(include_url=False)
            ]
        ) from error


def check_time_zone(name: str) -> None:
    """Check the field `time_zone` of a body.

    Raises:
        ValidationError: This machine does not know the zone.
    """
    try:
        zone_of(name)
    except ValueError as error:
        raise _invalid("time_zone", str(error)) from error


def number(request: web.Request, name: str, least: int, most: int) -> int | None:
    """Return a query parameter that is a whole number, None if it is missing.

    Raises:
        ValidationError: It is not a number from `least` to `most`.
    """
    text = request.query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most):
        raise _invalid(name, f"must be a number from {least} to {most}")
    return int(text)


def choice(request: web.Request, name: str, choices: Collection[str]) -> str | None:
    """Return a query parameter that is one of some words, None if it is missing.

    Raises:
        ValidationError: It is another word.
    """
    text = request.query.get(name)
    if text is not None and text not in choices:
        raise _invalid(name, f"must be one of {', '.join(choices)}")
    return text


_MOMENT: pydantic.TypeAdapter[datetime] = pydantic.TypeAdapter(Moment)


def moment(request: web.Request, name: str) -> datetime | None:
    """Return a query parameter that is a day (its beginning in UTC) or a time, None if missing.

    Raises:
        ValidationError: It is neither.
    """
    text = request.query.get(name)
    if text is None:
        return None
    try:
        day = f"{text}T00:00:00Z" if len(text) == len("2026-11-01") else text
        return _MOMENT.validate_strings(day)
    except pydantic.ValidationError as error:
        example = "2026-11-01 or 2026-11-01T12:00:00Z"
        raise _invalid(name, f"must be a day or a time with a time zone, such as {example}") from (
            error
        )


def _invalid(name: str, message: str) -> ValidationError:
    return ValidationError([FieldProblem(name, message, "invalid_value")])
