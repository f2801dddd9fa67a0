"""The SQL of archive runs, which both engines support."""

BEGIN_RUN = """
INSERT INTO archive_run (id, older_than, started_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""

UNFINISHED = "SELECT * FROM archive_run WHERE finished_at IS NULL"

# Until the end of the transaction others that do the same wait.
LOCK_RUN = "UPDATE archive_run SET started_at = started_at WHERE id = $1"

POSTING_END = """
SELECT id FROM (SELECT id FROM posting WHERE id > $1 ORDER BY id LIMIT $2) AS page
ORDER BY id DESC LIMIT 1
"""

LIST = """
INSERT INTO archived_posting (posting_id, run_id, hold_id)
SELECT id, $1, hold_id FROM posting
WHERE id > $2 AND id <= $3 AND created_at < $4
    AND kind <> 'carried_forward' AND idempotency_key IS NULL AND reference IS NULL
ON CONFLICT DO NOTHING
"""

LISTED = "SELECT count(*) AS postings FROM archived_posting"

# The account of a client and that of the ledger: a posting has one entry on each.
_ENTRIES = """
JOIN entry AS mine ON mine.posting_id = page.posting_id AND mine.account NOT LIKE 'sys:%'
JOIN entry AS other ON other.posting_id = page.posting_id AND other.account LIKE 'sys:%'
"""

LISTED_LINES = f"""
SELECT posting.id, kind, reason, posting.created_at, mine.account, mine.amount,
    other.account AS counterpart, other.amount AS counter_amount, posting.hold_id, hold.state,
    hold.amount AS held, key_id, request_id, model, provider, images, hold.created_at AS held_at,
    delivered_at
FROM (
    SELECT posting_id FROM archived_posting WHERE posting_id > $1 ORDER BY posting_id LIMIT $2
) AS page
JOIN posting ON posting.id = page.posting_id
{_ENTRIES}
LEFT JOIN hold ON hold.id = posting.hold_id
ORDER BY posting.id
"""  # noqa: S608 - our own words

SEAL = "UPDATE archive_run SET file = $2, sha256 = $3, postings = $4 WHERE id = $1"

# By its limit the planner knows that there are few, whatever the table's statistics say.
_BATCH = "(SELECT posting_id, hold_id FROM archived_posting ORDER BY posting_id LIMIT $1) AS page"

# In the order of accounts, in which others lock them.
SUMS = f"""
SELECT mine.account, other.account AS counterpart, count(*) AS postings,
    CAST(sum(mine.amount) AS bigint) AS amount, coalesce(sum(hold.images), 0) AS images
FROM {_BATCH}
{_ENTRIES}
LEFT JOIN hold ON hold.id = page.hold_id
GROUP BY mine.account, other.account ORDER BY mine.account
"""  # noqa: S608 - our own words

CARRYING = """
SELECT posting_id FROM archived_sum WHERE account = $1 AND counterpart = $2 LIMIT 1
"""

INSERT_CARRYING = """
INSERT INTO posting (id, kind, reason, created_at) VALUES ($1, 'carried_forward', 'archived', $2)
"""

# Of 0, because a new entry changes the balance, and what is carried forward must not.
INSERT_CARRYING_ENTRY = "INSERT INTO entry (posting_id, account, amount) VALUES ($1, $2, 0)"

ADD_SUM = """
INSERT INTO archived_sum (account, counterpart, run_id, posting_id, postings, amount, images)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (account, counterpart, run_id) DO UPDATE SET
    postings = archived_sum.postings + excluded.postings,
    amount = archived_sum.amount + excluded.amount,
    images = archived_sum.images + excluded.images
"""

# The month of an account may still count what it was charged for its holds.
ADD_SPENT = f"""
INSERT INTO archived_spent (account, day, model, spent)
SELECT hold.account, hold.day, hold.model, CAST(-sum(entry.amount) AS bigint)
FROM {_BATCH}
JOIN hold ON hold.id = page.hold_id
JOIN entry ON entry.posting_id = page.posting_id AND entry.account = hold.account
WHERE hold.day IS NOT NULL
GROUP BY hold.account, hold.day, hold.model
ON CONFLICT (account, day, model) DO UPDATE SET spent = archived_spent.spent + excluded.spent
"""  # noqa: S608 - our own words

CARRY = "UPDATE entry SET amount = amount + $3 WHERE posting_id = $1 AND account = $2"

DELETE = (
    f"DELETE FROM entry WHERE posting_id IN (SELECT posting_id FROM {_BATCH})",  # noqa: S608
    f"DELETE FROM posting WHERE id IN (SELECT posting_id FROM {_BATCH})",  # noqa: S608
    f"DELETE FROM hold WHERE id IN (SELECT hold_id FROM {_BATCH})",  # noqa: S608
    f"DELETE FROM archived_posting WHERE posting_id IN (SELECT posting_id FROM {_BATCH})",  # noqa: S608
)

END_RUN = "UPDATE archive_run SET finished_at = $2 WHERE id = $1"

RUN = "SELECT * FROM archive_run WHERE id = $1"

RUN_SUMS = """
SELECT account, counterpart, postings, amount, images FROM archived_sum WHERE run_id = $1
"""
