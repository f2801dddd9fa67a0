"""How late is the event loop? A loop that is late serves everybody late."""

import asyncio
import sys
import time

from tintype_gateway.observability.metrics import LOOP_LAG

SAMPLE_SECONDS = 0.5

SWITCH_SECONDS = 0.001
"""How long a thread may keep the interpreter while another one waits for it: Python's own 5 ms are
long for a loop that serves hundreds of requests a second beside a scrape."""


async def observe_lag() -> None:
    """Observe, for as long as the process lives, by how much a timer is late."""
    sys.setswitchinterval(SWITCH_SECONDS)
    while True:
        due = time.perf_counter() + SAMPLE_SECONDS
        await asyncio.sleep(SAMPLE_SECONDS)
        LOOP_LAG.observe(max(0.0, time.perf_counter() - due))
