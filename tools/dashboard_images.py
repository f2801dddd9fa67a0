"""Draws the dashboards from a real run, for the documentation: `make dashboard-images`."""

import asyncio
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tintype_testing.cluster.binaries import find_binaries
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.monitoring import dashboards
from tintype_testing.monitoring.dashboards import Panel, Target
from tintype_testing.monitoring.prometheus import Prometheus
from tintype_testing.monitoring.rehearsal import Rehearsal, rehearsal
from tools.dashboard_drawing import Series, image, named

ROUNDS = 60
"""Rounds of requests, each of which takes a second or more."""

EDITS = 3
"""Changes of the catalog between the rounds."""

RATE = "15s"
POINTS = 100

SUBTITLE = (
    "An equal rendering of the dashboard's own queries, answered by a real Prometheus "
    "that scraped a real run of {seconds:.0f} seconds."
)


def main(folder: Path) -> None:
    """Run, and write an image of each dashboard into the folder."""
    with tempfile.TemporaryDirectory() as scratch:
        control_plane = ControlPlane(Path(scratch), find_binaries())
        try:
            control_plane.start()
            control_plane.apply_crds()
            namespace = control_plane.create_namespace()
            with rehearsal(control_plane, namespace, Path(scratch), latency_seconds=0.4) as run:
                _perform(run)
                for name in dashboards.names():
                    (folder / f"dashboard-{name}.svg").write_text(drawn(name, run))
        finally:
            control_plane.stop()


def drawn(name: str, run: Rehearsal) -> str:
    """The image of a dashboard."""
    end = time.time()
    seconds = end - run.started
    read = dashboards.read(name)
    rows = {part["title"]: part["gridPos"]["y"] for part in read["panels"] if part["type"] == "row"}
    parts = (
        (panel, list(_series(panel, run.prometheus, run.started, end)))
        for panel in dashboards.panels(name)
    )
    return image(read["title"], SUBTITLE.format(seconds=seconds), parts, rows)


def _perform(run: Rehearsal) -> None:
    for number in range(EDITS):
        asyncio.run(run.traffic(ROUNDS // EDITS, pause_seconds=0.5))
        run.edit(f"GPT Image 2, edited {number}")
    asyncio.run(run.traffic(3, pause_seconds=0.5))


def _series(panel: Panel, prometheus: Prometheus, start: float, end: float) -> Iterator[Series]:
    for target in panel.targets:
        query = dashboards.filled_in(target.query, rate=RATE, span=f"{end - start:.0f}s")
        if panel.kind == "timeseries":
            found = prometheus.query_range(query, start, end, (end - start) / POINTS)
        else:
            found = [series | {"values": [series["value"]]} for series in prometheus.query(query)]
        for series in found:
            yield from _read(target, series["metric"], series["values"])


def _read(
    target: Target, labels: dict[str, str], values: list[tuple[float, str]]
) -> Iterator[Series]:
    points = [(time_, float(value)) for time_, value in values if math.isfinite(float(value))]
    if points:
        yield Series(named(target.legend, labels), points)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
