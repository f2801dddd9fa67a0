"""The page of the chart's values, from the comments in values.yaml."""

from tintype_testing.chart import CHART
from tools.chart_readme import HEADS, value_rows

INTRODUCTION = """# Chart values

The values of `charts/tintype`. A value that is not listed here is refused. [In
Kubernetes](../kubernetes.md) tells how to install, upgrade and remove the chart.

"""


def page() -> str:
    """Return the page."""
    return INTRODUCTION + HEADS + value_rows((CHART / "values.yaml").read_text())
