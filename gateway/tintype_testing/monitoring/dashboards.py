"""The dashboards of the chart."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tintype_testing.chart import CHART

FOLDER = CHART / "dashboards"


@dataclass(frozen=True)
class Target:
    """A query of a panel, and the pattern of its legend."""

    query: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """A panel that shows queries."""

    title: str
    kind: str
    unit: str
    targets: tuple[Target, ...]
    place: Mapping[str, int]
    """Its `x`, `y`, `w` and `h` in Grafana's grid of 24 columns."""


def names() -> list[str]:
    """The dashboards by the names of their files."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read(name: str) -> dict[str, Any]:
    """A dashboard in Grafana's JSON model."""
    dashboard: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return dashboard


def panels(name: str) -> Iterator[Panel]:
    """The panels of a dashboard that show queries."""
    for panel in read(name)["panels"]:
        if "targets" in panel:
            yield Panel(
                panel["title"],
                panel["type"],
                panel["fieldConfig"]["defaults"]["unit"],
                tuple(Target(each["expr"], each["legendFormat"]) for each in panel["targets"]),
                panel["gridPos"],
            )


def filled_in(query: str, *, rate: str, span: str) -> str:
    """A query with Grafana's variables replaced: its shortest useful window, and the time range."""
    variables = {
        "$__rate_interval": rate,
        "$__range": span,
        "$namespace": ".*",
        "$credits_per_usd": "16",
    }
    for name, value in variables.items():
        query = query.replace(name, value)
    return query
