"""Builds kube-router before the first test, whose time limit a build would exceed."""

from contextlib import suppress
from pathlib import Path

import pytest

from tests.enforcer.kube_router import KUBE_ROUTER
from tests.node.machine import inabilities
from tintype_testing.cluster.building import BuildError

HERE = Path(__file__).parent


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build it if a test of this folder runs, and can."""
    needed = any(item.path.is_relative_to(HERE) for item in session.items)
    if needed and not session.config.option.collectonly and not inabilities():
        with suppress(BuildError):  # the fixture reports the error
            KUBE_ROUTER.build()
