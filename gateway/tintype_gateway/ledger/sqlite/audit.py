"""The audit of the whole ledger: its books, and its file."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from threading import Lock
from typing import TypeVar

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

T = TypeVar("T")

CHUNK = 10_000
"""How many holds are summed up at once. Sorting a few is faster than sorting all."""

CHUNK_END = "SELECT min(rowid) - 1 + ? FROM hold WHERE rowid > ?"

SUM_CHUNK = f"""
INSERT INTO temp.chunk_sum {CHARGE_SUM} WHERE hold.rowid > ? AND hold.rowid <= ? {GROUPED}
"""

SUM_TABLE = """
CREATE TEMP TABLE {0} (
    account TEXT, model TEXT, key_id TEXT, end_user TEXT, day TEXT, requests INTEGER,
    images INTEGER, charged INTEGER, faults INTEGER
)
"""

SUM_CHUNKS = """
SELECT account, model, key_id, end_user, day, sum(requests), sum(images), sum(charged), sum(faults)
FROM temp.chunk_sum GROUP BY account, model, key_id, end_user, day
"""

ADD_SUM = "INSERT INTO temp.charge_sum VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

STRUCTURE = Check("{0}", "SELECT quick_check FROM pragma_quick_check WHERE quick_check <> 'ok'")
"""Checks that the file is not damaged."""

_WORD = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|\w+|\S", re.DOTALL)
"""A word, sign, literal or comment of SQL."""


def audit(connections: Sequence[sqlite3.Connection]) -> Audit:
    """Run every check, on each connection one at a time.

    The connections must be in transactions that see the same snapshot.
    """
    free: SimpleQueue[sqlite3.Connection] = SimpleQueue()
    charges = _Charges()
    with ExitStack() as tables, ThreadPoolExecutor(len(connections)) as threads:
        for connection in connections:
            tables.enter_context(_temporary(connection, "chunk_sum"))
            free.put(connection)

        def start(work: Callable[[sqlite3.Connection], T]) -> Future[T]:
            return threads.submit(_borrowing, free, work)

        damages, others = start(audit_file), start(_others)
        for sums in [start(charges.sum_up) for _ in connections]:
            sums.result()
        (counts, problems), of_file = others.result(), damages.result()
        problems = (*problems, *_charge_problems(connections, is_sound=not problems))
        return Audit(**counts, problems=(*problems, *of_file))


class _Charges:
    """The charges of all holds, which connections sum up in chunks, each those that are next."""

    def __init__(self) -> None:
        self._last = -1
        self._lock = Lock()

    def sum_up(self, connection: sqlite3.Connection) -> None:
        """Sum up chunks until all are taken, each into a few rows of `chunk_sum`."""
        while (chunk := self._next(connection)) is not None:
            connection.execute(SUM_CHUNK, chunk)

    def _next(self, connection: sqlite3.Connection) -> tuple[int, int] | None:
        with self._lock:
            begin = self._last
            (end,) = connection.execute(CHUNK_END, (CHUNK, begin)).fetchone()
            if end is None:
                return None
            self._last = end
            return begin, end


def _others(connection: sqlite3.Connection) -> tuple[Mapping[str, int], Sequence[str]]:
    """Return the figures of the audit, and what the checks find that do not look at charges."""
    return connection.execute(COUNTS).fetchone(), tuple(_found(connection, CHECKS))


def _charge_problems(connections: Sequence[sqlite3.Connection], *, is_sound: bool) -> Sequence[str]:
    """Return what the checks of charges find, in the sums of all connections.

    Contradictions that no check explains are told if nothing else is wrong.
    """
    own = connections[0]
    with _temporary(own, "charge_sum"):
        for connection in connections:
            own.executemany(ADD_SUM, connection.execute(SUM_CHUNKS))
        faults = own.execute(FAULTS).fetchall()
        problems = list(_found(own, CHARGE_CHECKS if faults else SUMMED_CHECKS))
    if is_sound and not problems:
        problems.extend(sentences(Check(FAULTS_SENTENCE, FAULTS), faults))
    return problems


@contextmanager
def _temporary(connection: sqlite3.Connection, table: str) -> Iterator[None]:
    connection.execute(SUM_TABLE.format(table))
    try:
        yield
    finally:
        connection.execute(f"DROP TABLE temp.{table}")


def _borrowing(free: SimpleQueue[sqlite3.Connection], work: Callable[[sqlite3.Connection], T]) -> T:
    connection = free.get()
    try:
        return work(connection)
    finally:
        free.put(connection)


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
