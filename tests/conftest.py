"""What every folder of the tests may use."""

import pytest
from hypothesis import settings

pytest_plugins = ["tests.cluster.fixtures", "tintype_testing.postgres", "tintype_testing.s3"]

# How long an example takes says something of the machine, nothing of the code.
settings.register_profile("tintype", deadline=None)
settings.load_profile("tintype")

LONG = (
    "tests/chaos/",
    "tests/gateway/torture/",
)
"""The files with the longest tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
