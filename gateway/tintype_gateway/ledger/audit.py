"""The checks of an audit, in SQL that both engines support."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Check(NamedTuple):
    """A query that finds contradictions, and the sentence that describes a row of it."""

    sentence: str
    query: str


def _spent(table: str, account: str, same: str, model: str) -> str:
    """Return the query for the rows of a table whose sums differ from the holds and charges.

    Only the charges of days that are in a window of their row are looked up.
    """
    return f"""
    SELECT account, day_spent, week_spent, month_spent, of_day, of_week, of_month, model
    FROM (
        SELECT own.{account} AS account, {model} AS model, day_spent, week_spent, month_spent,
            coalesce(sum(CASE WHEN day >= day_start THEN amount ELSE 0 END), 0) AS of_day,
            coalesce(sum(CASE WHEN day >= week_start THEN amount ELSE 0 END), 0) AS of_week,
            coalesce(sum(CASE WHEN day >= month_start THEN amount ELSE 0 END), 0) AS of_month
        FROM {table} AS own LEFT JOIN (
            SELECT account, model, day, amount FROM hold WHERE state = 'open'
            UNION ALL
            SELECT hold.account, hold.model, hold.day, -entry.amount
            FROM hold JOIN {table} AS own ON own.{account} = hold.account{same.format("hold")}
                AND (hold.day >= own.week_start OR hold.day >= own.month_start)
            JOIN posting ON posting.hold_id = hold.id
            JOIN entry ON entry.posting_id = posting.id AND entry.account = hold.account
            UNION ALL
            SELECT account, model, day, spent FROM archived_spent
        ) AS counted ON counted.account = own.{account}{same.format("counted")}
        GROUP BY own.{account}, {model}, day_spent, week_spent, month_spent
    ) AS summed
    WHERE day_spent <> of_day OR week_spent <> of_week OR month_spent <> of_month
    """  # noqa: S608 - our own words


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
    # No charge is missing in the daily usage of its model, key and end user. What the usage has
    # without a key and a user is from the time before it had them.
    Check(
        "account {0} was charged {3} micro-credits for {2} requests of {1} that the daily usage of"
        " their key and end user lacks",
        """
        SELECT account, model, missing_requests - unknown_requests,
            missing_charged - unknown_charged
        FROM (
            SELECT account, model,
                sum(CASE WHEN is_known AND requests > 0 THEN requests ELSE 0 END)
                    AS missing_requests,
                sum(CASE WHEN is_known AND charged > 0 THEN charged ELSE 0 END) AS missing_charged,
                sum(CASE WHEN is_known THEN 0 ELSE -requests END) AS unknown_requests,
                sum(CASE WHEN is_known THEN 0 ELSE -charged END) AS unknown_charged
            FROM (
                SELECT account, model, key_id <> '' OR end_user <> '' AS is_known,
                    sum(requests) AS requests, sum(charged) AS charged
                FROM (
                    SELECT account, model, key_id, end_user, -requests AS requests,
                        -charged AS charged
                    FROM daily_usage
                    UNION ALL
                    SELECT hold.account, model, key_id, end_user, 1, -entry.amount
                    FROM hold JOIN posting ON posting.hold_id = hold.id
                    JOIN entry ON entry.posting_id = posting.id AND entry.account = hold.account
                ) AS both_sides
                GROUP BY account, model, key_id, end_user
            ) AS compared
            GROUP BY account, model
        ) AS summed
        WHERE missing_requests > unknown_requests OR missing_charged > unknown_charged
        """,
    ),
    # What is spent in a window is the sum of its open holds and charges, also of those archived.
    Check(
        "account {0} has {1}, {2} and {3} spent in its day, week and month,"
        " its holds and charges add up to {4}, {5} and {6}",
        _spent("account", "name", "", "own.name"),
    ),
    # The same for each model that has a budget of its own.
    Check(
        "account {0} has {1}, {2} and {3} spent on {7} in its day, week and month,"
        " its holds and charges add up to {4}, {5} and {6}",
        _spent("model_spent", "account", " AND own.model = {}.model", "own.model"),
    ),
    # A job that has not ended has an open hold of its own, and any other none.
    Check(
        "{0} is {1}, and its hold is {2}",
        """
        SELECT job.id, status, coalesce(hold.state, 'missing')
        FROM job LEFT JOIN hold
            ON hold.id = job.hold_id AND hold.account = job.account AND hold.amount = job.amount
        WHERE coalesce(hold.state = 'open', false) <> (status IN ('queued', 'in_progress'))
        """,
    ),
    # A job is charged what its hold was, unless that is archived or forgotten.
    Check(
        "{0} is {1} and was charged {2}, its hold {3}",
        """
        SELECT job.id, status, coalesce(job.charged, 0), coalesce(-entry.amount, 0)
        FROM job JOIN hold ON hold.id = job.hold_id
        LEFT JOIN posting ON posting.hold_id = hold.id
        LEFT JOIN entry ON entry.posting_id = posting.id AND entry.account = hold.account
        WHERE coalesce(job.charged, -1) <> coalesce(-entry.amount, -1)
        """,
    ),
    # The request of a job is deleted with its end.
    Check(
        "{0} is {1} and still has its request",
        """
        SELECT id, status FROM job
        WHERE status NOT IN ('queued', 'in_progress')
            AND (payload IS NOT NULL OR tasks IS NOT NULL)
        """,
    ),
    # A queue counts the jobs that have not ended.
    Check(
        "account {0} has {1} queued and {2} running jobs in its queue, but {3} and {4} of them",
        """
        SELECT account, sum(queued), sum(running), sum(of_queued), sum(of_running)
        FROM (
            SELECT account, queued, running, 0 AS of_queued, 0 AS of_running FROM job_queue
            UNION ALL
            SELECT account, 0, 0, CASE status WHEN 'queued' THEN 1 ELSE 0 END,
                CASE status WHEN 'queued' THEN 0 ELSE 1 END
            FROM job WHERE status IN ('queued', 'in_progress')
        ) AS counted
        GROUP BY account HAVING sum(queued) <> sum(of_queued) OR sum(running) <> sum(of_running)
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
    (SELECT count(*) FROM job WHERE status = 'queued') AS queued_jobs,
    (SELECT count(*) FROM job WHERE status = 'in_progress') AS running_jobs,
    (SELECT count(*) FROM archive_run WHERE finished_at IS NOT NULL) AS archive_runs,
    (SELECT count(*) FROM archive_run WHERE finished_at IS NULL) AS unfinished_archive_runs,
    (SELECT CAST(coalesce(sum(postings), 0) AS bigint) FROM archived_sum) AS archived_postings
"""
"""The figures of `Audit`, by their names."""


def sentences(check: Check, rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Return the finding of a check as a sentence."""
    return (check.sentence.format(*row) for row in rows)
