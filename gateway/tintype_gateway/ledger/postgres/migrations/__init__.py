"""The migrations of the PostgreSQL schema, run by Alembic."""
