"""Charges summed up: by account and model, and in reports by any dimensions."""

from collections.abc import Sequence
from datetime import date

from asyncpg import Connection, Record

from tintype_gateway.accounts import Usage
from tintype_gateway.ledger.postgres.database import Database
from tintype_gateway.ledger.usage import BATCH, TakeUsage, UsageQuery, hand_over, report_statement

BY_MODEL = """
SELECT account, model, sum(requests)::bigint, sum(images)::bigint, sum(charged)::bigint
FROM daily_usage WHERE day >= $1 AND account = coalesce($2, account)
GROUP BY account, model ORDER BY account COLLATE "C", model COLLATE "C"
"""


async def by_model(database: Database, since: date, account: str | None) -> Sequence[Usage]:
    """Return the charges of one account or all since a day, by account and model."""
    return [Usage(*row) for row in await database.fetch(BY_MODEL, since, account)]


async def report(connection: "Connection[Record]", query: UsageQuery, take: TakeUsage) -> None:
    """Give `take` the sums of a query, some at a time, inside a transaction."""
    cursor = await connection.cursor(
        report_statement(query), query.since, query.until or date.max, query.account
    )
    while rows := await cursor.fetch(BATCH):
        await hand_over([tuple(row) for row in rows], take)
