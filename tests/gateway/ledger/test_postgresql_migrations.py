"""The schema of a PostgreSQL database, and who may change it."""

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.gateway.ledger.stores import PostgresStore
from tests.support.postgres import PostgresServer
from tintype_gateway.ledger import LedgerUnavailableError
from tintype_gateway.ledger.migrating import migrate_ledger
from tintype_gateway.ledger.postgres import migrations, schema


@pytest.fixture
def empty(postgres: PostgresServer) -> PostgresStore:
    """A database with nothing in it."""
    return PostgresStore(postgres, postgres.create_database())


@pytest.fixture
def own(postgres: PostgresServer, migrated: str) -> PostgresStore:
    """A database with an empty ledger that no other test uses."""
    return PostgresStore(postgres, postgres.create_database(migrated))


async def revision_of(store: PostgresStore) -> str:
    ((revision,),) = await store.query("SELECT version_num FROM ledger_revision")
    return str(revision)


def test_the_program_needs_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))

    assert ScriptDirectory.from_config(config).get_current_head() == schema.REVISION


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
        ("0000", "has schema 0000, this program needs 0001: run `tintype ledger migrate`"),
        ("0002", "has schema 0002, this program only knows 0001: it is too old"),
    ],
)
async def test_a_ledger_of_another_schema_is_refused(
    own: PostgresStore, revision: str, told: str
) -> None:
    change = f"UPDATE ledger_revision SET version_num = '{revision}'"  # noqa: S608 - our own
    await own.execute(change)
    ledger = own.open()

    with pytest.raises(LedgerUnavailableError, match=told):
        await ledger.check()

    await ledger.close()


async def test_a_ledger_in_use_goes_on_while_a_newer_program_migrates_it(
    own: PostgresStore,
) -> None:
    ledger = own.open()
    await ledger.check()
    await own.execute("UPDATE ledger_revision SET version_num = '0002'")
    await own.server.disconnect_all(own.name)

    await ledger.create_account("studio")

    await ledger.close()


async def test_what_a_newer_program_has_migrated_is_left_alone(
    own: PostgresStore,
) -> None:
    await own.execute("UPDATE ledger_revision SET version_num = '0002'")

    with pytest.raises(LedgerUnavailableError, match="newer program"):
        await migrate_ledger(own.url)

    assert await revision_of(own) == "0002"


async def test_a_migration_that_fails_leaves_nothing_behind(empty: PostgresStore) -> None:
    await empty.execute("CREATE TABLE hold (id integer)")

    with pytest.raises(LedgerUnavailableError, match='"hold" already exists') as refusal:
        await migrate_ledger(empty.url)

    tables = await empty.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert tables == [("hold",)]
    assert "\n" not in str(refusal.value)


async def test_a_server_that_is_away_cannot_be_migrated(empty: PostgresStore) -> None:
    url = empty.url.replace(str(empty.server.port), "1")

    with pytest.raises(LedgerUnavailableError, match="cannot migrate"):
        await migrate_ledger(url)
