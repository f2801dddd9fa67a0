"""The schema of a PostgreSQL database, and who may change it."""

import asyncio
import sys

import asyncpg
import pytest

from tintype_gateway.ledger import Budget, Hold, LedgerUnavailableError
from tintype_gateway.ledger.factory import migrate_ledger
from tintype_gateway.ledger.postgres import schema
from tintype_gateway.ledger.postgres.schema import LOCK, MIGRATIONS
from tintype_testing.ledger_stores import PostgresStore
from tintype_testing.postgres import PostgresServer
from tintype_testing.waiting import eventually

NEWEST = MIGRATIONS.newest

RELEASE_0_1 = """
CREATE TABLE ledger_revision (
    version_num VARCHAR(32) NOT NULL, CONSTRAINT ledger_revision_pkc PRIMARY KEY (version_num)
);
INSERT INTO ledger_revision VALUES ('0001');
"""
"""What Alembic left beside the tables of the first migration."""

LIFE_OF_AN_OLD_LEDGER = """
INSERT INTO account (name, opened_by, unlimited, created_at)
VALUES ('studio', gen_random_uuid(), false, now());
SELECT ledger_fund(
    now(), gen_random_uuid(), 'grant', 'studio', 1000, 'account created');
SELECT ledger_hold(
    now(), 'hold-1', 'studio', 400, 1, interval '1 hour', 'k', 'r', 'dall-e-3', 'openai',
    NULL, NULL, interval '1 day');
SELECT ledger_hold(
    now(), 'hold-2', 'studio', 70, 1, interval '1 hour', 'k', 'r', 'dall-e-3', 'openai',
    'poster-7', 'digest', interval '1 day');
SELECT ledger_settle(now(), gen_random_uuid(), 'hold-1', 150, 1);
"""
"""A charge, and an open hold with an idempotency key."""

SCHEMA = """
SELECT 'column', table_name, column_name, concat(data_type, ' ', is_nullable, ' ', column_default)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
UNION ALL
SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'function', '', oid::regprocedure::text, pg_get_functiondef(oid)
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
ORDER BY 1, 2, 3, 4
"""

WAITING = f"""
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND NOT granted AND classid = {LOCK >> 32}
"""  # noqa: S608 - our own number


WAITS_FOR_HOLDS = """
SELECT count(*) FROM pg_locks WHERE relation = 'hold'::regclass AND NOT granted
"""


@pytest.fixture
def empty(postgres: PostgresServer) -> PostgresStore:
    """A database with nothing in it."""
    return PostgresStore(postgres, postgres.create_database())


@pytest.fixture
def own(postgres: PostgresServer, migrated: str) -> PostgresStore:
    """A database with an empty ledger that no other test uses."""
    return PostgresStore(postgres, postgres.create_database(migrated))


async def revision_of(store: PostgresStore) -> int:
    ((revision,),) = await store.query("SELECT version_num FROM ledger_revision")
    return int(revision)


async def set_revision(store: PostgresStore, revision: int) -> None:
    await store.execute(f"UPDATE ledger_revision SET version_num = '{revision:04}'")  # noqa: S608


@pytest.fixture
async def of_release_0_1(empty: PostgresStore) -> PostgresStore:
    """A database of the last release, with a charge and an open hold."""
    _, script = next(MIGRATIONS.missing(0))
    await empty.execute(RELEASE_0_1)
    await empty.execute(script)
    await empty.execute(LIFE_OF_AN_OLD_LEDGER)
    return empty


async def test_a_database_without_a_ledger_is_refused_until_it_is_migrated(
    empty: PostgresStore,
) -> None:
    ledger = empty.open()
    with pytest.raises(LedgerUnavailableError, match="no ledger yet: run `tintype ledger migrate`"):
        await ledger.check()
    with pytest.raises(LedgerUnavailableError, match="no ledger yet"):
        await ledger.audit()

    await migrate_ledger(empty.url)

    await ledger.create_account("studio")
    await ledger.close()


async def test_a_ledger_that_is_migrated_already_stays_as_it_is(
    postgresql_store: PostgresStore,
) -> None:
    ledger = postgresql_store.open()
    await ledger.create_account("studio", credits_micro=1000)

    await migrate_ledger(postgresql_store.url)

    assert (await ledger.account("studio")).balance == 1000
    await ledger.close()


@pytest.mark.parametrize(
    ("revision", "told"),
    [
        (0, "holds no ledger yet: run `tintype ledger migrate`"),
        (NEWEST + 1, f"has schema {NEWEST + 1}, this program only knows {NEWEST}: it is too old"),
    ],
)
async def test_a_ledger_of_another_schema_is_refused(
    own: PostgresStore, revision: int, told: str
) -> None:
    await set_revision(own, revision)
    ledger = own.open()

    with pytest.raises(LedgerUnavailableError, match=told):
        await ledger.check()

    await ledger.close()


async def test_a_ledger_in_use_goes_on_while_a_newer_program_migrates_it(
    own: PostgresStore,
) -> None:
    ledger = own.open()
    await ledger.check()
    await set_revision(own, NEWEST + 1)
    await own.server.disconnect_all(own.name)

    await ledger.create_account("studio")

    await ledger.close()


