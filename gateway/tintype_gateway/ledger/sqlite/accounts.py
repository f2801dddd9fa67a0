"""Operations on accounts."""

import json
import math
import sqlite3
from collections.abc import Sequence
from datetime import date

from tintype_gateway.accounts import UNRESTRICTED, Account, Idempotency, Policy, Usage
from tintype_gateway.ledger import rate_limit as rates
from tintype_gateway.ledger.errors import (
    AccountExistsError,
    AccountLimitError,
    AccountNotFoundError,
    InsufficientCreditsError,
    RateLimitedError,
)
from tintype_gateway.ledger.sqlite import accounts, entries
from tintype_gateway.ledger.validation import (
    LIMIT,
    OPENING_REASON,
    SYSTEM_PREFIX,
    checked_adjustment,
    checked_amount,
    checked_name,
)


def set_aside(
    connection: sqlite3.Connection, now: float, account: str, images: int, amount: int
) -> None:
    """Hold credits, and take a request and its images from the account's buckets, or neither.

    One statement checks and takes the credits.
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
    """Reduce the held amount."""
    connection.execute("UPDATE account SET held = held - ? WHERE name = ?", (amount, account))


def create(
    connection: sqlite3.Connection,
    now: float,
    name: str,
    credits_micro: int,
    unlimited: bool,
    policy: Policy,
) -> Account:
    """Open an account, and grant its initial credits if there are any."""
    created = connection.execute(
        "INSERT INTO account (name, unlimited, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (checked_name(name), unlimited, now),
    ).rowcount
    if not created:
        raise AccountExistsError(f"there is an account {name!r} already")
    if credits_micro:
        grant(connection, now, name, credits_micro, OPENING_REASON)
    return set_policy(connection, name, policy)


def ensure(
    connection: sqlite3.Connection,
    now: float,
    name: str,
    issuer: str,
    max_accounts: int,
    credits_micro: int,
) -> Account:
    """Read an account, and open it if it does not exist."""
    try:
        return read(connection, checked_name(name))
    except AccountNotFoundError:
        (opened,) = connection.execute(
            "SELECT count(*) FROM account WHERE issuer = ?", (issuer,)
        ).fetchone()
        if opened >= max_accounts:
            raise AccountLimitError(LIMIT.format(max_accounts)) from None
        account = create(connection, now, name, credits_micro, False, UNRESTRICTED)
        connection.execute("UPDATE account SET issuer = ? WHERE name = ?", (issuer, name))
        return account


def read(connection: sqlite3.Connection, name: str) -> Account:
    """Read one account, but not the ledger's own accounts."""
    return _account(find(connection, name))


def find(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
    """Return the row of an account."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM account WHERE name = ?", (name,)
    ).fetchone()
    if row is None or name.startswith(SYSTEM_PREFIX):
        raise AccountNotFoundError(f"there is no account {name!r}")
    return row


def read_all(connection: sqlite3.Connection) -> Sequence[Account]:
    """Read all accounts except the ledger's own, by name."""
    rows = connection.execute("SELECT * FROM account ORDER BY name")
    return [_account(row) for row in rows if not row["name"].startswith(SYSTEM_PREFIX)]


def set_policy(connection: sqlite3.Connection, name: str, policy: Policy) -> Account:
    """Replace the policy of an account."""
    read(connection, name)
    models = None if policy.models is None else json.dumps(sorted(policy.models))
    connection.execute(
        "UPDATE account SET models = ?, requests_per_minute = ?, images_per_minute = ?,"
        " response_profile = ?, calls_per_minute = ? WHERE name = ?",
        (
            models,
            policy.requests_per_minute,
            policy.images_per_minute,
            policy.response_profile,
            policy.calls_per_minute,
            name,
        ),
    )
    return read(connection, name)


def grant(
    connection: sqlite3.Connection,
    now: float,
    name: str,
    micro: int,
    reason: str,
    idempotency: Idempotency | None = None,
) -> Account:
    """Add credits to an account."""
    read(connection, name)
    entries.post_funds(connection, now, "grant", name, checked_amount(micro), reason, idempotency)
    return read(connection, name)


def adjust(
    connection: sqlite3.Connection,
    now: float,
    name: str,
    micro: int,
    reason: str,
    idempotency: Idempotency | None,
) -> Account:
    """Correct the balance of an account."""
    read(connection, name)
    entries.post_funds(
        connection, now, "adjustment", name, checked_adjustment(micro), reason, idempotency
    )
    return read(connection, name)


def usage(connection: sqlite3.Connection, since: date, account: str | None) -> Sequence[Usage]:
    """Return the summed charges of one account or all."""
    rows = connection.execute(
        "SELECT account, model, sum(requests), sum(images), sum(charged) FROM daily_usage"
        " WHERE day >= :since AND account = coalesce(:account, account)"
        " GROUP BY account, model ORDER BY account, model",
        {"since": since.isoformat(), "account": account},
    )
    return [Usage(*row) for row in rows]


def policy_of(row: sqlite3.Row) -> Policy:
    """Return the policy of an account from its row."""
    return Policy(
        models=None if row["models"] is None else frozenset(json.loads(row["models"])),
        requests_per_minute=row["requests_per_minute"],
        images_per_minute=row["images_per_minute"],
        response_profile=row["response_profile"],
        calls_per_minute=row["calls_per_minute"],
    )


def _account(row: sqlite3.Row) -> Account:
    return Account(
        name=row["name"],
        unlimited=bool(row["unlimited"]),
        balance=row["balance"],
        held=row["held"],
        policy=policy_of(row),
    )
