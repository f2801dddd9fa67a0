"""Operations on accounts."""

import json
import sqlite3
from collections.abc import Sequence

from tintype_gateway.accounts import UNRESTRICTED, Account, AccountSpec, Budget, Policy
from tintype_gateway.ledger.changes import Author, account_difference, funding_difference
from tintype_gateway.ledger.errors import (
    AccountExistsError,
    AccountLimitError,
    AccountNotFoundError,
    AccountOwnedError,
)
from tintype_gateway.ledger.rows import account_of
from tintype_gateway.ledger.sqlite import budgets, changes, entries
from tintype_gateway.ledger.sqlite.budget_history import Counted
from tintype_gateway.ledger.validation import (
    LIMIT,
    OPENING_REASON,
    OWNED,
    SYSTEM_PREFIX,
    checked_amount,
    checked_name,
)


def create(
    connection: sqlite3.Connection,
    now: float,
    name: str,
    credits_micro: int,
    unlimited: bool,
    policy: Policy,
    author: Author,
) -> Account:
    """Open an account, and grant its initial credits if there are any."""
    if not _insert(connection, now, name):
        raise AccountExistsError(f"there is an account {name!r} already")
    spec = AccountSpec(unlimited=unlimited, policy=policy)
    account = _write(connection, now, name, spec, Counted())
    changes.record(connection, now, author, account_difference("create", None, account))
    return _with_credits(connection, now, account, credits_micro, author)


