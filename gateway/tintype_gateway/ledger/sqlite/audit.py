"""The audit of the whole ledger: its books, and its file."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tintype_gateway.accounts import Audit
from tintype_gateway.ledger.audit import CHECKS, COUNTS, Check, sentences
from tintype_gateway.ledger.charge_checks import (
    CHARGE_SUM,
    FAULTS,
    FAULTS_SENTENCE,
    GROUPED,
    SUMMED_CHECKS,
)
from tintype_gateway.ledger.charge_checks import CHECKS as CHARGE_CHECKS

CHUNK = 10_000
"""How many holds are summed up at once. Sorting a few is faster than sorting all."""

CHUNK_END = """
SELECT max(rowid) FROM (SELECT rowid FROM hold WHERE rowid > ? ORDER BY rowid LIMIT ?)
"""

SUM_CHUNK = f"""
INSERT INTO temp.charge_sum {CHARGE_SUM} WHERE hold.rowid > ? AND hold.rowid <= ? {GROUPED}
"""

CHARGE_SUM_TABLE = """
CREATE TEMP TABLE charge_sum (
    account TEXT, model TEXT, key_id TEXT, end_user TEXT, day TEXT, requests INTEGER,
    images INTEGER, charged INTEGER, faults INTEGER
)
"""

STRUCTURE = Check("{0}", "SELECT quick_check FROM pragma_quick_check WHERE quick_check <> 'ok'")
"""Checks that the file is not damaged."""

_WORD = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|\w+|\S", re.DOTALL)
"""A word, sign, literal or comment of SQL."""


def audit(connection: sqlite3.Connection) -> Audit:
    """Run every check. The connection must be in a transaction, so that all see one snapshot."""
    books = audit_books(connection)
    return replace(books, problems=(*books.problems, *audit_file(connection)))


def audit_books(connection: sqlite3.Connection) -> Audit:
    """Run the checks of the rows. The connection must be in a transaction."""
    connection.execute(CHARGE_SUM_TABLE)
    try:
        _sum_charges(connection)
        faults = connection.execute(FAULTS).fetchall()
        charge_checks = CHARGE_CHECKS if faults else SUMMED_CHECKS
        problems = list(_found(connection, (*CHECKS, *charge_checks)))
        if not problems:
            problems.extend(sentences(Check(FAULTS_SENTENCE, FAULTS), faults))
        return Audit(**connection.execute(COUNTS).fetchone(), problems=tuple(problems))
    finally:
        connection.execute("DROP TABLE temp.charge_sum")


def _sum_charges(connection: sqlite3.Connection) -> None:
    last = -1
    while (end := connection.execute(CHUNK_END, (last, CHUNK)).fetchone()[0]) is not None:
        connection.execute(SUM_CHUNK, (last, end))
        last = end


def audit_file(connection: sqlite3.Connection) -> Sequence[str]:
    """Check the structure of the file, and the constraints of all rows.

    SQLite's own check evaluates each `CHECK` for each row anew, a list of words among them, and
    takes many times as long as a query for the rows that violate it.
    """
    connection.execute("PRAGMA ignore_check_constraints = ON")
    try:
        problems = list(_found(connection, (STRUCTURE,)))
    finally:
        connection.execute("PRAGMA ignore_check_constraints = OFF")
    tables = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL"
    for name, script in connection.execute(tables).fetchall():
        conditions = " AND ".join(constraints(script))
        query = f'SELECT 1 FROM "{name}" WHERE NOT ({conditions}) LIMIT 1'  # noqa: S608
        if conditions and connection.execute(query).fetchone():
            problems.append(f"CHECK constraint failed in {name}")
    return problems


def constraints(script: str) -> Iterator[str]:
    """Yield the condition of each `CHECK` in the statement that creates a table."""
    depth, begin, is_check = 0, 0, False
    for word in _WORD.finditer(script):
        if word[0] == "(" and is_check and not begin:
            begin, depth = word.start(), 0
        if begin:
            depth += {"(": 1, ")": -1}.get(word[0], 0)
            if depth == 0:
                yield script[begin : word.end()]
                begin = 0
        is_check = word[0].upper() == "CHECK"


def _found(connection: sqlite3.Connection, checks: Sequence[Check]) -> Iterator[str]:
    for check in checks:
        yield from sentences(check, connection.execute(check.query))
