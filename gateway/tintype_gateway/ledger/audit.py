"""Does the ledger add up? Each check is a query that finds sentences about what does not."""

import sqlite3

from tintype_gateway.ledger.interface import Audit

CHECKS = (
    # A balance is the sum of its entries.
    """
    SELECT printf('account %s has the balance %d, its entries add up to %d', name, balance, total)
    FROM (
        SELECT name, balance, coalesce(sum(amount), 0) AS total
        FROM account LEFT JOIN entry ON entry.account = account.name GROUP BY name
    )
    WHERE balance <> total
    """,
    # What is held is the sum of the open holds.
    """
    SELECT printf('account %s has %d held, its open holds add up to %d', name, held, total)
    FROM (
        SELECT name, held, coalesce(sum(amount), 0) AS total
        FROM account LEFT JOIN hold ON hold.account = account.name AND hold.state = 'open'
        GROUP BY name
    )
    WHERE held <> total
    """,
    # All entries sum to zero.
    """
    SELECT printf('all entries add up to %d', total)
    FROM (SELECT coalesce(sum(amount), 0) AS total FROM entry)
    WHERE total <> 0
    """,
    # So does each posting, which has two.
    """
    SELECT printf('posting %d has %d entries that add up to %d', id, entries, total)
    FROM (
        SELECT id, count(amount) AS entries, coalesce(sum(amount), 0) AS total
        FROM posting LEFT JOIN entry ON entry.posting_id = posting.id GROUP BY id
    )
    WHERE entries <> 2 OR total <> 0
    """,
    # A settled hold has one charge, any other none.
    """
    SELECT printf('%s is %s and has %d charges', hold.id, state, count(posting.id))
    FROM hold LEFT JOIN posting ON posting.hold_id = hold.id
    GROUP BY hold.id HAVING count(posting.id) <> (state = 'settled')
    """,
    # A charge is paid by the account of its hold, at most what was held.
    """
    SELECT printf('%s of %d was charged %d', hold.id, hold.amount, -coalesce(entry.amount, 0))
    FROM posting JOIN hold ON hold.id = posting.hold_id
    LEFT JOIN entry ON entry.posting_id = posting.id AND entry.account = hold.account
    WHERE entry.amount IS NULL OR -entry.amount NOT BETWEEN 0 AND hold.amount
    """,
    # The file itself is sound.
    "SELECT quick_check FROM pragma_quick_check WHERE quick_check <> 'ok'",
)

COUNTS = """
SELECT
    (SELECT count(*) FROM account WHERE name NOT GLOB 'sys:*') AS accounts,
    (SELECT count(*) FROM entry) AS entries,
    (SELECT count(*) FROM hold WHERE state = 'open') AS open_holds,
    (SELECT count(*) FROM hold WHERE state = 'expired') AS expired_holds,
    (SELECT count(*) FROM posting WHERE kind = 'late_charge') AS late_charges
"""


def audit(connection: sqlite3.Connection) -> Audit:
    """Run every check; the connection must be in a transaction, so that all see one moment."""
    problems = tuple(sentence for check in CHECKS for (sentence,) in connection.execute(check))
    return Audit(**connection.execute(COUNTS).fetchone(), problems=problems)
