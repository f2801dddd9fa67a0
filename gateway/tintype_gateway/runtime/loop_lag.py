"""Measures the lag of the event loop, which delays every request."""

import asyncio
import sys
import time

from tintype_gateway.observability.metrics import LOOP_LAG

SAMPLE_SECONDS = 0.5

SWITCH_SECONDS = 0.001
"""The interpreter's thread switch interval. Python's default of 5 ms is long for an event loop that
serves hundreds of requests a second during a scrape."""


async def observe_lag() -> None:
    """Observe the delay of timers until cancelled."""
    sys.setswitchinterval(SWITCH_SECONDS)
    while True:
        due = time.perf_counter() + SAMPLE_SECONDS
        await asyncio.sleep(SAMPLE_SECONDS)
        LOOP_LAG.observe(max(0.0, time.perf_counter() - due))
