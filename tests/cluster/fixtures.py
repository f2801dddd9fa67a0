"""The fixtures `cluster` and `namespace`, for every folder of the tests."""

import os
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tintype_testing.cluster.binaries import BinariesMissingError, find_binaries, is_built
from tintype_testing.cluster.control_plane import ControlPlane


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the programs before the first test: a build takes longer than its time limit."""
    needed = any("cluster" in getattr(item, "fixturenames", ()) for item in session.items)
    if not needed or session.config.option.collectonly or is_built():
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line("building a Kubernetes control plane (once, some minutes) ...")
    with suppress(BinariesMissingError):  # the fixture reports the error
        find_binaries()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A running control plane. Without one the test is skipped, or fails if `CI=true`."""
    try:
        binaries = find_binaries()
    except BinariesMissingError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    control_plane = ControlPlane(tmp_path_factory.mktemp("cluster"), binaries)
    try:
        control_plane.start()
        yield control_plane
    finally:
        control_plane.stop()


@pytest.fixture(scope="session")
def cluster_with_crds(cluster: ControlPlane) -> ControlPlane:
    """The same control plane, with the repository's CRDs established."""
    cluster.apply_crds()
    return cluster


@pytest.fixture
def namespace(cluster: ControlPlane) -> str:
    """A namespace that no other test uses."""
    return cluster.create_namespace()
