"""Copies a whole ledger to a file, and a file into an empty ledger of either engine."""
