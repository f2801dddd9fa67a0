"""Deletes the postings of a run, and carries their sums forward."""

from datetime import datetime

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


async def delete_batch(session: Session, run_id: str, now: datetime) -> bool:
    """Delete some of the listed postings; return False once the run is finished."""
    async with step(session, run_id) as current:
        if current is None:
            return False
        pairs = await session.fetch(SUMS, DELETE_BATCH)
        if not pairs:
            await session.fetch(END_RUN, run_id, session.stored(now))
            return False
        for pair in pairs:
            await _carry_forward(session, run_id, pair, now)
        await session.fetch(ADD_SPENT, DELETE_BATCH)
        for statement in DELETE:
            await session.fetch(statement, DELETE_BATCH)
    return True


async def _carry_forward(session: Session, run_id: str, pair: Row, now: datetime) -> None:
    """Add the sum of some postings to the one that carries them forward."""
    account, counterpart, amount = pair["account"], pair["counterpart"], pair["amount"]
    carrying = await session.fetch(CARRYING, account, counterpart)
    if carrying:
        posting_id = carrying[0]["posting_id"]
    else:
        posting_id = await session.new_posting_id()
        await session.fetch(INSERT_CARRYING, posting_id, session.stored(now))
        for name in (account, counterpart):
            await session.fetch(INSERT_CARRYING_ENTRY, posting_id, name)
    await session.fetch(
        ADD_SUM, account, counterpart, run_id, posting_id, pair["postings"], amount, pair["images"]
    )
    await session.fetch(CARRY, posting_id, account, amount)
    await session.fetch(CARRY, posting_id, counterpart, -amount)
