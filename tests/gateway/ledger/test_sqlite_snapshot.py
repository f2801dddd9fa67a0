"""Connections that share the work of an audit of SQLite see the same snapshot."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tintype_gateway.ledger.sqlite import snapshot
from tintype_gateway.ledger.sqlite.database import ensure_exists
from tintype_testing.ledgers import connect

COMMIT = "UPDATE account SET display_name = display_name || 'x' WHERE name = 'sys:funding'"


@pytest.fixture
def connections(path: Path) -> Iterator[Sequence[sqlite3.Connection]]:
    """An observer and two readers of a ledger."""
    ensure_exists(path)
    with ExitStack() as stack:
        yield [stack.enter_context(closing(connect(path))) for _ in range(3)]


def commit_before_begin_of(
    reader: sqlite3.Connection, path: Path, commits: int
) -> Callable[[], int]:
    """Let others commit before this connection begins, and tell how many commits are left."""
    left = commits

    def trace(statement: str) -> None:
        nonlocal left
        if statement == "BEGIN" and left:
            left -= 1
            with closing(connect(path)) as other:
                other.execute(COMMIT)

    reader.set_trace_callback(trace)
    return lambda: left


def names(readers: Sequence[sqlite3.Connection]) -> Sequence[str]:
    query = "SELECT display_name FROM account WHERE name = 'sys:funding'"
    return [reader.execute(query).fetchone()[0] for reader in readers]


def test_commits_between_the_beginnings_begin_them_anew(
    connections: Sequence[sqlite3.Connection], path: Path
) -> None:
    observer, *readers = connections
    left = commit_before_begin_of(readers[1], path, commits=3)

    began = snapshot.begin_together(observer, readers)

    assert (left(), names(began)) == (0, ["xxx", "xxx"])


def test_one_reads_alone_if_others_commit_all_the_time(
    connections: Sequence[sqlite3.Connection], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "ATTEMPTS", 3)
    observer, *readers = connections
    commit_before_begin_of(readers[1], path, commits=10)

    assert snapshot.begin_together(observer, readers) == readers[:1]
    assert (readers[0].in_transaction, readers[1].in_transaction) == (True, False)


def test_what_is_committed_later_is_not_seen(
    connections: Sequence[sqlite3.Connection], path: Path
) -> None:
    observer, *readers = connections
    began = snapshot.begin_together(observer, readers)

    with closing(connect(path)) as other:
        other.execute(COMMIT)

    assert names([*began, observer]) == ["", "", "x"]
