"""The alerts of the chart."""

from typing import Any

import yaml

from tintype_testing.chart import CHART

FILE = CHART / "monitoring" / "alerts.yaml"

Rule = dict[str, Any]


def alerts() -> list[Rule]:
    """Every alerting rule, in order."""
    groups = yaml.safe_load(FILE.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]
