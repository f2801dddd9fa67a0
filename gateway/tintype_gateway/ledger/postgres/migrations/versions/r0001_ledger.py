"""Accounts, keys, holds, postings, entries and use, and the operations on them."""

from tintype_gateway.ledger.postgres.migrations.scripts import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make everything."""
    for name in ("tables", "rates", "accounts", "holds", "ends"):
        run(f"{revision}_{name}.sql")
