"""Deletes the postings of a run, and carries their sums forward."""

from collections.abc import Sequence
from datetime import datetime

from tintype_gateway.ledger.archive.file import Pair
from tintype_gateway.ledger.archive.session import Row, Session
from tintype_gateway.ledger.archive.statements import (
    ADD_SPENT,
    ADD_SUM,
    CARRY,
    CARRYING,
    DELETE,
    END_RUN,
    INSERT_CARRYING,
    INSERT_CARRYING_ENTRY,
    SUMS,
)
from tintype_gateway.ledger.archive.step import step

DELETE_BATCH = 500
"""How many postings are deleted in one transaction: a few milliseconds of work."""


class Removal:
    """Deletes the listed postings of a run, batch by batch."""

    def __init__(self, session: Session, run_id: str, now: datetime) -> None:
        self._session = session
        self._run_id = run_id
        self._now = now
        self._carrying: dict[Pair, object] = {}
        """The postings that carry forward; none is ever deleted."""

    async def delete_batch(self) -> bool:
        """Delete some of the listed postings; return False once the run is finished."""
        session = self._session
        async with step(session, self._run_id) as current:
            if current is None:
                return False
            sums = await session.fetch(SUMS, DELETE_BATCH)
            if not sums:
                await session.fetch(END_RUN, self._run_id, session.stored(self._now))
                return False
            await self._carry_forward(sums)
            await session.fetch(ADD_SPENT, DELETE_BATCH)
            for statement in DELETE:
                await session.fetch(statement, DELETE_BATCH)
        return True

    async def _carry_forward(self, sums: Sequence[Row]) -> None:
        """Add the sums of some postings to those that carry them forward.

        There may be as many as postings, so that they do not take a round trip each.
        """
        added, carried = [], []
        for row in sums:
            account, counterpart, amount = row["account"], row["counterpart"], row["amount"]
            posting_id = await self._posting_of(Pair(account, counterpart))
            counted = row["postings"], amount, row["images"]
            added.append((account, counterpart, self._run_id, posting_id, *counted))
            carried += [(posting_id, account, amount), (posting_id, counterpart, -amount)]
        await self._session.run_many(ADD_SUM, added)
        await self._session.run_many(CARRY, carried)

    async def _posting_of(self, pair: Pair) -> object:
        """Return the posting that carries forward for a pair; make it if there is none."""
        if pair not in self._carrying:
            found = await self._session.fetch(CARRYING, *pair)
            if not found:
                return await self._new_posting(pair)
            self._carrying[pair] = found[0]["posting_id"]
        return self._carrying[pair]

    async def _new_posting(self, pair: Pair) -> object:
        posting_id = await self._session.new_posting_id()
        await self._session.fetch(INSERT_CARRYING, posting_id, self._session.stored(self._now))
        for name in pair:
            await self._session.fetch(INSERT_CARRYING_ENTRY, posting_id, name)
        return posting_id
