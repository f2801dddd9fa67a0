"""Ten thousand clients that never finish a request, and what others feel of them.

`python -m bench.slowloris`: each opens a connection and sends its head a byte a second, as the
attack of that name does.
"""

import argparse
import asyncio
import multiprocessing
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from bench.cases import Case
from bench.load import Load, steadily
from bench.measure import check, percentile
from bench.processes import forget_peak, memory_bytes, peak_memory_bytes
from bench.targets import Target, tintype_on_sqlite, upstream

SECONDS = 20
"""How long good traffic is measured: longer than any of the others may stay."""

HEAD = b"POST /v1/images/generations HTTP/1.1\r\nHost: gateway\r\nX-Slow: "

CASE = Case("openai-images", "64 KiB", 4)


async def attack(target: Target, clients: int) -> list[float]:
    """Open that many connections, and return for how many seconds each was let live."""
    host, port = target.request(CASE).address

    async def client() -> float:
        reader, writer = await asyncio.open_connection(host, port)
        begin = time.perf_counter()
        try:
            for byte in HEAD + b"x" * SECONDS * 10:
                writer.write(bytes([byte]))
                if await _closed(reader, 1):
                    break
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()
        return time.perf_counter() - begin

    return await asyncio.gather(*(client() for _ in range(clients)))


def attack_alone(target: Target, clients: int) -> list[float]:
    """Attack from a process of its own, so that good traffic does not share its fate."""
    return asyncio.run(attack(target, clients))


async def _closed(reader: asyncio.StreamReader, seconds: float) -> bool:
    """Wait for the end of the connection for so long, and return whether it came."""
    try:
        async with asyncio.timeout(seconds):
            return await reader.read(1) == b""
    except TimeoutError:
        return False


async def measured(target: Target, clients: int) -> None:
    """Print what good traffic felt without the others and with them, and what they cost."""
    request, pid = target.request(CASE), target.pid or 0
    quiet = await steadily(request, CASE.concurrency, SECONDS)
    forget_peak(pid)
    before = memory_bytes(pid)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as attacker:
        attacked = asyncio.get_running_loop().run_in_executor(
            attacker, attack_alone, target, clients
        )
        busy = await steadily(request, CASE.concurrency, SECONDS)
        lives = await attacked
    grown = (peak_memory_bytes(pid) - before) / 2**20
    print(f"closed\t{len(lives)} of {clients}, after {max(lives):.1f} s at the latest")
    print(f"memory\t+{grown:.0f} MiB at the peak")
    for name, load in (("without", quiet), ("with", busy)):
        print(f"p99 {name}\t{_p99_ms(load):.1f} ms of {len(load.latencies)} requests")
        print(f"failed {name}\t{len(load.failures)}", *load.failures[:1])


def _p99_ms(load: Load) -> float:
    return percentile(load.latencies, 99) * 1000


@contextmanager
def enough_files(clients: int) -> Iterator[None]:
    """Let this process, and the gateway that it starts, open this number of connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * clients)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def main() -> None:
    """Run a gateway, and attack it."""
    parser = argparse.ArgumentParser(prog="python -m bench.slowloris", description=__doc__)
    parser.add_argument("--clients", type=int, default=10_000)
    clients = parser.parse_args().clients
    with enough_files(clients), upstream() as url, tintype_on_sqlite(url) as target:
        check(target, CASE)
        asyncio.run(measured(target, clients))


if __name__ == "__main__":
    main()
