"""Moves old postings from the ledger's database to a file."""
