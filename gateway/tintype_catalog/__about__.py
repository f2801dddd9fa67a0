"""The one place of the version, read by the build, the programs and the chart's tests."""

__version__ = "0.1.0"
