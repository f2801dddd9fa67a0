"""What an account may still do now: its rates, and its credits."""

import math
import sqlite3

from tintype_gateway.ledger import rates
from tintype_gateway.ledger.errors import InsufficientCreditsError, RateLimitedError
from tintype_gateway.ledger.sqlite import accounts

_BUCKETS = (("requests_per_minute", "requests_full_at"), ("images_per_minute", "images_full_at"))


def count(connection: sqlite3.Connection, now: float, account: str, images: int) -> None:
    """Take a request and its images from the account's buckets, if they have them."""
    accounts.read(connection, account)
    row = connection.execute("SELECT * FROM account WHERE name = ?", (account,)).fetchone()
    moment, waits = math.floor(now * 1_000_000), [0]
    for units, (rate, full_at) in zip((1, images), _BUCKETS, strict=True):
        if row[rate] is None:
            continue
        waits.append(rates.wait(row[full_at], moment, units, row[rate]))
        connection.execute(
            f"UPDATE account SET {full_at} = ? WHERE name = ?",  # noqa: S608 - our own names
            (rates.take(row[full_at], moment, units, row[rate]), account),
        )
    if any(waits):
        raise RateLimitedError(max(waits) / 1_000_000)


def set_aside(connection: sqlite3.Connection, account: str, amount: int) -> None:
    """Hold credits if they are there: one statement, so that no other request is in between."""
    held = connection.execute(
        "UPDATE account SET held = held + :amount"
        " WHERE name = :account AND (unlimited OR balance - held >= :amount)",
        {"amount": amount, "account": account},
    ).rowcount
    if not held:
        short = accounts.read(connection, account)
        raise InsufficientCreditsError(required=amount, available=short.balance - short.held)


def give_back(connection: sqlite3.Connection, account: str, amount: int) -> None:
    """Hold so much less."""
    connection.execute("UPDATE account SET held = held - ? WHERE name = ?", (amount, account))
