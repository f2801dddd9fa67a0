"""What clients notice of a provider that fails, by fault, with one route to a model and with two.

`python -m bench.failover`: a gateway over loopback, and simulators with scripted faults,
always or every other time by chance. The second route never fails, and costs the same.
"""

import argparse
import asyncio
import logging
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import percentile
from bench.report import table
from tintype_gateway.observability.metrics import PROVIDER_REQUESTS
from tintype_gateway.upstream.retry import Retrier
from tintype_simulator.app import running
from tintype_testing.cluster.processes import free_ports
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, check_the_books, running_gateway
from tintype_testing.manifests import Manifest, provider_binding
from tintype_testing.simulators import script

REQUESTS = 60
AT_ONCE = 4
SEED = 17
PRICE = 640_000
"""Micro-credits of an image, by either route."""

TIMEOUT_SECONDS = 3

Fault = dict[str, object]

FAULTS: Mapping[str, Fault] = {
    "429": {"error": "openai/rate_limit_exceeded"},
    "429, `Retry-After: 1`": {"error": "openai/slow_down", "headers": {"retry-after": "1"}},
    "503": {"error": "openai/server_is_overloaded"},
    "our key refused": {"error": "openai/invalid_api_key"},
    "500": {"error": "openai/server_error"},
    "connection cut before the response": {"cut_after_bytes": 0},
    "connection cut in the image": {"cut_after_bytes": 700},
    "malformed JSON": {"damage": "malformed_json"},
    "no response": {"hang": True},
}
UNREACHABLE = "connection refused"
"""The fault of an address, which cannot be scripted for every other call."""


@dataclass(frozen=True)
class Outcome:
    """How the requests of one case ended."""

    seconds: Sequence[float]
    """Seconds of each request, with any response."""

    images: int
    calls: int
    charged: int
    """Micro-credits."""

    @property
    def cells(self) -> tuple[str, ...]:
        """The case as cells of the table."""
        requests = len(self.seconds)
        return (
            f"{self.images / requests:.0%}",
            f"{self.calls / requests:.2f}",
            f"{percentile(self.seconds, 50) * 1000:.0f}",
            f"{self.images} / {self.charged / PRICE:g}",
        )


HEADER = (
    *("fault of the first route", "share", "routes", "success"),
    *("calls a request", "p50, ms", "images / paid"),
)


async def rows(requests: int) -> AsyncIterator[Sequence[str]]:
    """Yield a row for each fault, share and number of routes."""
    for name, fault in FAULTS.items():
        for share in (1.0, 0.5):
            for routes in (1, 2):
                outcome = await measured(fault, share, routes, requests)
                yield name, f"{share:.0%}", str(routes), *outcome.cells
    for routes in (1, 2):
        outcome = await measured(None, 1.0, routes, requests)
        yield UNREACHABLE, "100%", str(routes), *outcome.cells


async def measured(
    fault: Fault | None,
    share: float,
    routes: int,
    requests: int,
    timeout_seconds: int = TIMEOUT_SECONDS,
) -> Outcome:
    """Request images while calls of the first route fail; None: its connections are refused."""
    async with running() as first, running() as second:
        endpoint = first if fault else f"http://127.0.0.1:{free_ports(1)[0]}"
        manifests = list(_manifests(endpoint, second, timeout_seconds))[: 1 + routes]
        await script(first, *_scripted(fault or {}, share, 4 * requests))
        with tempfile.TemporaryDirectory() as folder:
            running_one = running_gateway(Path(folder), *manifests, retrier=Retrier())
            async with running_one as gateway:
                return await _asked(gateway, requests)


def _manifests(first: str, second: str, timeout_seconds: int) -> Iterator[Manifest]:
    """Yield a model and its two bindings, the first of them preferred."""
    yield from canvas(endpoint=first, timeoutSeconds=timeout_seconds)
    yield provider_binding(
        "second",
        upstreamModel="dall-e-2",
        endpoint=second,
        priority=1,
        timeoutSeconds=timeout_seconds,
    )


def _scripted(fault: Fault, share: float, calls: int) -> list[Fault]:
    dice = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    return [fault if dice.random() < share else {} for _ in range(calls)]


async def _asked(gateway: Gateway, requests: int) -> Outcome:
    before = _calls()
    seconds: list[float] = []
    images: list[bool] = []
    left = iter(range(requests))

    async def client() -> None:
        async with gateway.http() as http:
            for _ in left:
                begin = time.perf_counter()
                images.append(await _has_image(http))
                seconds.append(time.perf_counter() - begin)

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    await check_the_books(gateway.ledger)
    charged = CREDITS_MICRO - (await gateway.account()).balance
    return Outcome(seconds, sum(images), int(_calls() - before), charged)


async def _has_image(http: Any) -> bool:
    """Request an image, and return whether it arrived completely."""
    body = {"model": "canvas", "prompt": "a red fox"}
    response = await http.post("/v1/images/generations", json=body)
    return bool(response.status_code == 200 and response.json()["data"][0]["b64_json"])


def _calls() -> float:
    """Return how many calls this process has made to providers."""
    (family,) = PROVIDER_REQUESTS.collect()
    return sum(sample.value for sample in family.samples)


async def measure_all(requests: int) -> None:
    """Print the table of all cases, each row when it is known."""
    print(table(HEADER, iter(())), flush=True)
    async for row in rows(requests):
        print(f"| {' | '.join(row)} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.failover", description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="for each row")
    logging.disable(logging.WARNING)
    asyncio.run(measure_all(parser.parse_args().requests))


if __name__ == "__main__":
    main()
