"""What the tests of archives share."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from typing_extensions import override

from tintype_gateway.ledger.archive.run import Report, archive
from tintype_gateway.ledger.archive.session import Row, Session, open_session
from tintype_testing.ledger_stores import Store
from tintype_testing.ledgers import Clock

DAY = 24 * 3600


class KilledError(Exception):
    """The process ends here."""


class MortalSession(Session):
    """A session of a process that is killed before a certain statement."""

    def __init__(self, session: Session, statements: int) -> None:
        self._session = session
        self._left = statements
        self.before_all = session.before_all

    @override
    async def fetch(self, statement: str, *arguments: object) -> Sequence[Row]:
        self._live_on()
        return await self._session.fetch(statement, *arguments)

    @override
    async def run_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        self._live_on()
        await self._session.run_many(statement, rows)

    def _live_on(self) -> None:
        if not self._left:
            raise KilledError
        self._left -= 1

    @override
    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        async with self._session.transaction():
            yield

    @override
    def stored(self, moment: datetime) -> object:
        return self._session.stored(moment)

    @override
    async def new_posting_id(self) -> object:
        return await self._session.new_posting_id()


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def archived(
    store: Store, clock: Clock, target: Path, *, days: float = 2, killed_after: int | None = None
) -> Report:
    """Archive what is older than some days; optionally die before a statement."""
    now = moment(clock())
    async with open_session(store.url) as session:
        mortal = session if killed_after is None else MortalSession(session, killed_after)
        return await archive(mortal, moment(clock() - days * DAY), target, now)
