"""Operations on the alerts of budgets."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from tintype_gateway.ledger.alerts import BudgetAlert
from tintype_gateway.ledger.outbox import WebhookMessage
from tintype_gateway.ledger.postgres import outbox
from tintype_gateway.ledger.postgres.database import Database

UNREPORTED = """
SELECT budget_alert.*, time_zone FROM budget_alert JOIN account ON account.name = account
WHERE reported_at IS NULL ORDER BY id LIMIT $1
"""

REPORT = f"""
WITH reported AS (
    UPDATE budget_alert SET reported_at = coalesce($1, clock_timestamp())
    WHERE id = ANY ($7::bigint[]) AND reported_at IS NULL RETURNING id
), added AS (
    {outbox.ADD}
)
SELECT id FROM reported
"""  # noqa: S608 - our own words


async def unreported(database: Database, limit: int) -> Sequence[BudgetAlert]:
    """Read alerts that nobody has been told of, oldest first."""
    return [
        BudgetAlert(
            id=row["id"],
            account=row["account"],
            model=row["model"],
            window=row["window"],
            first_day=row["window_start"],
            time_zone=row["time_zone"],
            percent=row["percent"],
            limit=row["limit_micro"],
            spent=row["spent"],
            created_at=row["created_at"],
        )
        for row in await database.fetch(UNREPORTED, limit)
    ]


async def report(
    database: Database, now: datetime | None, messages: Mapping[int, WebhookMessage | None]
) -> Collection[int]:
    """Add the messages of alerts, and return those that nobody has reported before."""
    added = [each for each in messages.values() if each is not None]
    rows = await database.fetch(REPORT, now, *outbox.columns(added), list(messages))
    return [row["id"] for row in rows]
