"""The checks of an audit that look at charges, in SQL that both engines support.

There may be millions of charges, so that one pass joins each with its hold and its entries, counts
those that are faulty, and sums up the others: `CHARGE_SUM`. `FAULTS` proves by counting that no
row is outside of what the pass has seen. If it finds nothing, the entries are known by the sums,
and `SUMMED_CHECKS` compare these with everything else. Otherwise `CHECKS` look at all rows anew,
which takes minutes, and name those that contradict each other.
"""

from collections.abc import Sequence

from tintype_gateway.ledger.audit import Check

CHARGE_SUM = """
SELECT hold.account, model, key_id, end_user, day,
    count(*) AS requests, sum(images) AS images, -sum(mine.amount) AS charged,
    sum(
        CASE WHEN hold.state = 'settled' AND -mine.amount BETWEEN 0 AND hold.amount
            AND other.amount = -mine.amount
        THEN 0 ELSE 1 END
    ) AS faults
FROM hold JOIN posting ON posting.hold_id = hold.id
LEFT JOIN entry AS mine ON mine.posting_id = posting.id AND mine.account = hold.account
LEFT JOIN entry AS other ON other.posting_id = posting.id AND other.account = 'sys:revenue'
"""
"""What was charged, and how many charges are faulty; `GROUPED` follows.

A charge is sound if it has an entry on the account of its hold, which is settled, of at most the
held amount, and the same on the account of revenue.
"""

GROUPED = "GROUP BY hold.account, model, key_id, end_user, day"

FAULTS = """
SELECT faulty_charges, charges - summed_charges AS charges_without_hold,
    entries - 2 * postings AS entries_too_many, settled_holds - charges AS holds_without_charge,
    charges - charged_holds AS repeated_charges, faulty_postings
FROM (
    SELECT
        (SELECT coalesce(sum(faults), 0) FROM charge_sum) AS faulty_charges,
        (SELECT coalesce(sum(requests), 0) FROM charge_sum) AS summed_charges,
        (SELECT count(*) FROM entry) AS entries,
        (SELECT count(*) FROM posting) AS postings,
        (SELECT count(*) FROM posting WHERE hold_id IS NOT NULL) AS charges,
        (
            SELECT count(*)
            FROM (SELECT DISTINCT hold_id FROM posting WHERE hold_id IS NOT NULL) AS holds
        ) AS charged_holds,
        (SELECT count(*) FROM hold WHERE state = 'settled') AS settled_holds,
        (
            SELECT count(*) FROM (
                SELECT id FROM posting LEFT JOIN entry ON entry.posting_id = posting.id
                WHERE hold_id IS NULL
                GROUP BY id HAVING count(amount) <> 2 OR sum(amount) <> 0
            ) AS faulty
        ) AS faulty_postings
    LIMIT 1
) AS counted
WHERE faulty_charges <> 0 OR charges <> summed_charges OR entries <> 2 * postings
    OR settled_holds <> charges OR charges <> charged_holds OR faulty_postings <> 0
"""
"""Returns a row if a charge, or the number of the rows of a table, contradicts the others.

Each posting has two entries at least, as no charge and no other posting is faulty; so if there are
two for each posting, there are no others. Each charge is of a settled hold, no two of the same one;
so if there are as many settled holds, each has its charge. The limit keeps both engines from moving
each count to all places that use it, and from counting there anew.
"""

FAULTS_SENTENCE = (
    "the charges contradict each other: {0} are faulty, {1} have no hold, there are {2} entries too"
    " many, {3} settled holds have no charge, {4} charges are of the same hold, {5} other postings"
    " are faulty"
)

_EACH_CHARGE = """(
    SELECT hold.account, hold.model, hold.key_id, hold.end_user, hold.day, 1 AS requests,
        hold.images, -entry.amount AS charged
    FROM hold JOIN posting ON posting.hold_id = hold.id
    JOIN entry ON entry.posting_id = posting.id AND entry.account = hold.account
) AS charge"""


