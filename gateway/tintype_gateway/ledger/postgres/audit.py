"""The audit of the whole ledger."""

from decimal import Decimal

from asyncpg import Connection, Record

from tintype_gateway.accounts import Audit
from tintype_gateway.ledger.audit import CHECKS, COUNTS, sentences


async def audit(connection: "Connection[Record]") -> Audit:
    """Run every check. The connection must be in a transaction, so that all see one snapshot."""
    problems: list[str] = []
    for check in CHECKS:
        found = await connection.fetch(check.query)
        problems += sentences(check, (map(_whole, row) for row in found))
    (counts,) = await connection.fetch(COUNTS)
    return Audit(**counts, problems=tuple(problems))


def _whole(value: object) -> object:
    """Return a sum, which the server returns as a decimal number, as an integer."""
    return int(value) if isinstance(value, Decimal) else value