def ensure(
    connection: sqlite3.Connection,
    now: float,
    name: str,
    issuer: str,
    max_accounts: int,
    credits_micro: int,
    author: Author,
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
        account = create(connection, now, name, credits_micro, False, UNRESTRICTED, author)
        connection.execute("UPDATE account SET issuer = ? WHERE name = ?", (issuer, name))
        return account


def put(
    connection: sqlite3.Connection,
    now: float,
    name: str,
    spec: AccountSpec,
    owner: str | None,
    author: Author,
    counted: Counted,
) -> tuple[Account, bool]:
    """Create an account or replace its spec; return it, and whether it is new."""
    is_new = _insert(connection, now, name)
    before = None if is_new else read(connection, name)
    if before is not None and before.owner not in (None, owner):
        raise AccountOwnedError(OWNED.format(name, before.owner))
    connection.execute("UPDATE account SET owner = ? WHERE name = ?", (owner, name))
    after = _write(connection, now, name, spec, counted)
    action = "create" if is_new else "update"
    changes.record(connection, now, author, account_difference(action, before, after))
    return after, is_new


def release(
    connection: sqlite3.Connection, now: float, name: str, owner: str, author: Author
) -> Account:
    """Let the owner give up an account, which does what its deletion policy says."""
    before = read(connection, name)
    if before.owner != owner:
        if before.owner is None:
            return before
        raise AccountOwnedError(OWNED.format(name, before.owner))
    connection.execute(
        "UPDATE account SET owner = NULL, suspended = suspended OR deletion_policy = 'suspend'"
        " WHERE name = ?",
        (name,),
    )
    after = read(connection, name)
    changes.record(connection, now, author, account_difference("release", before, after))
    return after


def _insert(connection: sqlite3.Connection, now: float, name: str) -> bool:
    """Open an account without credits; return False if it exists."""
    return bool(
        connection.execute(
            "INSERT INTO account (name, unlimited, created_at) VALUES (?, 0, ?)"
            " ON CONFLICT DO NOTHING",
            (checked_name(name), now),
        ).rowcount
    )


def _write(
    connection: sqlite3.Connection, now: float, name: str, spec: AccountSpec, counted: Counted
) -> Account:
    """Replace the spec of an account."""
    connection.execute(
        "UPDATE account SET display_name = ?, suspended = ?, unlimited = ?, deletion_policy = ?"
        " WHERE name = ?",
        (spec.display_name, spec.suspended, spec.unlimited, spec.deletion_policy, name),
    )
    _write_policy(connection, name, spec.policy)
    account = find(connection, name)
    budgets.replace(connection, account, spec.time_zone, spec.budgets, counted)
    return with_windows(connection, now, name)


def _with_credits(
    connection: sqlite3.Connection, now: float, account: Account, micro: int, author: Author
) -> Account:
    """Grant the initial credits of an account, if there are any."""
    if not micro:
        return account
    posting = entries.post_funds(
        connection, now, "grant", account.name, checked_amount(micro), OPENING_REASON
    )
    made = funding_difference("grant", str(posting), account.name, micro, OPENING_REASON)
    changes.record(connection, now, author, made)
    return read(connection, account.name)


def read(connection: sqlite3.Connection, name: str) -> Account:
    """Read one account, but not the ledger's own accounts."""
    return account_of(find(connection, name))


def with_windows(connection: sqlite3.Connection, now: float, name: str) -> Account:
    """Read one account with the windows of its budgets."""
    row = find(connection, name)
    return account_of(row, budgets.read(connection, row, now))


def find(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
    """Return the row of an account."""
    return _found(connection, "SELECT * FROM account WHERE name = ?", name)


FUNDS = """
SELECT name, unlimited, balance, held, requests_per_minute, images_per_minute, requests_full_at,
    images_full_at, time_zone, budgets, day_start, week_start, month_start,
    day_spent, week_spent, month_spent
FROM account WHERE name = ?
"""


def find_funds(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
    """Return what holds and charges read of an account.

    Python's `sqlite3` gives up the interpreter's lock for each column that it reads.
    """
    return _found(connection, FUNDS, name)


def _found(connection: sqlite3.Connection, query: str, name: str) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute(query, (name,)).fetchone()
    if row is None or name.startswith(SYSTEM_PREFIX):
        raise AccountNotFoundError(f"there is no account {name!r}")
    return row


def read_all(connection: sqlite3.Connection, now: float, owner: str | None) -> Sequence[Account]:
    """Read all accounts except the ledger's own, by name, or those of owners with a prefix.

    They have the windows of their budgets.
    """
    rows = connection.execute(
        "SELECT * FROM account"
        " WHERE :owner IS NULL OR substr(owner, 1, length(:owner)) = :owner ORDER BY name",
        {"owner": owner},
    ).fetchall()
    return [
        account_of(row, budgets.read(connection, row, now))
        for row in rows
        if not row["name"].startswith(SYSTEM_PREFIX)
    ]


def set_policy(
    connection: sqlite3.Connection, now: float, name: str, policy: Policy, author: Author
) -> Account:
    """Replace the policy of an account."""
    before = read(connection, name)
    _write_policy(connection, name, policy)
    after = read(connection, name)
    changes.record(connection, now, author, account_difference("update", before, after))
    return after


def set_budgets(
    connection: sqlite3.Connection,
    now: float,
    name: str,
    time_zone: str,
    wanted: Sequence[Budget],
    author: Author,
    counted: Counted,
) -> Account:
    """Replace the time zone and the budgets of an account."""
    before = read(connection, name)
    budgets.replace(connection, find(connection, name), time_zone, wanted, counted)
    after = with_windows(connection, now, name)
    changes.record(connection, now, author, account_difference("update", before, after))
    return after


def _write_policy(connection: sqlite3.Connection, name: str, policy: Policy) -> None:
    models = None if policy.models is None else json.dumps(sorted(policy.models))
    connection.execute(
        "UPDATE account SET models = ?, requests_per_minute = ?, images_per_minute = ?,"
        " response_profile = ?, calls_per_minute = ?, queued_jobs = ?, running_jobs = ?,"
        " webhooks = ?, guardrail_exempt = ? WHERE name = ?",
        (
            models,
            policy.requests_per_minute,
            policy.images_per_minute,
            policy.response_profile,
            policy.calls_per_minute,
            policy.queued_jobs,
            policy.running_jobs,
            policy.webhooks,
            policy.guardrail_exempt,
            name,
        ),
    )
