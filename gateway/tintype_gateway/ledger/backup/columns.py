"""The columns of the ledger's tables, and their values as a backup has them: those of JSON.

Tables and columns are found in the database, so that a backup has all that a migration adds. What
the two engines store differently is of one kind here:

| Kind | In a backup | SQLite | PostgreSQL |
| --- | --- | --- | --- |
| plain | number, text, null | the same; dates are texts | the same, and dates |
| time | RFC 3339 in UTC, to the microsecond | seconds since 1970 | timestamptz |
| boolean | true, false | 1, 0 | boolean |
| JSON | any value | text | jsonb, or an array of texts |
| bytes | hexadecimal | BLOB | bytea |
| id of a posting | text: a number or a UUID | integer | UUID |
"""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum, auto
from typing import Any, NamedTuple

TABLES = ("account", "api_key", "archive_run", "hold", "posting")
"""The tables that others refer to, in their order. All others come after them, by name."""

ENTRY = "entry"
LISTED = "archived_posting"
"""The tables whose rows are parts of the row of their posting."""

SKIPPED = frozenset({ENTRY, LISTED, "slot", "ledger_revision", "sqlite_sequence"})
"""The tables that have no rows of their own in a backup. Slots belong to calls that are running."""

CALL_IDS = frozenset(
    {("account", "opened_by"), ("hold", "closed_by"), ("job", "noted"), ("job_event", "added_by")}
)
"""The columns of PostgreSQL that tell which call wrote the row, because it may ask again."""

LEFT_OUT = CALL_IDS | {("job", "payload"), ("job", "tasks")}
"""The columns that are not in a backup: these, and what only running a job needs. A restored job is
not run: it may have been run since the backup."""

BOOLEANS = frozenset({"guardrail_exempt", "outcome_unknown", "suspended", "unlimited", "webhooks"})
JSON_VALUES = frozenset({"after", "author_details", "before", "budgets", "models"})
"""The columns whose type SQLite does not say."""

POSTING_IDS = frozenset({("posting", "id"), ("archived_sum", "posting_id")})

LARGEST_INTEGER = 2**63 - 1


class Kind(Enum):
    """How the values of a column are stored."""

    PLAIN = auto()
    TIME = auto()
    BOOLEAN = auto()
    JSON = auto()
    BYTES = auto()
    POSTING_ID = auto()


class Column(NamedTuple):
    """A column of a table."""

    name: str
    kind: Kind
    is_array: bool = False
    """Whether PostgreSQL has an array of texts."""

    is_date: bool = False
    """Whether PostgreSQL has a date."""

    is_identity: bool = False
    """Whether PostgreSQL numbers the rows."""


Row = Mapping[str, Any]

_SQLITE_KINDS = {"REAL": Kind.TIME, "BLOB": Kind.BYTES}

_POSTGRES_KINDS = {
    "timestamp with time zone": Kind.TIME,
    "boolean": Kind.BOOLEAN,
    "jsonb": Kind.JSON,
    "ARRAY": Kind.JSON,
    "bytea": Kind.BYTES,
}


def sqlite_column(table: str, name: str, declared: str) -> Column:
    """Return a column of SQLite, by the type that its table declares."""
    kind = _SQLITE_KINDS.get(declared, Kind.PLAIN)
    if (table, name) in POSTING_IDS:
        kind = Kind.POSTING_ID
    elif kind is Kind.PLAIN and name in BOOLEANS:
        kind = Kind.BOOLEAN
    elif kind is Kind.PLAIN and name in JSON_VALUES:
        kind = Kind.JSON
    return Column(name, kind)


def postgres_column(table: str, name: str, data_type: str, *, is_identity: bool) -> Column:
    """Return a column of PostgreSQL, by its type in the information schema."""
    kind = _POSTGRES_KINDS.get(data_type, Kind.PLAIN)
    if (table, name) in POSTING_IDS:
        kind = Kind.POSTING_ID
    return Column(name, kind, data_type == "ARRAY", data_type == "date", is_identity)


def in_order(tables: Mapping[str, Any]) -> list[str]:
    """Return the tables of a backup, each after those that it refers to."""
    return [*TABLES, *sorted(tables.keys() - {*TABLES} - SKIPPED)]


def from_sqlite(column: Column, value: Any) -> Any:
    """Return a value of SQLite as a backup has it."""
    if value is None:
        return None
    match column.kind:
        case Kind.TIME:
            return _timestamp(datetime.fromtimestamp(value, UTC))
        case Kind.BOOLEAN:
            return bool(value)
        case Kind.JSON:
            return json.loads(value)
        case Kind.BYTES:
            return value.hex()
        case Kind.POSTING_ID:
            return str(value)
    return value


def to_sqlite(column: Column, value: Any) -> Any:
    """Return a value of a backup as SQLite has it; ids of postings are numbered before."""
    if value is None:
        return None
    match column.kind:
        case Kind.TIME:
            return datetime.fromisoformat(value).timestamp()
        case Kind.BOOLEAN:
            return int(value)
        case Kind.JSON:
            return json.dumps(value)
        case Kind.BYTES:
            return bytes.fromhex(value)
    return value


def from_postgres(column: Column, value: Any) -> Any:
    """Return a value of PostgreSQL as a backup has it."""
    if value is None:
        return None
    match column.kind:
        case Kind.TIME:
            return _timestamp(value)
        case Kind.JSON:
            return value if column.is_array else json.loads(value)
        case Kind.BYTES:
            return value.hex()
        case Kind.POSTING_ID:
            number = value.int
            return str(number if number <= LARGEST_INTEGER else value)
    if column.is_date:
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def to_postgres(column: Column, value: Any) -> Any:
    """Return a value of a backup as PostgreSQL has it."""
    if value is None:
        return None
    match column.kind:
        case Kind.TIME:
            return datetime.fromisoformat(value)
        case Kind.JSON:
            return value if column.is_array else json.dumps(value)
        case Kind.BYTES:
            return bytes.fromhex(value)
        case Kind.POSTING_ID:
            return uuid.UUID(int=int(value)) if value.isdecimal() else uuid.UUID(value)
    return date.fromisoformat(value) if column.is_date else value


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
