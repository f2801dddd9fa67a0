"""The checks of an audit that do not look at charges, in SQL that both engines support.

`charge_checks` has the others.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Check(NamedTuple):
    """A query that finds contradictions, and the sentence that describes a row of it."""

    sentence: str
    query: str


CHECKS = (
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
    open_holds, expired_holds, unknown_outcomes,
    (SELECT count(*) FROM posting WHERE kind = 'late_charge') AS late_charges,
    undelivered_charges,
    (SELECT count(*) FROM job WHERE status = 'queued') AS queued_jobs,
    (SELECT count(*) FROM job WHERE status = 'in_progress') AS running_jobs,
    (SELECT count(*) FROM archive_run WHERE finished_at IS NOT NULL) AS archive_runs,
    (SELECT count(*) FROM archive_run WHERE finished_at IS NULL) AS unfinished_archive_runs,
    (SELECT CAST(coalesce(sum(postings), 0) AS bigint) FROM archived_sum) AS archived_postings
FROM (
    SELECT
        count(CASE WHEN state = 'open' THEN 1 END) AS open_holds,
        count(CASE WHEN state = 'expired' THEN 1 END) AS expired_holds,
        count(CASE WHEN outcome_unknown THEN 1 END) AS unknown_outcomes,
        count(CASE WHEN state = 'settled' AND delivered_at IS NULL THEN 1 END)
            AS undelivered_charges
    FROM hold
) AS holds
"""
"""The figures of `Audit`, by their names."""


def sentences(check: Check, rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Return the finding of a check as a sentence."""
    return (check.sentence.format(*row) for row in rows)
