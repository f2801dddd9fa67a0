"""The fixtures `helm` and `cluster_helm`, for every folder of the tests."""

from contextlib import suppress
from pathlib import Path

import pytest

from tintype_testing.chart import Helm
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.helm import HelmMissingError, find_helm, is_built
from tintype_testing.requirements import missing


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build helm before the first test, because a build takes longer than its time limit."""
    needed = any("helm_program" in getattr(item, "fixturenames", ()) for item in session.items)
    if needed and not session.config.option.collectonly and not is_built():
        with suppress(HelmMissingError):  # the fixture reports the error
            find_helm()


@pytest.fixture(scope="session")
def helm_program() -> Path:
    """The path of helm. Without it the test is skipped, or fails if `CI=true`."""
    try:
        return find_helm()
    except HelmMissingError as error:
        missing(str(error))


@pytest.fixture(scope="session")
def helm(helm_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm without a cluster."""
    return Helm(helm_program, None, tmp_path_factory.mktemp("helm"))


@pytest.fixture
def cluster_helm(helm_program: Path, cluster: ControlPlane, tmp_path: Path) -> Helm:
    """Helm as the administrator of the cluster."""
    return Helm(helm_program, cluster.kubeconfig, tmp_path)
