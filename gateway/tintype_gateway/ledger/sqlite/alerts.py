"""Operations on the alerts of budgets."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime

from tintype_gateway.ledger.alerts import BudgetAlert
from tintype_gateway.ledger.outbox import WebhookMessage
from tintype_gateway.ledger.sqlite import outbox

UNREPORTED = """
SELECT budget_alert.*, time_zone FROM budget_alert JOIN account ON account.name = account
WHERE reported_at IS NULL ORDER BY id LIMIT ?
"""

REPORT = "UPDATE budget_alert SET reported_at = ? WHERE id = ? AND reported_at IS NULL"


def unreported(connection: sqlite3.Connection, limit: int) -> Sequence[BudgetAlert]:
    """Read alerts that nobody has been told of, oldest first."""
    return [
        BudgetAlert(
            id=row["id"],
            account=row["account"],
            model=row["model"],
            window=row["window"],
            first_day=date.fromisoformat(row["window_start"]),
            time_zone=row["time_zone"],
            percent=row["percent"],
            limit=row["limit_micro"],
            spent=row["spent"],
            created_at=datetime.fromtimestamp(row["created_at"], UTC),
        )
        for row in connection.execute(UNREPORTED, (limit,))
    ]


def report(
    connection: sqlite3.Connection, now: float, messages: Mapping[int, WebhookMessage | None]
) -> Collection[int]:
    """Add the messages of alerts, and return those that nobody has reported before."""
    outbox.add(connection, now, [each for each in messages.values() if each is not None])
    return [alert for alert in messages if connection.execute(REPORT, (now, alert)).rowcount]
