"""The figures as tables: `python -m bench.report RESULTS.json [--only TEXT | --compact]`.

`added` is what a target adds to the latency of the direct call in the same round, and `x relay`
its CPU time as a multiple of the aiohttp relay's: the floor of our own stack.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Turn = Mapping[str, Any]
"""A `measure.Turn` as JSON."""

DIRECT, FLOOR = "direct", "aiohttp relay"

STEADY = (
    *("response", "clients", "target", "failed", "requests/s"),
    *("CPU ms", "x relay", "added p50 ms", "added p99 ms", "peak MiB"),
)
WAVES = (
    *("in flight", "target", "failed", "p50 over 5 s, ms", "p99 over 5 s, ms"),
    *("CPU ms", "MiB before", "peak MiB", "KiB a request"),
)

COMPACT = ("64 KiB", "1.5 MiB", "6 MiB")
"""What the small table has a column for: OpenAI's dialect, one client."""

_MIB = 1024 * 1024


def render(results: Mapping[str, Any], only: str = "") -> str:
    """Return the whole report as Markdown; `only` picks the responses whose title holds it."""
    cases = [case for case in results["cases"] if only in case["title"]]
    parts = [machine(results["machine"])]
    if cases:
        parts.append(table(STEADY, (row for case in cases for row in steady_rows(case))))
    if results["waves"]:
        rows = (row for case in results["waves"] for row in wave_rows(case))
        parts.append(table(WAVES, rows))
    return "\n\n".join(parts)


def compact(results: Mapping[str, Any]) -> str:
    """Return the small table, whose cells hold CPU time, its ratio, and the added latency.

    Raises:
        KeyError: One of its cases was not measured.
    """
    alone = {case["title"]: case for case in results["cases"] if case["clients"] == 1}
    cases = [alone[f"openai-images, {size}"] for size in COMPACT]
    rows = ((name, *(_cell(case, name) for case in cases)) for name in cases[0]["turns"])
    return f"{machine(results['machine'])}\n\n{table(('target', *COMPACT), rows)}"


def _cell(case: Mapping[str, Any], name: str) -> str:
    if name == DIRECT:
        return f"p50 {shown(median(case['turns'][DIRECT], 'p50_ms'), '{:.2f} ms')}"
    [row] = [row for row in steady_rows(case) if row[2] == name]
    _, _, _, _, _, cpu, ratio, latency, *_ = row
    return f"{cpu} ms ({ratio}x), +{latency} ms"


def machine(facts: Mapping[str, Any]) -> str:
    """Return a sentence on where the figures come from."""
    return (
        f"{facts['cores']} cores of {facts['processor']}, {facts['memory_gib']} GiB, Linux "
        f"{facts['kernel']}, Python {facts['python']}; {facts['rounds']} rounds of "
        f"{facts['seconds']:g} s; load average {facts['load_before']:.1f} before and "
        f"{facts['load_after']:.1f} after; {facts['version']}."
    )


def table(header: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def steady_rows(case: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    """Yield a row for each target, or what it said where it does not serve the case."""
    turns: Mapping[str, Sequence[Turn]] = case["turns"]
    floor = median(turns.get(FLOOR, ()), "cpu_ms")
    for name, each in turns.items():
        cpu = median(each, "cpu_ms")
        yield (
            case["title"],
            str(case["clients"]),
            name,
            str(sum(turn["failures"] for turn in each)),
            shown(median(each, "per_second"), "{:.0f}"),
            shown(cpu, "{:.2f}"),
            shown(cpu and floor and cpu / floor, "{:.2f}"),
            shown(added(each, turns[DIRECT], "p50_ms"), "{:.2f}"),
            shown(added(each, turns[DIRECT], "p99_ms"), "{:.2f}"),
            shown(mebibytes(each), "{:.0f}"),
        )
    for name, fault in case["faults"].items():
        yield (case["title"], str(case["clients"]), name, fault, *[""] * 6)


def wave_rows(case: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    """Yield a row for each target."""
    for name, [turn] in case["turns"].items():
        delay, before, peak = case["delay_ms"], turn["memory"], turn["peak_memory"]
        each = None if peak is None else (peak - before) / case["clients"] / 1024
        yield (
            str(case["clients"]),
            name,
            str(turn["failures"]),
            f"{turn['p50_ms'] - delay:.0f}",
            f"{turn['p99_ms'] - delay:.0f}",
            shown(turn["cpu_ms"], "{:.2f}"),
            shown(before and before / _MIB, "{:.0f}"),
            shown(peak and peak / _MIB, "{:.0f}"),
            shown(each, "{:.0f}"),
        )


def median(turns: Sequence[Turn], name: str) -> float | None:
    """Return a figure's median over the rounds, None where it is not known."""
    values: list[float] = [turn[name] for turn in turns if turn[name] is not None]
    return statistics.median(values) if values else None


def added(turns: Sequence[Turn], direct: Sequence[Turn], name: str) -> float | None:
    """Return the median of what was added in each round to the direct call of that round."""
    if turns is direct or len(turns) != len(direct):
        return None
    pairs = zip(turns, direct, strict=True)
    return float(statistics.median(turn[name] - bare[name] for turn, bare in pairs))


def mebibytes(turns: Sequence[Turn]) -> float | None:
    """Return the highest peak of memory in any round."""
    peaks = [turn["peak_memory"] for turn in turns if turn["peak_memory"] is not None]
    return max(peaks) / _MIB if peaks else None


def shown(value: float | None, form: str) -> str:
    """Return a figure as text, a dash for none."""
    formatted: Callable[[float], str] = form.format
    return "-" if value is None else formatted(value)


def main() -> None:
    """Print the tables of an earlier run."""
    parser = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__)
    parser.add_argument("results", type=Path, help="what `--json` of a run named")
    parser.add_argument(
        "--only", default="", help="a part of the response's title, such as 1.5 MiB"
    )
    parser.add_argument("--compact", action="store_true", help="the table of README.md")
    arguments = parser.parse_args()
    results = json.loads(arguments.results.read_text())
    print(compact(results) if arguments.compact else render(results, arguments.only))


if __name__ == "__main__":
    main()
