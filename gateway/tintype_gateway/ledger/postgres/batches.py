"""Operations of one kind that share transactions: whatever is due when a connection is free.

An operation that is alone is sent at once. Those that come while it is under way are the next
batch, and so on: the more there are, the more of them share a round trip, a lock on their account
and a sync of the server's disk. Each has an outcome of its own.
"""

import asyncio
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from asyncpg import Connection, Record

from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.postgres.database import Database

LANES = 4
"""How many batches of a kind are under way at once. Those of one account come one by one."""

MOST = 256
"""The most operations of a batch, so that others do not wait long for their accounts."""

MOST_CHARACTERS = 4 * 1024 * 1024
"""The most characters of the rows of a batch that has more than one: requests of jobs can be large.
They are in memory several times over while the batch is sent."""


@dataclass(frozen=True, slots=True)
class _Operation:
    key: object
    """What no two operations of a batch may have in common."""

    row: str
    """Its row in JSON."""

    outcome: asyncio.Future[Record]
    abandon: Callable[[], object] | None
    is_alone: bool = False
    """Whether it must not be sent with others."""


@dataclass(slots=True)
class _Lane:
    waiting: list[_Operation] = field(default_factory=list)
    is_busy: bool = False

    def fill(self, batch: list[_Operation]) -> None:
        """Move operations that wait to a batch, as many as it can take."""
        keys, left = {operation.key for operation in batch}, []
        size = sum(len(operation.row) for operation in batch)
        for operation in self.waiting:
            is_full = len(batch) == MOST or (batch and (batch[0].is_alone or operation.is_alone))
            is_large = batch and size + len(operation.row) > MOST_CHARACTERS
            if is_full or is_large or operation.key in keys:
                left.append(operation)
            else:
                keys.add(operation.key)
                size += len(operation.row)
                batch.append(operation)
        self.waiting = left


class Batches:
    """The operations of one kind of this process."""

    def __init__(self, database: Database, statement: str, shared: Callable[[], Sequence[object]]):
        """Prepare.

        `statement` gets what `shared` returns, and then the rows of the operations as a list in
        JSON. It returns a row for each of them, with its number in `place`, from 1.
        """
        self._database = database
        self._statement = statement
        self._shared = shared
        self._lanes = [_Lane() for _ in range(LANES)]

    def submit(
        self,
        account: str,
        row: Mapping[str, object],
        *,
        abandon: Callable[[], object] | None = None,
    ) -> asyncio.Future[Record]:
        """Queue an operation on an account; its future gets the row of its outcome.

        No two operations of a batch have the same `id` in their rows.

        Cancelling the future does not stop it. `abandon` is called after it has ended if the
        future was cancelled, or if nobody knows how it ended.

        Raises:
            LedgerUnavailableError: the ledger is closed.
        """
        self._database.require_open()
        outcome = asyncio.get_running_loop().create_future()
        operation = _Operation(row["id"], json.dumps(row), outcome, abandon)
        lane = self._lanes[hash(account) % LANES]
        lane.waiting.append(operation)
        if not lane.is_busy:
            self._send(lane)
        return operation.outcome

    def _send(self, lane: _Lane) -> None:
        """Begin the next batch of a lane. What comes until it has a connection goes with it."""
        lane.is_busy = True
        batch: list[_Operation] = []
        lane.fill(batch)
        attempts = itertools.count()

        async def work(connection: "Connection[Record]") -> list[Record]:
            if next(attempts) == 0:
                lane.fill(batch)
            rows = f"[{','.join(operation.row for operation in batch)}]"
            return await connection.fetch(self._statement, *self._shared(), rows)

        self._database.run(work).add_done_callback(partial(self._end, lane, batch))

    def _end(
        self, lane: _Lane, batch: Sequence[_Operation], sent: "asyncio.Task[list[Record]]"
    ) -> None:
        """Tell all outcomes of a batch, and begin the next one."""
        error = sent.exception()
        if error is None:
            for row in sent.result():
                _tell(batch[row["place"] - 1], row)
        elif len(batch) > 1 and not isinstance(error, LedgerUnavailableError):
            # One of them is a defect, or cannot be kept: each is tried alone.
            lane.waiting[:0] = [replace(operation, is_alone=True) for operation in batch]
        else:
            for operation in batch:
                _tell(operation, error)
        lane.is_busy = False
        if lane.waiting:
            self._send(lane)


def _tell(operation: _Operation, outcome: Any) -> None:
    outcome_is_known = not isinstance(outcome, LedgerUnavailableError)
    is_heard = not operation.outcome.cancelled()
    if is_heard and isinstance(outcome, BaseException):
        operation.outcome.set_exception(outcome)
    elif is_heard:
        operation.outcome.set_result(outcome)
    if operation.abandon is not None and not (is_heard and outcome_is_known):
        operation.abandon()
