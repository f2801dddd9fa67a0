"""The audit of the whole ledger."""

import json
from collections.abc import Sequence
from decimal import Decimal

from asyncpg import Connection, Record

from tintype_gateway.accounts import Audit
from tintype_gateway.ledger.audit import CHECKS, COUNTS, Check, sentences
from tintype_gateway.ledger.charge_checks import (
    CHARGE_SUM,
    FAULTS,
    FAULTS_SENTENCE,
    GROUPED,
    SUMMED_CHECKS,
)
from tintype_gateway.ledger.charge_checks import CHECKS as CHARGE_CHECKS

SETTINGS = "SELECT set_config('work_mem', '128MB', true), set_config('jit', 'off', true)"
"""Each step of a statement may take 128 MB of the server before it writes to the disk.

The statement of the sums has a thousand expressions, but only one that many rows pass. The server
would compile all of them to machine code, in each of its processes, for ten times as long as it
then takes to run them.
"""

_SUMMED = (Check(FAULTS_SENTENCE, FAULTS), *SUMMED_CHECKS)

# One statement, so that charges are summed up once: a transaction that only reads has no tables.
_ROWS = " UNION ALL ".join(
    f"SELECT {place} AS place, row_to_json(found)::text AS found FROM ({check.query}) AS found"  # noqa: S608
    for place, check in enumerate(_SUMMED)
)
SUMMED = f"WITH charge_sum AS MATERIALIZED ({CHARGE_SUM} {GROUPED}) {_ROWS}"
"""Returns the rows of each check of the sums, as JSON, with the place of the check."""


async def audit(connection: "Connection[Record]") -> Audit:
    """Run every check. The connection must be in a transaction, so that all see one snapshot."""
    await connection.execute(SETTINGS)
    rows = await connection.fetch(SUMMED)
    found = [(row["place"], json.loads(row["found"]).values()) for row in rows]
    is_faulty = any(place == 0 for place, _ in found)
    problems = [*await _problems(connection, CHECKS)]
    if is_faulty:
        problems += await _problems(connection, CHARGE_CHECKS)
    if not is_faulty or not problems:
        for place, row in found:
            problems += sentences(_SUMMED[place], [row])
    (counts,) = await connection.fetch(COUNTS)
    return Audit(**counts, problems=tuple(problems))


async def _problems(connection: "Connection[Record]", checks: Sequence[Check]) -> Sequence[str]:
    problems: list[str] = []
    for check in checks:
        found = await connection.fetch(check.query)
        problems += sentences(check, (map(_whole, row) for row in found))
    return problems


def _whole(value: object) -> object:
    """Return a sum, which the server returns as a decimal number, as an integer."""
    return int(value) if isinstance(value, Decimal) else value
