"""Charges summed up: by account and model, and in reports by any dimensions."""

import sqlite3
from collections.abc import Sequence
from datetime import date

from tintype_gateway.accounts import Usage
from tintype_gateway.ledger.sqlite.reading import Reading
from tintype_gateway.ledger.usage import BATCH, TakeUsage, UsageQuery, hand_over, report_statement

BY_MODEL = """
SELECT account, model, sum(requests), sum(images), sum(charged) FROM daily_usage
WHERE day >= :since AND account = coalesce(:account, account)
GROUP BY account, model ORDER BY account, model
"""


def by_model(connection: sqlite3.Connection, since: date, account: str | None) -> Sequence[Usage]:
    """Return the charges of one account or all since a day, by account and model."""
    parameters = {"since": since.isoformat(), "account": account}
    return [Usage(*row) for row in connection.execute(BY_MODEL, parameters)]


async def report(reading: Reading, query: UsageQuery, take: TakeUsage) -> None:
    """Give `take` the sums of a query, some at a time."""
    parameters = {
        "1": query.since.isoformat(),
        "2": (query.until or date.max).isoformat(),
        "3": query.account,
    }
    cursor = await reading.run(lambda db: db.execute(report_statement(query), parameters))
    while rows := await reading.run(lambda _: cursor.fetchmany(BATCH)):
        await hand_over([tuple(row) for row in rows], take)
