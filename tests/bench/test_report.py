"""The benchmark's tables say what was measured."""

from typing import Any

from bench.measure import Turn, percentile
from bench.report import compact, render, steady_rows, wave_rows

MIB = 1024 * 1024

MACHINE = {
    "cores": 2,
    "processor": "a processor",
    "memory_gib": 8,
    "kernel": "6.1",
    "python": "3.11.7",
    "version": "Tintype 0.1.0",
    "rounds": 3,
    "seconds": 1,
    "load_before": 0.1,
    "load_after": 0.2,
}


def turn(**given: Any) -> dict[str, Any]:
    figures = {
        "requests": 100,
        "failures": 0,
        "failure": None,
        "per_second": 100.0,
        "p50_ms": 1.0,
        "p99_ms": 2.0,
        "cpu_ms": None,
        "memory": None,
        "peak_memory": None,
    }
    return Turn(**figures | given).plain()


def case(**turns: list[dict[str, Any]]) -> dict[str, Any]:
    names = {"direct": "direct", "relay": "aiohttp relay", "tintype": "Tintype, SQLite"}
    return {
        "title": "openai-images, 64 KiB",
        "clients": 1,
        "delay_ms": 0,
        "turns": {names[name]: each for name, each in turns.items()},
        "faults": {},
    }


def test_the_relays_cpu_time_is_one() -> None:
    rows = steady_rows(case(direct=[turn()], relay=[turn(cpu_ms=0.5)], tintype=[turn(cpu_ms=0.75)]))

    assert [row[5:7] for row in rows] == [("-", "-"), ("0.50", "1.00"), ("0.75", "1.50")]


def test_latency_is_what_was_added_in_the_same_round() -> None:
    direct = [turn(p50_ms=1.0), turn(p50_ms=10.0), turn(p50_ms=2.0)]
    tintype = [turn(p50_ms=3.0), turn(p50_ms=12.5), turn(p50_ms=5.0)]

    _, row = steady_rows(case(direct=direct, tintype=tintype))

    assert row[7] == "2.50"


def test_memory_is_the_highest_of_all_rounds() -> None:
    rounds = [turn(peak_memory=40 * MIB), turn(peak_memory=50 * MIB)]

    _, row = steady_rows(case(direct=[turn(), turn()], tintype=rounds))

    assert row[9] == "50"


def test_a_target_that_does_not_serve_a_case_says_so() -> None:
    refused = case(direct=[turn()]) | {"faults": {"peer": "HTTP Error 500"}}

    *_, row = steady_rows(refused)

    assert row[2:4] == ("peer", "HTTP Error 500")


def test_a_wave_is_reported_without_the_upstreams_delay() -> None:
    wave = case(tintype=[turn(p50_ms=5100, memory=90 * MIB, peak_memory=290 * MIB, failures=1)])

    [row] = wave_rows(wave | {"clients": 200, "delay_ms": 5000})

    assert row[:4] == ("200", "Tintype, SQLite", "1", "100")
    assert row[6:] == ("90", "290", "1024")


def test_a_report_shows_only_the_selected_cases() -> None:
    results = {"machine": MACHINE, "cases": [case(direct=[turn()])], "waves": []}

    assert "| openai-images, 64 KiB | 1 | direct |" in render(results)
    assert "2 cores of a processor" in render(results, only="6 MiB")
    assert "direct" not in render(results, only="6 MiB")


def test_the_small_table_has_a_row_for_each_target_and_a_column_for_each_size() -> None:
    measured = case(
        direct=[turn(p50_ms=1.0)],
        relay=[turn(p50_ms=1.5, cpu_ms=0.5)],
        tintype=[turn(p50_ms=3.25, cpu_ms=0.75)],
    )
    sizes = ("64 KiB", "1.5 MiB", "6 MiB")
    cases = [measured | {"title": f"openai-images, {size}"} for size in sizes]
    others = [measured | {"clients": 16}, measured | {"title": "google-predict, 1.5 MiB"}]

    text = compact({"machine": MACHINE, "cases": cases + others})

    header, _, *rows = text.splitlines()[2:]
    assert header == "| target | 64 KiB | 1.5 MiB | 6 MiB |"
    assert [row.split(" | ")[:2] for row in rows] == [
        ["| direct", "p50 1.00 ms"],
        ["| aiohttp relay", "0.50 ms (1.00x), +0.50 ms"],
        ["| Tintype, SQLite", "0.75 ms (1.50x), +2.25 ms"],
    ]


def test_percentiles_of_few_values() -> None:
    assert percentile([], 50) == 0
    assert percentile([7.0], 99) == 7
    assert percentile([1.0, 2.0, 3.0], 50) == 2
