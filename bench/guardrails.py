"""What a policy service adds to a request: `python -m bench.guardrails`.

Gateways on the same upstream, one without a policy service and the others with that of the
simulator, on loopback, have their turns one after the other in each round. It allows everything at
once, so that what is added is the gateway's own work and the service's, which shares the machine.
The ledger is SQLite. The images are PNGs of 64 KiB; added is the median of the differences of each
round.
"""

import argparse
import asyncio
import base64
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.cases import Case
from bench.ledger import print_row
from bench.measure import Turn, check, take_turn
from bench.report import added, median, shown
from bench.soak_site import running_simulator
from bench.targets import Target, tintype_on_sqlite, upstream

CLIENTS = (1, 16)

BARE = "nothing"

JUDGED: Mapping[str, Mapping[str, str]] = {
    "prompts": {},
    "prompts, images by digest": {"TINTYPE_GUARDRAIL_OUTPUT_IMAGES": "sha256"},
    "prompts, images by preview": {"TINTYPE_GUARDRAIL_OUTPUT_IMAGES": "preview"},
}
"""What each gateway asks about, and the settings that say so."""

HEADER = ("judged", "clients", "requests", "p50 ms", "added", "CPU ms each", "added")

Turns = Mapping[str, Sequence[Turn]]


@contextmanager
def policy_service(folder: Path) -> Iterator[Mapping[str, str]]:
    """Run the simulator's, and yield the settings of a gateway that asks it."""
    secrets_file = folder / "secrets"
    secrets_file.write_text("whsec_" + base64.b64encode(os.urandom(32)).decode())
    flags = ("--policy-secrets-file", secrets_file)
    with running_simulator(folder / "simulator.log", *flags) as url:
        yield {
            "TINTYPE_GUARDRAIL_URL": f"{url}/policy",
            "TINTYPE_GUARDRAIL_SECRETS_FILE": str(secrets_file),
        }


@contextmanager
def gateways() -> Iterator[Mapping[str, Target]]:
    """Run all that are compared, by what they ask about."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(upstream())
        asking = stack.enter_context(policy_service(folder))
        settings = {BARE: {}, **{name: {**asking, **more} for name, more in JUDGED.items()}}
        yield {
            name: stack.enter_context(tintype_on_sqlite(url, environ))
            for name, environ in settings.items()
        }


async def measured(
    targets: Mapping[str, Target], case: Case, rounds: int, seconds: float
) -> Mapping[str, list[Turn]]:
    """Let each gateway have its turn in each round.

    Raises:
        RuntimeError: A request failed, as those do that get no verdict.
    """
    turns: dict[str, list[Turn]] = {name: [] for name in targets}
    for _ in range(rounds):
        for name, target in targets.items():
            turn = await take_turn(target, case, seconds)
            if turn.failures:
                raise RuntimeError(f"{name}: {turn.failure}")
            turns[name].append(turn)
    return turns


def rows(case: Case, turns: Turns) -> Iterator[Sequence[str]]:
    """Yield a row for each gateway."""
    plain = {name: [turn.plain() for turn in of_one] for name, of_one in turns.items()}
    for name, of_one in plain.items():
        more = {key: added(of_one, plain[BARE], key) for key in ("p50_ms", "cpu_ms")}
        yield (
            name,
            str(case.concurrency),
            str(sum(turn["requests"] for turn in of_one)),
            shown(median(of_one, "p50_ms"), "{:.1f}"),
            shown(more["p50_ms"], "{:+.1f}"),
            shown(median(of_one, "cpu_ms"), "{:.2f}"),
            shown(more["cpu_ms"], "{:+.2f}"),
        )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.guardrails", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="how many turns each gateway has")
    parser.add_argument("--seconds", type=float, default=2, help="how long a turn is")
    parser.add_argument("--clients", type=int, nargs="+", default=CLIENTS)
    given = parser.parse_args()
    cases = [Case("openai-images", "64 KiB", clients) for clients in given.clients]
    print_row(HEADER)
    with gateways() as targets:
        for case in cases:
            for target in targets.values():
                check(target, case)
            for row in rows(
                case, asyncio.run(measured(targets, case, given.rounds, given.seconds))
            ):
                print_row(row)


if __name__ == "__main__":
    main()
