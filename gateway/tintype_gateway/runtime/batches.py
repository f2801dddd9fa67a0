"""What requests leave to be done together: their lines of the access log, and their metrics.

Each by itself, between the other work of a request, would take several times as long.
"""

import asyncio

from tintype_gateway.observability import access_log, metrics

BATCH_SECONDS = 0.1
"""The longest time that the line of a success, or an observation, waits for others."""


async def work_in_batches() -> None:
    """Write lines and add up observations ten times a second, until cancelled."""
    with access_log.batching() as write_lines, metrics.batching() as add_up:
        while True:
            await asyncio.sleep(BATCH_SECONDS)
            write_lines()
            add_up()
