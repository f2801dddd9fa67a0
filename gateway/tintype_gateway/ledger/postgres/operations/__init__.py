"""The operations of `Ledger` in PostgreSQL, by what they are about."""
