"""Audits of a SQLite file."""

import sqlite3

from tintype_gateway.accounts import Audit
from tintype_gateway.ledger.audit import CHECKS, COUNTS, Check, sentences

FILE_CHECK = Check("{0}", "SELECT quick_check FROM pragma_quick_check WHERE quick_check <> 'ok'")
"""The file itself is sound."""


def audit(connection: sqlite3.Connection) -> Audit:
    """Run every check; the connection must be in a transaction, so that all see one moment."""
    problems = [
        sentence
        for check in (*CHECKS, FILE_CHECK)
        for sentence in sentences(check, connection.execute(check.query))
    ]
    return Audit(**connection.execute(COUNTS).fetchone(), problems=tuple(problems))
