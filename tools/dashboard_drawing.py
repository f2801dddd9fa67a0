"""Draws dashboards as SVG: panels at their places in Grafana's grid, with their data."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from tintype_testing.monitoring.dashboards import Panel

COLUMN, ROW = 50, 30
"""Pixels of a column and of a row of Grafana's grid."""

MARGIN, HEADER, AXIS = 12, 34, 58

PALETTE = ("#1f77b4", "#d9730d", "#2a9d5c", "#b83280", "#7a5af5", "#8a6d3b", "#0f8b8d", "#c0392b")

STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#24292f}.t{font-weight:600;font-size:13px}"
    ".m{fill:#57606a;font-size:11px}.big{font-size:30px;font-weight:600}"
    ".row{font-size:16px;font-weight:600}.p{fill:#fff;stroke:#d0d7de}.g{stroke:#e6e9ed}"
    ".l{fill:none;stroke-width:1.6}"
)


@dataclass(frozen=True)
class Series:
    """What a panel shows under one name."""

    name: str
    points: Sequence[tuple[float, float]]
    """Times in Unix seconds, and values."""

    @property
    def last(self) -> float:
        return self.points[-1][1]


def image(
    title: str, subtitle: str, parts: Iterable[tuple[Panel, Sequence[Series]]], rows: dict[str, int]
) -> str:
    """The whole dashboard; `rows` are the headings between the panels, with their positions."""
    panels = list(parts)
    height = max((panel.place["y"] + panel.place["h"]) * ROW for panel, _ in panels)
    width = 24 * COLUMN + 2 * MARGIN
    body = [
        text(MARGIN, 24, title, "row"),
        text(MARGIN, 44, subtitle, "m"),
        *(text(MARGIN, 60 + y * ROW + 20, name, "row") for name, y in rows.items()),
        *(_panel(panel, series) for panel, series in panels),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + 80}" '
        f'width="{width}" height="{height + 80}" role="img"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><rect width='100%' height='100%' fill='#f6f8fa'/>"
        + "\n".join(body)
        + "</svg>\n"
    )


def text(x: float, y: float, content: str, kind: str = "", anchor: str = "start") -> str:
    """A text at a position."""
    place = f'x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}"'
    return f"<text {place}>{escape(content)}</text>"


def named(legend: str, labels: dict[str, str]) -> str:
    """A legend with the values of its labels."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend).strip()


def written(value: float, unit: str) -> str:
    """A number as text, in Grafana's unit."""
    match unit:
        case "percentunit":
            return f"{100 * value:.1f} %"
        case "s":
            return f"{1000 * value:.3g} ms" if abs(value) < 1 else f"{value:.3g} s"
        case "bytes":
            return f"{value / 2**20:.3g} MiB"
        case "reqps":
            return f"{value:.3g}/s"
        case "currencyUSD":
            return f"${value:,.2f}"
        case "d":
            return f"{value:,.0f} days"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _panel(panel: Panel, series: Sequence[Series]) -> str:
    x, y = MARGIN + panel.place["x"] * COLUMN, 60 + panel.place["y"] * ROW
    width, height = panel.place["w"] * COLUMN - 8, panel.place["h"] * ROW - 8
    draw = {"stat": _stat, "table": _table, "timeseries": _chart}[panel.kind]
    return (
        f'<g transform="translate({x},{y})"><rect class="p" rx="4" width="{width}" '
        f'height="{height}"/>{text(10, 20, panel.title, "t")}'
        f"{draw(panel, series, width, height)}</g>"
    )


def _stat(panel: Panel, series: Sequence[Series], width: int, height: int) -> str:
    if not series:
        return text(width / 2, height / 2 + 16, "no data", "m", "middle")
    shown = ", ".join(written(each.last, panel.unit) for each in series)
    names = ", ".join(each.name for each in series)
    return text(width / 2, height / 2 + 20, shown, "big", "middle") + text(
        width / 2, height - 10, names, "m", "middle"
    )


def _table(panel: Panel, series: Sequence[Series], width: int, height: int) -> str:
    fitting = series[: (height - HEADER) // 18]
    return "".join(
        text(10, HEADER + 14 + 18 * number, _cut(each.name, width - 110))
        + text(width - 10, HEADER + 14 + 18 * number, written(each.last, panel.unit), "", "end")
        for number, each in enumerate(fitting)
    )


def _chart(panel: Panel, series: Sequence[Series], width: int, height: int) -> str:
    if not series:
        return text(width / 2, height / 2, "nothing happened", "m", "middle")
    legend, lines = _legend(series, width, height)
    bottom, right = height - 18 * lines - 22, width - 10
    times = [time for each in series for time, _ in each.points]
    top = max((value for each in series for _, value in each.points), default=0) or 1
    begin, span = min(times), max(max(times) - min(times), 1)

    def place(point: tuple[float, float]) -> str:
        across = AXIS + (right - AXIS) * (point[0] - begin) / span
        return f"{across:.1f},{bottom - (bottom - HEADER) * max(point[1], 0) / top:.1f}"

    grid = "".join(
        f'<line class="g" x1="{AXIS}" x2="{right}" y1="{y}" y2="{y}"/>'
        + text(AXIS - 6, y + 4, written(top * share, panel.unit), "m", "end")
        for share in (0, 0.5, 1)
        for y in (bottom - (bottom - HEADER) * share,)
    )
    curves = "".join(
        f'<polyline class="l" stroke="{PALETTE[number % len(PALETTE)]}" '
        f'points="{" ".join(map(place, each.points))}"/>'
        for number, each in enumerate(series)
    )
    ends = text(AXIS, bottom + 14, "0 s", "m") + text(
        right, bottom + 14, f"{span:.0f} s", "m", "end"
    )
    return grid + curves + ends + legend


def _legend(series: Sequence[Series], width: int, height: int) -> tuple[str, int]:
    """The legend under a chart, and its number of lines."""
    lines: list[list[tuple[float, int]]] = [[]]
    x = 10.0
    for number, each in enumerate(series):
        needed = 26 + 6.4 * len(each.name)
        if x + needed > width and lines[-1]:
            lines.append([])
            x = 10.0
        lines[-1].append((x, number))
        x += needed
    lines = lines[:4]
    parts = [
        f'<rect x="{x:.1f}" y="{y - 8:.1f}" width="10" height="3" '
        f'fill="{PALETTE[number % len(PALETTE)]}"/>' + text(x + 14, y, series[number].name, "m")
        for row, line in enumerate(lines)
        for x, number in line
        for y in (height - 18 * (len(lines) - row) + 10,)
    ]
    return "".join(parts), len(lines)


def _cut(name: str, pixels: float) -> str:
    most = int(pixels / 6.6)
    return name if len(name) <= most else name[: most - 1] + "\u2026"
