"""Writes the chart's README from the comments in values.yaml: `python -m tools.chart_readme`."""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tintype_testing.chart import CHART

HEADER = """# tintype

The gateway and the operator of Tintype as one release. How to install, upgrade and remove it is in
[docs/kubernetes.md](../../docs/kubernetes.md). A value that is not listed here is refused.

This page is generated from the comments in values.yaml by `make chart-readme`.

"""

HEADS = """| Value | Default | Meaning |
| --- | --- | --- |
"""

LINE = re.compile(r"^(?P<indent> *)(?P<key>\w+):(?: |$)")


def readme(values: str) -> str:
    """The whole text of the README."""
    return HEADER + HEADS + value_rows(values)


def value_rows(values: str) -> str:
    """The rows of the table of all values."""
    defaults = yaml.safe_load(values)
    return "".join(
        f"| `{path}` | `{_default(defaults, path)}` | {text} |\n"
        for path, text in _comments(values)
    )


def _comments(values: str) -> Iterator[tuple[str, str]]:
    """Each documented value, by its path with dots, in order."""
    path: list[str] = []
    comment: list[str] = []
    for line in values.splitlines():
        stripped = line.strip()
        if stripped.startswith("# -- "):
            comment = [stripped.removeprefix("# -- ")]
        elif stripped.startswith("#") and comment:
            comment.append(stripped.removeprefix("# "))
        elif found := LINE.match(line):
            path = [*path[: len(found["indent"]) // 2], found["key"]]
            if comment:
                yield ".".join(path), " ".join(comment).replace("|", "\\|")
            comment = []


def _default(defaults: dict[str, Any], path: str) -> str:
    value: Any = defaults
    for key in path.split("."):
        value = value[key]
    return json.dumps(value)


if __name__ == "__main__":
    (CHART / "README.md").write_text(readme((CHART / "values.yaml").read_text()))
