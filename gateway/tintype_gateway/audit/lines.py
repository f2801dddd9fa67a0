"""The lines of the audit log on standard output: JSON, one for each change, after its commit.

A change by a command or by another process has its line, too: the ledger keeps a list of the lines
that are not written yet, which all gateways share. If one is killed while it writes, another one
writes its lines again, so that each is written at least once. The id of the change tells.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TextIO

from tintype_gateway.ledger.changes import Change, change_document
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.operations.changes import ChangeOperations
from tintype_logging.logs import JsonFormatter

LOGGER = "tintype.audit"
"""The `logger` of the lines, by which they can be separated from others."""

LOOK_SECONDS = 1.0
"""The time between two looks for new changes."""

PAGE = 200
"""The most changes that are claimed at once."""

log = logging.getLogger(__name__)

Sink = Callable[[Sequence[Change]], Awaitable[None]]
"""Takes changes. After an error it gets them again."""

_FORMATTER = JsonFormatter()


def line_of(change: Change) -> str:
    """Return the line of a change."""
    difference = change.difference
    text = f"{difference.kind} {difference.action}"
    record = logging.LogRecord(LOGGER, logging.INFO, "", 0, text, (), None)
    record.change = change_document(change)
    return _FORMATTER.format(record)


async def write_lines(changes: Sequence[Change], stream: TextIO | None = None) -> None:
    """Write the lines of changes to standard output.

    Raises:
        OSError: It is closed or full.
    """
    text = "".join(f"{line_of(change)}\n" for change in changes)
    await asyncio.to_thread(_write, stream or sys.stdout, text)  # a pipe may be full


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()


class AuditLines:
    """Passes each change to all sinks."""

    def __init__(self, ledger: ChangeOperations, sinks: Sequence[Sink] = (write_lines,)) -> None:
        self._ledger = ledger
        self._sinks = sinks

    async def follow(self) -> None:
        """Pass on what has changed, until cancelled."""
        while True:
            try:
                while await self.pass_on():
                    pass
            except (LedgerError, OSError) as error:
                log.warning("audit lines not written", extra={"error": str(error)})
            await asyncio.sleep(LOOK_SECONDS)

    async def pass_on(self) -> int:
        """Pass on some changes, and return their number.

        Raises:
            LedgerError: The ledger cannot be used.
            OSError: Standard output is closed or full.
        """
        changes = await self._ledger.claim_change_lines(PAGE)
        if changes:
            for sink in self._sinks:
                await sink(changes)
            await self._ledger.end_change_lines(changes)
        return len(changes)
