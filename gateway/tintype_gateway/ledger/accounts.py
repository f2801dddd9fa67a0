"""Operations on accounts."""

import sqlite3
from collections.abc import Sequence

from tintype_gateway.ledger import entries
from tintype_gateway.ledger.errors import AccountExistsError, AccountNotFoundError
from tintype_gateway.ledger.interface import Account

SYSTEM_PREFIX = "sys:"
"""Begins the names of the ledger's own accounts, which nobody can use."""

MAXIMUM_NAME_LENGTH = 255


def create(
    connection: sqlite3.Connection, now: float, name: str, credits_micro: int, unlimited: bool
) -> Account:
    """Open an account, and grant its first credits if there are any."""
    created = connection.execute(
        "INSERT INTO account (name, unlimited, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (_checked_name(name), unlimited, now),
    ).rowcount
    if not created:
        raise AccountExistsError(f"there is an account {name!r} already")
    if credits_micro:
        return grant(connection, now, name, credits_micro, "account created")
    return read(connection, name)


def read(connection: sqlite3.Connection, name: str) -> Account:
    """Read one account; the ledger's own are not found."""
    row = connection.execute("SELECT * FROM account WHERE name = ?", (name,)).fetchone()
    if row is None or name.startswith(SYSTEM_PREFIX):
        raise AccountNotFoundError(f"there is no account {name!r}")
    return _account(row)


def read_all(connection: sqlite3.Connection) -> Sequence[Account]:
    """Read all accounts but the ledger's own, by name."""
    rows = connection.execute("SELECT * FROM account ORDER BY name")
    return [_account(row) for row in rows if not row["name"].startswith(SYSTEM_PREFIX)]


def grant(
    connection: sqlite3.Connection, now: float, name: str, micro: int, reason: str
) -> Account:
    """Add credits to an account."""
    read(connection, name)
    entries.post_grant(connection, now, name, entries.checked(micro), reason)
    return read(connection, name)


def _account(row: sqlite3.Row) -> Account:
    return Account(
        name=row["name"],
        unlimited=bool(row["unlimited"]),
        balance=row["balance"],
        held=row["held"],
    )


def _checked_name(name: str) -> str:
    if not 1 <= len(name) <= MAXIMUM_NAME_LENGTH or not name.isprintable() or name != name.strip():
        raise ValueError(
            f"an account's name has 1 to {MAXIMUM_NAME_LENGTH} printable characters, not {name!r}"
        )
    if name.startswith(SYSTEM_PREFIX):
        raise ValueError(f"names that begin with {SYSTEM_PREFIX} belong to the ledger")
    return name
