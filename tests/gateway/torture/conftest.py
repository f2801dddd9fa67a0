"""The PostgreSQL server that the tortures share with the ledger's own tests."""

from tests.support.postgres import migrated, postgres

__all__ = ["migrated", "postgres"]
