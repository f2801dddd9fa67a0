"""A claim reads about what it takes, however many messages of a busy queue are due."""

import sqlite3
from collections.abc import Collection
from contextlib import closing
from functools import partial

import pytest

from tintype_gateway.ledger.outbox import LOOKED_THROUGH
from tintype_gateway.ledger.sqlite import outbox
from tintype_testing.ledger_stores import PostgresStore, SqliteStore
from tintype_testing.ledgers import connect
from tintype_testing.waiting import eventually

DUE = 5000

BUSY = "jobs of studio"

STEPS = 100
"""After how many instructions of its virtual machine SQLite is asked to count them."""

FILL_SQLITE = f"""
WITH RECURSIVE numbered (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbered WHERE n < {DUE})
INSERT INTO webhook_delivery (id, type, destination, account, payload, created_at, due_at)
SELECT 'msg_' || n, 'image.job.completed', 'job:' || n, 'studio', '', n, n FROM numbered
"""  # noqa: S608 - our own words

FILL_POSTGRESQL = f"""
INSERT INTO webhook_delivery (id, type, destination, account, payload, created_at, due_at)
SELECT 'msg_' || n, 'image.job.completed', 'job:' || n, 'studio', '', now(),
    now() - make_interval(secs => 1000 - n / 10.0)
FROM generate_series(1, {DUE}) AS n;
INSERT INTO webhook_delivery (id, type, destination, account, payload, created_at, due_at)
VALUES ('msg_of_another', 'image.job.completed', 'job:0', 'agency', '', now(), now());
ANALYZE;
SELECT pg_stat_reset();
"""  # noqa: S608 - our own words


@pytest.mark.parametrize("busy", [(), (BUSY,)], ids=["nothing busy", "a busy queue"])
async def test_sqlite_reads_a_part_of_the_messages_for_a_claim(
    sqlite_store: SqliteStore, busy: Collection[str]
) -> None:
    await sqlite_store.open().close()
    counted: list[None] = []
    with closing(connect(sqlite_store.path)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute(FILL_SQLITE)
        connection.set_progress_handler(lambda: counted.append(None), STEPS)
        found = outbox.claim(connection, 10.0 * DUE, "claim", 4, 60, busy)

    assert len(found) == (0 if busy else 4)
    assert len(counted) * STEPS < 100 * LOOKED_THROUGH


@pytest.mark.timeout(900)
async def test_postgresql_reads_a_part_of_the_messages_for_a_claim(
    postgresql_store: PostgresStore,
) -> None:
    store = postgresql_store
    await store.open().close()
    await store.execute(FILL_POSTGRESQL)
    ledger = store.open()

    found = await ledger.claim_webhooks("claim", 4, 60, busy=(BUSY,))

    assert [each.message.id for each in found] == ["msg_of_another"]
    await ledger.close()
    await eventually(partial(_has_no_session, store))
    ((read,),) = await store.query(
        "SELECT (seq_tup_read + idx_tup_fetch)::integer FROM pg_stat_user_tables"
        " WHERE relname = 'webhook_delivery'"
    )
    assert 0 < read < 2 * LOOKED_THROUGH


async def _has_no_session(store: PostgresStore) -> bool:
    """Return whether all sessions have reported what they read."""
    active = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tintype'"
    return await store.query(active) == [(0,)]
