"""Signals of jobs from all gateways: LISTEN on a connection of its own."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any, Self, cast

import asyncpg

from tintype_gateway.ledger.errors import LedgerUnavailableError
from tintype_gateway.ledger.job_signals import MISSED, SignalQueue
from tintype_gateway.ledger.jobs import JobSignal, JobSignalKind
from tintype_gateway.ledger.postgres.database import LOST, Database

log = logging.getLogger(__name__)

CHANNEL = "tintype_jobs"

RECONNECT_SECONDS = 1.0
"""The pause before another connection is tried."""

CHECK_SECONDS = 30.0
"""How often the connection is tried: a server that has vanished does not close it."""

CHECK_TIMEOUT_SECONDS = 30.0
"""How long a server may take to respond to such a try."""


class PostgresSignals:
    """See `JobSignals`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue = SignalQueue()
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening

    async def wait(self, timeout_seconds: float) -> Sequence[JobSignal]:
        """See `JobSignals`."""
        return await self._queue.take(timeout_seconds)

    async def _listen(self) -> None:
        """Listen, again after each loss of the connection, until this is cancelled."""
        while True:
            try:
                await self._listen_once()
            except (asyncpg.PostgresError, LedgerUnavailableError, TimeoutError, *LOST) as error:
                log.warning(
                    "no signals of jobs: they are looked for now and then",
                    extra={"error": type(error).__name__},
                )
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_once(self) -> None:
        connection = await self._database.connected()
        try:
            is_lost = asyncio.Event()
            connection.add_termination_listener(lambda _: is_lost.set())
            await connection.add_listener(CHANNEL, self._hear)
            self._queue.put(MISSED)
            while not is_lost.is_set():
                try:
                    await asyncio.wait_for(is_lost.wait(), CHECK_SECONDS)
                except TimeoutError:
                    await connection.execute("SELECT 1", timeout=CHECK_TIMEOUT_SECONDS)
        finally:
            connection.terminate()

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        kind, _, job_id = str(payload).partition(" ")
        self._queue.put(JobSignal(cast(JobSignalKind, kind), job_id))
