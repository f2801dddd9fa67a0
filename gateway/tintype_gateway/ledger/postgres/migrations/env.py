"""How Alembic runs the migrations: in the transaction that it is given."""

from alembic import context

from tintype_gateway.ledger.postgres.schema import REVISION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=REVISION_TABLE)
context.run_migrations()
