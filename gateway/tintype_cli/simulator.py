"""`tintype simulator`: providers that cost nothing."""

import argparse
import asyncio
import signal
from collections.abc import Sequence

from tintype_cli.help import WRONG_CALL, texts
from tintype_simulator.app import running

LARGEST_PORT = 65535


def main(argv: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM, which the first process of a container must heed itself."""
    parser = argparse.ArgumentParser(
        prog="tintype simulator",
        **texts(
            "Serve simulated providers that draw real images: point the `endpoint` of a "
            "ProviderBinding here.",
            example="tintype simulator --port 9000 --latency-seconds 2",
            exit_codes={
                0: "it was ended by SIGINT or SIGTERM",
                1: "it cannot listen; standard error says why",
                2: WRONG_CALL,
            },
        ),
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=_port, default=9000, help="the port; 0 takes a free one")
    parser.add_argument(
        "--latency-seconds",
        type=float,
        default=0.0,
        help="how much longer each answer takes than painting the image",
    )
    arguments = parser.parse_args(argv)
    try:
        asyncio.run(_serve(arguments.host, arguments.port, arguments.latency_seconds))
    except OSError as error:
        parser.exit(1, f"tintype simulator: {error}\n")
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > LARGEST_PORT:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {LARGEST_PORT}")
    return int(text)


async def _serve(host: str, port: int, latency_seconds: float) -> None:
    stop = _stop_signal()  # first: who reads that it serves may end it at once
    async with running(host, port, latency_seconds=latency_seconds) as url:
        print(f"The simulators serve {url}", flush=True)
        await stop.wait()


def _stop_signal() -> asyncio.Event:
    """Return what SIGINT or SIGTERM sets."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
