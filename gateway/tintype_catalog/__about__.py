"""The version, which the build, the programs and the chart's tests read."""

__version__ = "0.1.0"
