"""What a scrape costs a gateway that has used a thousand models: `python -m bench.scrape`.

Prints one JSON object: the series, the CPU of a scrape in milliseconds, and by how many
milliseconds the event loop was late meanwhile, at worst.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable
from contextlib import suppress

from bench.thousand_models import use_a_thousand_models
from tintype_gateway.observability.metrics import REGISTRY
from tintype_gateway.observability.scrape import scraped
from tintype_gateway.runtime.loop_lag import SWITCH_SECONDS

SCRAPES = 20

TICK_SECONDS = 0.001

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


async def worst_lag(stopped: asyncio.Event) -> float:
    """Return how much CPU, in seconds, passed at worst until a timer had its turn, until stopped.

    It is the time that the loop was late, but for what other processes took of the machine.
    """
    worst = 0.0
    while not stopped.is_set():
        started = time.process_time()
        with suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), TICK_SECONDS)
        worst = max(worst, time.process_time() - started)
    return worst


async def lag_during(work: Awaitable[None]) -> float:
    """Return by how many milliseconds the loop was late at worst during the work."""
    stopped = asyncio.Event()
    lag = asyncio.create_task(worst_lag(stopped))
    await work
    stopped.set()
    return round(1000 * await lag, 1)


async def scrape() -> None:
    """Let Prometheus come again and again."""
    for _ in range(SCRAPES):
        await scraped(OPEN_METRICS)


async def measure() -> dict[str, float]:
    """Return the figures."""
    sys.setswitchinterval(SWITCH_SECONDS)
    started = time.process_time()
    lag = await lag_during(scrape())
    cpu = time.process_time() - started
    return {
        "series": sum(len(metric.samples) for metric in REGISTRY.collect()),
        "scrape_cpu_ms": round(1000 * cpu / SCRAPES, 1),
        "worst_loop_lag_ms": lag,
    }


def main() -> None:
    """Print the figures."""
    use_a_thousand_models()
    print(json.dumps(asyncio.run(measure())))


if __name__ == "__main__":
    main()
