"""What a large catalog does to the event loop of a gateway: `python -m bench.catalog_load`.

Each catalog has a number of models of the starter catalog under other names, and as many bindings.
A gateway in a process of its own gets it as from a watch of the ConfigMap, first of all, then with
one edited model, then with every model edited, and is asked for the documents that the first
request after a new catalog makes. The longest stop is the CPU time that passed until a timer had
its turn; it and the times are medians of several processes.
"""

import argparse
import asyncio
import copy
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from bench.processes import peak_memory_bytes
from bench.scrape import lag_during
from tintype_catalog.bundle import pack
from tintype_catalog.compiler import compile_manifests
from tintype_gateway.catalog.folder import read_manifests
from tintype_gateway.catalog.loading import CatalogLoader
from tintype_gateway.runtime.allocator import exclude_living, tune_allocator
from tintype_gateway.runtime.folder_watch import read_files
from tintype_gateway.runtime.loop_lag import observe_lag
from tintype_gateway.server import STARTER
from tintype_testing.gateway import Gateway, canvas, running_gateway

CATALOGS = ("first catalog", "one model edited", "all models edited")
DOCUMENTS = ("/v1/models", "/openapi.json")

Figures = dict[str, tuple[float, float]]
"""Milliseconds by what was done: the longest stop, and until it was done."""


def manifests(models: int, edited: int = 0) -> Iterator[dict[str, Any]]:
    """Yield models, the first of them edited, each with a binding."""
    starter = [manifest for _, manifest in read_manifests(STARTER)]
    by_name = {each["metadata"]["name"]: each for each in starter if each["kind"] == "ImageModel"}
    bindings = (each for each in starter if each["kind"] == "ProviderBinding")
    for number, original in enumerate(islice(cycle(bindings), models)):
        name = f"m{number:05}"
        model = copy.deepcopy(by_name[original["spec"]["modelRef"]["name"]])
        model["metadata"]["name"] = model["spec"]["id"] = name
        model["spec"]["aliases"] = []
        model["spec"].get("lifecycle", {}).pop("replacement", None)
        model["spec"]["displayName"] = f"Edited {name}" if number < edited else name
        yield model
        binding = copy.deepcopy(original)
        binding["metadata"]["name"] = binding["spec"]["modelRef"]["name"] = name
        yield binding


def write_catalogs(folder: Path, models: int) -> None:
    """Write what a watch would deliver, a folder for each catalog."""
    for sequence, edited in enumerate((0, 1, models), start=2):
        catalog, problems = compile_manifests(list(manifests(models, edited)))
        if problems:
            raise ValueError(str(problems[0]))
        (folder / str(sequence)).mkdir()
        for name, content in pack(catalog, sequence).files.items():
            (folder / str(sequence) / name).write_bytes(content)


async def measured(work: Awaitable[Any]) -> tuple[float, float]:
    """Return the longest stop during some work, and its time, in milliseconds."""
    began = time.perf_counter()
    took = list[float]()

    async def timed() -> None:
        await work
        took.append(round(1000 * (time.perf_counter() - began), 1))

    return await lag_during(timed()), took[0]


async def ask(gateway: Gateway, path: str) -> None:
    """Get a document from the gateway."""
    async with gateway.http() as http, http.stream("GET", path) as response:
        response.raise_for_status()
        async for _ in response.aiter_raw():
            pass


async def measure(folder: Path) -> Figures:
    """Return the figures of a gateway that loads the catalogs in a folder."""
    figures = Figures()
    with tempfile.TemporaryDirectory() as data:
        async with running_gateway(Path(data), *canvas()) as gateway:
            sampling = asyncio.create_task(observe_lag())  # as the server does
            exclude_living()
            loader = CatalogLoader(gateway.catalogs)
            for sequence, name in enumerate(CATALOGS, start=2):
                files = read_files(folder / str(sequence), lambda _: True)
                figures[name] = await measured(loader.load(files, "watch"))
            for path in DOCUMENTS:
                figures[f"GET {path}"] = await measured(ask(gateway, path))
            sampling.cancel()
    return figures


def figures_of(folder: Path, processes: int) -> tuple[Figures, int]:
    """Return the medians of several processes, and the most memory of any, in MiB."""
    command = [sys.executable, "-m", "bench.catalog_load", "--load", str(folder)]
    runs = [
        json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)  # noqa: S603 - ourselves
        for _ in range(processes)
    ]
    stops: Sequence[Mapping[str, Sequence[float]]] = [run["figures"] for run in runs]
    medians = {
        name: (
            statistics.median(each[name][0] for each in stops),
            statistics.median(each[name][1] for each in stops),
        )
        for name in stops[0]
    }
    return medians, max(run["peak_mib"] for run in runs)


def report(sizes: Sequence[int], processes: int) -> None:
    """Print a table for each size."""
    for models in sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_catalogs(Path(folder), models)
            figures, peak = figures_of(Path(folder), processes)
        print(f"| {models:,} models + {models:,} bindings | longest stop | done after |")
        print("| --- | --- | --- |")
        for name, (stop, took) in figures.items():
            print(f"| {name} | {stop:.0f} ms | {took / 1000:.2f} s |")
        print(f"\nmemory at most: {peak} MiB")
        print(f"load of the machine's {os.cpu_count()} processors: {os.getloadavg()[0]:.1f}\n")


def main() -> None:
    """Print the tables, or load one catalog."""
    parser = argparse.ArgumentParser(prog="python -m bench.catalog_load", description=__doc__)
    parser.add_argument("--models", type=int, nargs="+", default=[1000, 5000], help="the sizes")
    parser.add_argument("--processes", type=int, default=3, help="how many are measured")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load is None:
        report(options.models, options.processes)
        return
    tune_allocator()
    figures = asyncio.run(measure(options.load))
    peak = peak_memory_bytes(os.getpid()) // 2**20
    print(json.dumps({"figures": figures, "peak_mib": peak}))


if __name__ == "__main__":
    main()
