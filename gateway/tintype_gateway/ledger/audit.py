"""The checks of an audit, in SQL that both engines support."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Check(NamedTuple):
    """A query that finds contradictions, and the sentence that describes a row of it."""

    sentence: str
    query: str


CHECKS = (
    # A balance is the sum of its entries.
    Check(
        "account {0} has the balance {1}, its entries add up to {2}",
        """
        SELECT name, balance, total
        FROM (
            SELECT name, balance, coalesce(sum(amount), 0) AS total
            FROM account LEFT JOIN entry ON entry.account = account.name GROUP BY name, balance
        ) AS summed
        WHERE balance <> total
        """,
    ),
    # The held amount is the sum of the open holds.
    Check(
        "account {0} has {1} held, its open holds add up to {2}",
        """
        SELECT name, held, total
        FROM (
            SELECT name, held, coalesce(sum(amount), 0) AS total
            FROM account LEFT JOIN hold ON hold.account = account.name AND hold.state = 'open'
            GROUP BY name, held
        ) AS summed
        WHERE held <> total
        """,
    ),
    # All entries sum to zero.
    Check(
        "all entries add up to {0}",
        """
        SELECT total FROM (SELECT coalesce(sum(amount), 0) AS total FROM entry) AS summed
        WHERE total <> 0
        """,
    ),
    # The two entries of each posting sum to zero.
    Check(
        "posting {0} has {1} entries that add up to {2}",
        """
        SELECT id, count(amount), coalesce(sum(amount), 0)
        FROM posting LEFT JOIN entry ON entry.posting_id = posting.id
        GROUP BY id HAVING count(amount) <> 2 OR sum(amount) <> 0
        """,
    ),
    # A settled hold has one charge, any other none.
    Check(
        "{0} is {1} and has {2} charges",
        """
        SELECT hold.id, state, count(posting.id)
        FROM hold LEFT JOIN posting ON posting.hold_id = hold.id
        GROUP BY hold.id, state
        HAVING count(posting.id) <> CASE WHEN state = 'settled' THEN 1 ELSE 0 END
        """,
    ),
    # A charge is paid by the account of its hold, at most what was held.
    Check(
        "{0} of {1} was charged {2}",
        """
        SELECT hold.id, hold.amount, -coalesce(entry.amount, 0)
        FROM posting JOIN hold ON hold.id = posting.hold_id
        LEFT JOIN entry ON entry.posting_id = posting.id AND entry.account = hold.account
        WHERE entry.amount IS NULL OR -entry.amount NOT BETWEEN 0 AND hold.amount
        """,
    ),
    # The daily usage is the sum of the charges, those that were archived among them.
    Check(
        "account {0} has {1} requests, {2} images and {3} micro-credits more in its daily usage"
        " than in its charges",
        """
        SELECT account, sum(requests), sum(images), sum(charged)
        FROM (
            SELECT account, requests, images, charged FROM daily_usage
            UNION ALL
            SELECT account, -postings, -images, amount FROM archived_sum
            WHERE counterpart = 'sys:revenue'
            UNION ALL
            SELECT hold.account, -1, -hold.images, entry.amount
            FROM hold JOIN posting ON posting.hold_id = hold.id
            JOIN entry ON entry.posting_id = posting.id AND entry.account = hold.account
        ) AS both_sides
        GROUP BY account
        HAVING sum(requests) <> 0 OR sum(images) <> 0 OR sum(charged) <> 0
        """,
    ),
    # What is carried forward is the sum of what was archived.
    Check(
        "posting {0} carries {2} forward for account {1}, the archive runs add up to {3}",
        """
        SELECT id, account, amount, total
        FROM (
            SELECT posting.id, entry.account, entry.amount,
                coalesce(sum(archived_sum.amount), 0) AS total
            FROM posting JOIN entry
                ON entry.posting_id = posting.id AND entry.account NOT LIKE 'sys:%'
            LEFT JOIN archived_sum
                ON archived_sum.posting_id = posting.id AND archived_sum.account = entry.account
            WHERE posting.kind = 'carried_forward'
            GROUP BY posting.id, entry.account, entry.amount
        ) AS summed
        WHERE amount <> total
        """,
    ),
    # A run deletes what is in its file, and nothing else.
    Check(
        "archive run {0} has {1} postings in its file, deleted {2}, and has {3} yet to delete",
        """
        SELECT id, postings, deleted, waiting
        FROM (
            SELECT id, postings,
                (
                    SELECT coalesce(sum(archived_sum.postings), 0) FROM archived_sum
                    WHERE archived_sum.run_id = archive_run.id
                ) AS deleted,
                (SELECT count(*) FROM archived_posting WHERE run_id = archive_run.id) AS waiting
            FROM archive_run WHERE sha256 IS NOT NULL
        ) AS counted
        WHERE postings <> deleted + waiting
        """,
    ),
)

COUNTS = """
SELECT
    (SELECT count(*) FROM account WHERE name NOT LIKE 'sys:%') AS accounts,
    (SELECT count(*) FROM entry) AS entries,
    (SELECT count(*) FROM hold WHERE state = 'open') AS open_holds,
    (SELECT count(*) FROM hold WHERE state = 'expired') AS expired_holds,
    (SELECT count(*) FROM hold WHERE outcome_unknown) AS unknown_outcomes,
    (SELECT count(*) FROM posting WHERE kind = 'late_charge') AS late_charges,
    (SELECT count(*) FROM hold WHERE state = 'settled' AND delivered_at IS NULL)
        AS undelivered_charges,
    (SELECT count(*) FROM archive_run WHERE finished_at IS NOT NULL) AS archive_runs,
    (SELECT count(*) FROM archive_run WHERE finished_at IS NULL) AS unfinished_archive_runs,
    (SELECT CAST(coalesce(sum(postings), 0) AS bigint) FROM archived_sum) AS archived_postings
"""
"""The figures of `Audit`, by their names."""


def sentences(check: Check, rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Return the finding of a check as a sentence."""
    return (check.sentence.format(*row) for row in rows)
