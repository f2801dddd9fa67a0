"""The ledger in a SQLite file, for all processes of one host."""
