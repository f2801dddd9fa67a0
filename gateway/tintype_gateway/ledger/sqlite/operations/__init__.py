"""The operations of `Ledger` in SQLite, by what they are about."""
