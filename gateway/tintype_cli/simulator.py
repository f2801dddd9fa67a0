"""`tintype simulator`: serves simulated providers."""

import argparse
import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

from tintype_cli.help import WRONG_CALL, CommandParser, texts
from tintype_simulator.app import running
from tintype_simulator.policy import parse_secrets

LARGEST_PORT = 65535


def main(argv: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM; as process 1 of a container it must handle both itself."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    path: Path | None = arguments.policy_secrets_file
    try:
        keys = () if path is None else parse_secrets(path.read_text())
        asyncio.run(_serve(arguments.host, arguments.port, arguments.latency_seconds, keys))
    except (OSError, ValueError) as error:
        parser.exit(1, f"tintype simulator: {error}\n")
    return 0


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser = CommandParser(
        prog="tintype simulator",
        **texts(
            "Serve simulated providers that return real images: set the `endpoint` of a "
            "ProviderBinding to their URL.",
            example="tintype simulator --port 9000 --latency-seconds 2",
            exit_codes={
                0: "SIGINT or SIGTERM stopped it",
                1: "it cannot listen, or not read the secrets; standard error names the cause",
                2: WRONG_CALL,
            },
        ),
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=_port, default=9000, help="the port; 0 selects a free one")
    parser.add_argument(
        "--latency-seconds",
        type=float,
        default=0.0,
        help="the delay of each response, besides the time to draw the image",
    )
    parser.add_argument(
        "--policy-secrets-file",
        type=Path,
        metavar="FILE",
        help="serve a policy service at /policy, too, for gateways whose TINTYPE_GUARDRAIL_URL "
        "leads there, and whose TINTYPE_GUARDRAIL_SECRETS_FILE has a secret of this file",
    )
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > LARGEST_PORT:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {LARGEST_PORT}")
    return int(text)


async def _serve(host: str, port: int, latency_seconds: float, keys: Sequence[bytes]) -> None:
    stop = _stop_signal()  # first, because a signal may come as soon as the URL is printed
    serving = running(host, port, latency_seconds=latency_seconds, policy_keys=keys)
    async with serving as url:
        print(f"The simulators serve {url}", flush=True)
        await stop.wait()


def _stop_signal() -> asyncio.Event:
    """Return an event that SIGINT or SIGTERM sets."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
