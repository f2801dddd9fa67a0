"""What Tintype costs beside a direct call, the floor of its own stack, and nginx: `make bench`.

Every target does the same work in one run: each round gives each of them its turn, in rotated
order, while the others are idle. See docs/benchmarks.md.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.cases import Case
from bench.litellm import litellm
from bench.measure import Turn, check, take_turn, take_wave
from bench.plan import Plan, chosen, full, quick
from bench.report import render
from bench.targets import Target, all_targets, peer, upstream
from tintype_catalog.__about__ import __version__


def main() -> None:
    """Measure, print the tables, and write the figures to a file where one is named."""
    arguments = _parser().parse_args()
    plan = chosen(quick() if arguments.quick else full(), arguments.only, arguments.rounds)
    facts = _machine(plan)
    with ExitStack() as stack:
        url = stack.enter_context(upstream(arguments.upstream_port))
        peers = list(arguments.peer)
        if arguments.litellm:
            peers.append(stack.enter_context(litellm(url)))
        targets = stack.enter_context(all_targets(url, peers, tls=arguments.tls))
        results = {
            "machine": facts,
            "cases": [_measured(case, targets, plan) for case in plan.cases],
            "waves": [_wave(case, targets) for case in plan.waves],
        }
    facts["load_after"] = os.getloadavg()[0]
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))
    print(render(results))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes instead of half an hour")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help='cases whose title has it: "1.5 MiB, 1 clients"'
    )
    parser.add_argument("--rounds", type=int, help="how often each case has its turn")
    parser.add_argument("--json", type=Path, help="a file for the figures of every round")
    parser.add_argument(
        "--peer",
        type=peer,
        action="append",
        default=[],
        metavar="NAME,URL[,PID[,KEY]]",
        help="another gateway that offers the models of this benchmark",
    )
    parser.add_argument(
        "--litellm", action="store_true", help="LiteLLM's proxy, too: installed once, from a lock"
    )
    parser.add_argument(
        "--tls", action="store_true", help="ask the upstream by TLS, as real providers are"
    )
    parser.add_argument(
        "--upstream-port", type=int, default=0, help="where peers find the upstream"
    )
    return parser


def _measured(case: Case, targets: Sequence[Target], plan: Plan) -> dict[str, Any]:
    """Give each target that serves the case its turns, interleaved."""
    faults = {target.name: fault for target in targets if (fault := _fault(target, case))}
    able = [target for target in targets if target.name not in faults]
    turns: dict[str, list[Turn]] = {target.name: [] for target in able}
    for number in range(plan.rounds):
        for target in _rotated(able, number):
            turns[target.name].append(asyncio.run(take_turn(target, case, plan.seconds)))
    return _as_report(case, turns, faults)


def _wave(case: Case, targets: Sequence[Target]) -> dict[str, Any]:
    turns = {target.name: [asyncio.run(take_wave(target, case))] for target in targets}
    return _as_report(case, turns, {})


def _as_report(case: Case, turns: dict[str, list[Turn]], faults: dict[str, str]) -> dict[str, Any]:
    print(f"measured: {case.title}, {case.clients}", file=sys.stderr, flush=True)
    return {
        "title": case.title,
        "clients": case.concurrency,
        "delay_ms": case.delay_ms,
        "turns": {name: [turn.plain() for turn in each] for name, each in turns.items()},
        "faults": faults,
    }


def _fault(target: Target, case: Case) -> str | None:
    try:
        check(target, case)
    except (OSError, ValueError) as error:
        return str(error)
    return None


def _rotated(targets: Sequence[Target], number: int) -> list[Target]:
    begin = number % len(targets)
    return [*targets[begin:], *targets[:begin]]


def _machine(plan: Plan) -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "version": f"Tintype {__version__}",
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "load_before": os.getloadavg()[0],
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
