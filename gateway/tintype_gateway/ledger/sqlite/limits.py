"""What an account may still do now: its rates, and its credits."""

import math
import sqlite3
from collections.abc import Sequence

from tintype_gateway.ledger import rate_limit as rates
from tintype_gateway.ledger.errors import InsufficientCreditsError, RateLimitedError
from tintype_gateway.ledger.sqlite import accounts


def set_aside(
    connection: sqlite3.Connection, now: float, account: str, images: int, amount: int
) -> None:
    """Hold credits, and take a request and its images from the account's buckets, or none of it.

    Whether the credits are there is asked by the statement that takes them.
    """
    row = accounts.find(connection, account)
    requests_full_at, images_full_at = _full_at(row, math.floor(now * 1_000_000), images)
    held = connection.execute(
        "UPDATE account SET held = held + :amount,"
        " requests_full_at = :requests_full_at, images_full_at = :images_full_at"
        " WHERE name = :account AND (unlimited OR balance - held >= :amount)",
        {
            "amount": amount,
            "requests_full_at": requests_full_at,
            "images_full_at": images_full_at,
            "account": account,
        },
    ).rowcount
    if not held:
        raise InsufficientCreditsError(required=amount, available=row["balance"] - row["held"])


def _full_at(account: sqlite3.Row, moment: int, images: int) -> Sequence[int]:
    """Return when the buckets of an account will be full again after a request."""
    full_at, waits = [], [0]
    for units, bucket in zip((1, images), ("requests", "images"), strict=True):
        before, per_minute = account[f"{bucket}_full_at"], account[f"{bucket}_per_minute"]
        if per_minute is None:
            full_at.append(before)
        else:
            full_at.append(rates.take(before, moment, units, per_minute))
            waits.append(rates.wait(before, moment, units, per_minute))
    if any(waits):
        raise RateLimitedError(max(waits) / 1_000_000)
    return full_at


def give_back(connection: sqlite3.Connection, account: str, amount: int) -> None:
    """Hold so much less."""
    connection.execute("UPDATE account SET held = held - ? WHERE name = ?", (amount, account))