def _sum_checks(charges: str) -> Sequence[Check]:
    """Return the checks of sums, which read charges from a table or a subquery."""
    return (
        # The daily usage is the sum of the charges, those that were archived among them.
        Check(
            "account {0} has {1} requests, {2} images and {3} micro-credits more in its daily usage"
            " than in its charges",
            f"""
            SELECT account, sum(requests) AS requests, sum(images) AS images,
                sum(charged) AS charged
            FROM (
                SELECT account, requests, images, charged FROM daily_usage
                UNION ALL
                SELECT account, -postings, -images, amount FROM archived_sum
                WHERE counterpart = 'sys:revenue'
                UNION ALL
                SELECT account, -requests, -images, -charged FROM {charges}
            ) AS both_sides
            GROUP BY account
            HAVING sum(requests) <> 0 OR sum(images) <> 0 OR sum(charged) <> 0
            """,  # noqa: S608 - our own words
        ),
        # No charge is missing in the daily usage of its model, key and end user. What the usage has
        # without a key and a user is from the time before it had them.
        Check(
            "account {0} was charged {3} micro-credits for {2} requests of {1} that the daily usage"
            " of their key and end user lacks",
            f"""
            SELECT account, model, missing_requests - unknown_requests AS requests,
                missing_charged - unknown_charged AS charged
            FROM (
                SELECT account, model,
                    sum(CASE WHEN is_known AND requests > 0 THEN requests ELSE 0 END)
                        AS missing_requests,
                    sum(CASE WHEN is_known AND charged > 0 THEN charged ELSE 0 END)
                        AS missing_charged,
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
                        SELECT account, model, key_id, end_user, requests, charged FROM {charges}
                    ) AS both_sides
                    GROUP BY account, model, key_id, end_user
                ) AS compared
                GROUP BY account, model
            ) AS summed
            WHERE missing_requests > unknown_requests OR missing_charged > unknown_charged
            """,  # noqa: S608 - our own words
        ),
        # Nor is a charge that was archived missing in the daily usage of its model.
        Check(
            "the charges of account {0} for {1}, with those in archives, are {2} micro-credits"
            " above its daily usage",
            f"""
            SELECT account, model, sum(charged) AS charged
            FROM (
                SELECT account, model, -charged AS charged FROM daily_usage
                UNION ALL
                SELECT account, model, charged FROM {charges}
                UNION ALL
                SELECT account, model, spent FROM archived_spent
            ) AS both_sides
            GROUP BY account, model HAVING sum(charged) > 0
            """,  # noqa: S608 - our own words
        ),
        # What is spent in a window is the sum of its open holds and charges, and of those that
        # were archived.
        Check(
            "account {0} has {1}, {2} and {3} spent in its day, week and month,"
            " its holds and charges add up to {4}, {5} and {6}",
            _spent(charges, "account", "name", "", "own.name"),
        ),
        # The same for each model that has a budget of its own.
        Check(
            "account {0} has {1}, {2} and {3} spent on {7} in its day, week and month,"
            " its holds and charges add up to {4}, {5} and {6}",
            _spent(
                charges, "model_spent", "account", " AND own.model = counted.model", "own.model"
            ),
        ),
    )


def _spent(charges: str, table: str, account: str, same: str, model: str) -> str:
    """Return the query for the rows of a table whose sums differ from the holds and charges."""
    return f"""
    SELECT account, day_spent, week_spent, month_spent, of_day, of_week, of_month, model
    FROM (
        SELECT own.{account} AS account, {model} AS model, day_spent, week_spent, month_spent,
            coalesce(sum(CASE WHEN day >= day_start THEN amount ELSE 0 END), 0) AS of_day,
            coalesce(sum(CASE WHEN day >= week_start THEN amount ELSE 0 END), 0) AS of_week,
            coalesce(sum(CASE WHEN day >= month_start THEN amount ELSE 0 END), 0) AS of_month
        FROM {table} AS own LEFT JOIN (
            SELECT account, model, day, sum(amount) AS amount
            FROM (
                SELECT account, model, day, amount FROM hold WHERE state = 'open'
                UNION ALL
                SELECT account, model, day, charged FROM {charges}
                UNION ALL
                SELECT account, model, day, spent FROM archived_spent
            ) AS each_amount
            GROUP BY account, model, day
        ) AS counted ON counted.account = own.{account}{same}
        GROUP BY own.{account}, {model}, day_spent, week_spent, month_spent
    ) AS summed
    WHERE day_spent <> of_day OR week_spent <> of_week OR month_spent <> of_month
    """  # noqa: S608 - our own words


_BALANCE = "account {0} has the balance {1}, its entries add up to {2}"

CHECKS = (
    # A balance is the sum of its entries.
    Check(
        _BALANCE,
        """
        SELECT name, balance, total
        FROM (
            SELECT name, balance, coalesce(sum(amount), 0) AS total
            FROM account LEFT JOIN entry ON entry.account = account.name GROUP BY name, balance
        ) AS summed
        WHERE balance <> total
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
    *_sum_checks(_EACH_CHARGE),
)
"""The checks that look at all rows."""

SUMMED_CHECKS = (
    # A balance is the sum of its entries.
    Check(
        _BALANCE,
        """
        SELECT name, balance, total
        FROM (
            SELECT name, balance, coalesce(sum(amount), 0) AS total
            FROM account LEFT JOIN (
                SELECT account, -sum(charged) AS amount FROM charge_sum GROUP BY account
                UNION ALL
                SELECT 'sys:revenue', sum(charged) FROM charge_sum
                UNION ALL
                SELECT entry.account, amount
                FROM posting JOIN entry ON entry.posting_id = posting.id
                WHERE posting.hold_id IS NULL
            ) AS moved ON moved.account = account.name
            GROUP BY name, balance
        ) AS summed
        WHERE balance <> total
        """,
    ),
    *_sum_checks("charge_sum"),
)
"""The checks that read the table `charge_sum`. They are exact if `FAULTS` has found nothing."""