async def test_a_database_of_a_newer_program_is_not_changed(
    own: PostgresStore,
) -> None:
    await set_revision(own, NEWEST + 1)

    with pytest.raises(LedgerUnavailableError, match="newer program"):
        await migrate_ledger(own.url)

    assert await revision_of(own) == NEWEST + 1


async def test_a_migration_that_fails_leaves_nothing_behind(empty: PostgresStore) -> None:
    await empty.execute("CREATE TABLE hold (id integer)")

    with pytest.raises(LedgerUnavailableError, match='"hold" already exists') as refusal:
        await migrate_ledger(empty.url)

    tables = await empty.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert tables == [("hold",)]
    assert "\n" not in str(refusal.value)


async def test_a_database_of_the_last_release_is_taken_over(
    of_release_0_1: PostgresStore, own: PostgresStore
) -> None:
    await migrate_ledger(of_release_0_1.url)

    assert await revision_of(of_release_0_1) == NEWEST
    assert await of_release_0_1.query(SCHEMA) == await own.query(SCHEMA)
    ledger = of_release_0_1.open()
    budgets = [Budget("month", 900), Budget("month", 900, "dall-e-3")]
    budgeted = await ledger.set_budgets("studio", "UTC", budgets)
    assert [window.spent for window in budgeted.windows] == [220, 220]
    await ledger.settle(Hold("hold-2", "studio", 70), 60, images=1)
    assert (await ledger.account("studio")).available == 790
    assert (await ledger.audit()).problems == ()
    await ledger.close()


async def test_gateways_go_on_while_a_migration_waits_for_the_end_of_a_backup(
    of_release_0_1: PostgresStore,
) -> None:
    backup = await asyncpg.connect(of_release_0_1.url)
    reading = backup.transaction(isolation="repeatable_read", readonly=True)
    await reading.start()
    await backup.execute("SELECT FROM hold")
    gateway = await asyncpg.connect(of_release_0_1.url)

    async def waits() -> bool:
        return bool(await backup.fetchval(WAITS_FOR_HOLDS))

    async with asyncio.TaskGroup() as tasks:
        migration = tasks.create_task(migrate_ledger(of_release_0_1.url))
        for _ in range(3):
            await eventually(waits)
            async with asyncio.timeout(60):
                await gateway.execute("UPDATE account SET held = held WHERE name = 'studio'")
        assert not migration.done()
        await reading.commit()

    assert await revision_of(of_release_0_1) == NEWEST
    await gateway.close()
    await backup.close()


async def test_a_migration_gives_way_to_a_gateway_that_waits_for_it_in_turn(
    of_release_0_1: PostgresStore,
) -> None:
    gateway = await asyncpg.connect(of_release_0_1.url)
    await gateway.execute("SET deadlock_timeout = '1h'")  # so that the migration gives way
    settling = gateway.transaction()
    await settling.start()
    await gateway.execute("SELECT FROM hold WHERE id = 'hold-2' FOR UPDATE")

    async def waits() -> bool:
        return bool(await gateway.fetchval(WAITS_FOR_HOLDS))

    async with asyncio.TaskGroup() as tasks:
        migration = tasks.create_task(migrate_ledger(of_release_0_1.url))
        await eventually(waits)
        await gateway.execute("UPDATE account SET held = held WHERE name = 'studio'")
        assert not migration.done()
        await settling.commit()

    assert await revision_of(of_release_0_1) == NEWEST
    await gateway.close()


async def test_a_migration_that_others_keep_waiting_changes_nothing_and_says_so(
    of_release_0_1: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "WAIT_SECONDS", 0)
    backup = await asyncpg.connect(of_release_0_1.url)
    async with backup.transaction():
        await backup.execute("SELECT FROM hold")

        with pytest.raises(LedgerUnavailableError, match="other programs used its tables"):
            await migrate_ledger(of_release_0_1.url)

    assert await revision_of(of_release_0_1) == 1
    await backup.close()


async def test_processes_that_migrate_at_once_do_it_once(
    empty: PostgresStore, own: PostgresStore
) -> None:
    first = await asyncpg.connect(empty.url)
    await first.execute("SELECT pg_advisory_lock($1)", LOCK)
    command = [sys.executable, "-m", "tintype_cli", "ledger", "migrate"]
    processes = [
        await asyncio.create_subprocess_exec(*command, env={"TINTYPE_DATABASE_URL": empty.url})
        for _ in range(2)
    ]

    async def both_wait() -> bool:
        return bool(await first.fetchval(WAITING) == 2)

    await eventually(both_wait)
    await first.close()

    assert [await process.wait() for process in processes] == [0, 0]
    assert await revision_of(empty) == NEWEST
    assert await empty.query(SCHEMA) == await own.query(SCHEMA)


async def test_a_server_that_is_away_cannot_be_migrated(empty: PostgresStore) -> None:
    url = empty.url.replace(str(empty.server.port), "1")

    with pytest.raises(LedgerUnavailableError, match="cannot migrate"):
        await migrate_ledger(url)
