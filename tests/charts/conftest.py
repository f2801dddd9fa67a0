"""Helm, without and with a cluster."""

from contextlib import suppress
from pathlib import Path

import pytest

from tintype_testing.chart import Helm
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.helm import HelmMissingError, find_helm, is_built
from tintype_testing.requirements import missing


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build helm before the first test, whose time limit a build would exceed."""
    needed = any("helm_program" in getattr(item, "fixturenames", ()) for item in session.items)
    if needed and not session.config.option.collectonly and not is_built():
        with suppress(HelmMissingError):  # the fixture says it
            find_helm()


@pytest.fixture(scope="session")
def helm_program() -> Path:
    """The program. Without it the test is skipped, but with `CI=true` it fails."""
    try:
        return find_helm()
    except HelmMissingError as error:
        missing(str(error))


@pytest.fixture
def helm(helm_program: Path, tmp_path: Path) -> Helm:
    """Helm without a cluster."""
    return Helm(helm_program, None, tmp_path)


@pytest.fixture
def cluster_helm(helm_program: Path, cluster: ControlPlane, tmp_path: Path) -> Helm:
    """Helm as the administrator of the cluster."""
    return Helm(helm_program, cluster.kubeconfig, tmp_path)
