"""The connections of one process, each kept for the next statement.

asyncpg has a pool too. It makes a task for each connection that comes back, which takes as long as
the rest of a short statement does.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
from asyncpg import Connection, Record

MAXIMUM_CONNECTIONS = 10
"""Of one process. One account's operations come one after another anyway."""

IDLE_SECONDS = 300
"""How long a connection is kept. Firewalls forget without a word those that were silent longer."""


class Pool:
    """Connections are made when they are needed, and the last one used is used first."""

    def __init__(self, connect: "Callable[[], Awaitable[Connection[Record]]]") -> None:
        self._connect = connect
        self._places = asyncio.Semaphore(MAXIMUM_CONNECTIONS)
        self._idle: deque[tuple[float, Connection[Record]]] = deque()

    async def fetch(self, statement: str, arguments: Sequence[object]) -> list[Record]:
        """Return what a statement returns, once a connection is free."""
        async with self._places:
            connection = self._take() or await self._connect()
            try:
                return await connection.fetch(statement, *arguments)
            except asyncpg.PostgresError:
                raise  # an answer
            except BaseException:
                connection.terminate()  # of no more use, in the middle of a conversation
                raise
            finally:
                self._idle.append((time.monotonic(), connection))

    async def close(self) -> None:
        """Disconnect; cut the connections if this is cancelled."""
        connections = [connection for _, connection in self._idle]
        try:
            await asyncio.gather(*(connection.close() for connection in connections))
        finally:
            for connection in connections:
                connection.terminate()

    def _take(self) -> "Connection[Record] | None":
        """Return a connection that is of use, and let go of those that are not."""
        kept_since = time.monotonic() - IDLE_SECONDS
        while self._idle and self._idle[0][0] < kept_since:
            self._idle.popleft()[1].terminate()
        while self._idle:
            _, connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None
