"""Draws a soak: memory and open files over time, as SVG for light and dark pages."""

from collections.abc import Sequence
from html import escape

from bench.soak_samples import Sample, slope_mib_an_hour

WIDTH, HEIGHT, GAP = 860, 210, 44
LEFT, TOP, RIGHT = 62, 34, 28

STYLE = """\
text{font:12px system-ui,sans-serif;fill:#57606a}.t{font-weight:600;fill:#24292f}
.g{stroke:#d0d7de}.l{fill:none;stroke-width:1.5;stroke:#0969da}
@media(prefers-color-scheme:dark){
text{fill:#9198a1}.t{fill:#f0f6fc}.g{stroke:#3d444d}.l{stroke:#4493f8}}"""

Points = Sequence[tuple[float, float]]
"""Seconds, and values."""


def image(samples: Sequence[Sample]) -> str:
    """Return both curves, one below the other."""
    slope = slope_mib_an_hour(samples)
    memory = [(each.seconds, each.resident_mib) for each in samples]
    files = [(each.seconds, float(each.open_files)) for each in samples]
    height = TOP + 2 * (HEIGHT + GAP)
    title = f"Memory of the gateway, MiB ({slope:+.2f} MiB an hour over the last two thirds)"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-label="A soak: memory and open files over time">'
        f"<style>{STYLE}</style>"
        f"{_chart(title, memory, TOP)}{_chart('Open files', files, TOP + HEIGHT + GAP)}</svg>\n"
    )


def _chart(title: str, points: Points, top: int) -> str:
    """Return one curve above its axis, which begins at zero: nothing looks steeper than it is."""
    bottom = top + HEIGHT - GAP
    seconds, highest = points[-1][0] or 1, _round_up(max(value for _, value in points))

    def x(second: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * second / seconds

    def y(value: float) -> float:
        return bottom - (bottom - top) * value / highest

    lines = "".join(
        f'<path class="g" d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}"/>'
        + _text(LEFT - 8, y(value) + 4, f"{value:g}", "end")
        for value in (0, highest / 2, highest)
    )
    minutes = "".join(
        _text(x(60 * minute), bottom + 18, f"{minute:g} min", "middle")
        for minute in _marks(seconds / 60)
    )
    curve = " ".join(f"{x(second):.1f},{y(value):.1f}" for second, value in points)
    heading = _text(LEFT, top - 12, title, "start", "t")
    return f'{heading}{lines}{minutes}<polyline class="l" points="{curve}"/>'


def _text(x: float, y: float, content: str, anchor: str, kind: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}"'
    return f"<text {place}>{escape(content)}</text>"


def _round_up(value: float) -> float:
    """Return the next number of one or two digits and zeros, for the top of an axis."""
    step = 10.0 ** max(0, len(str(int(value))) - 2) * 2
    return (value // step + 1) * step


def _marks(minutes: float) -> list[float]:
    """Return six moments or fewer to name on an axis."""
    step = max(1.0, -(-minutes // 5))
    return [step * number for number in range(1, int(minutes // step) + 1)]
