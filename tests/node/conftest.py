"""A node, its images, and releases of the chart. See `machine` for the requirements."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.node.binaries import PROGRAMS
from tests.node.bucket import running_bucket
from tests.node.commands import CommandError
from tests.node.figures import Figures
from tests.node.images import build_images
from tests.node.installation import Installation, Upgraded, install_last, upgrade
from tests.node.ledger import running_ledger
from tests.node.machine import INSTALL, absent_tools, inabilities
from tests.node.node import running_node
from tests.node.release import Release, describe
from tintype_testing.chart import Helm
from tintype_testing.cluster.binaries import BinariesMissingError, find_binaries
from tintype_testing.cluster.building import BuildError
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.helm import HelmMissingError, find_helm
from tintype_testing.requirements import missing
from tintype_testing.wheels import DownloadError

HERE = Path(__file__).parent

SECONDS = 1200
"""The time limit of a test; the first one also builds images and starts a cluster."""

FIGURES = pytest.StashKey[Figures]()

CLUSTER = pytest.StashKey[ControlPlane]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, which only `make test-node` runs, and order them."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.node)
            item.add_marker(pytest.mark.timeout(SECONDS))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """When the test comes: a cluster has the definitions of one release only.

    So the quick start begins in an empty cluster, and is removed before an installation of the last
    release is upgraded, on which the tests of a production go on.
    """
    fixtures = getattr(item, "fixturenames", ())
    if not item.path.is_relative_to(HERE):
        return 4
    if "quick_start" in fixtures:
        return 0
    if "installed" in fixtures:
        return 1 if item.path.name == "test_upgrade.py" else 2
    return 3


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build everything before the first test, because a build takes longer than its time limit."""
    needed = any(item.path.is_relative_to(HERE) for item in session.items)
    if not needed or session.config.option.collectonly or inabilities() or absent_tools():
        return
    with suppress(BinariesMissingError, BuildError, CommandError, DownloadError, HelmMissingError):
        build_programs()  # the fixtures report errors
        with session.config.stash.setdefault(FIGURES, Figures()).timed("images built"):
            build_images()


def build_programs() -> None:
    """Build the Go programs, once."""
    find_binaries()
    find_helm()
    for program in PROGRAMS:
        program.build()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the measured values."""
    lines = config.stash.get(FIGURES, Figures()).lines()
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the state of the cluster to the report of a failure, because it is removed afterwards."""
    report = yield
    cluster = item.config.stash.get(CLUSTER, None)
    if report.failed and cluster is not None:
        report.sections.append(("the cluster", describe(cluster)))
    return report


@pytest.fixture(scope="session")
def machine() -> None:
    """A machine that can be a node. On others the tests are skipped, also in CI."""
    if reasons := inabilities():
        pytest.skip(f"this machine cannot be a Kubernetes node: {'; '.join(reasons)}")
    if absent := absent_tools():
        missing(f"{', '.join(absent)} not installed: {INSTALL}")
    try:
        build_programs()
    except (BinariesMissingError, BuildError, HelmMissingError) as error:
        missing(str(error))


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Figures:
    return pytestconfig.stash.setdefault(FIGURES, Figures())


@pytest.fixture(scope="session")
def images(machine: None) -> list[Path]:
    """The archives of the images, freshly built."""
    return build_images()


@pytest.fixture(scope="session")
def node(
    images: list[Path], figures: Figures, pytestconfig: pytest.Config
) -> Iterator[ControlPlane]:
    """A cluster of one node."""
    with ExitStack() as stack:
        with figures.timed("images loaded and node Ready"):
            cluster = stack.enter_context(running_node(*images))
        pytestconfig.stash[CLUSTER] = cluster
        yield cluster
        del pytestconfig.stash[CLUSTER]


@pytest.fixture(scope="session")
def node_helm(node: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm as the administrator of the node's cluster."""
    return Helm(find_helm(), node.kubeconfig, tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def quick_start(node: ControlPlane, node_helm: Helm, figures: Figures) -> Release:
    """A release installed by the documentation, with its notes."""
    release = Release(node, node_helm, "images")
    with figures.timed("install to all pods Ready (SQLite, 1 gateway)"):
        release.install_as_documented()
        release.wait_until_available()
    return release


@pytest.fixture(scope="session")
def installed(
    previous_release: Path,
    node: ControlPlane,
    node_helm: Helm,
    figures: Figures,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """An installation of the last release, with a ledger and a bucket."""
    chart = previous_release / "charts" / "tintype"
    with running_ledger() as ledger, running_bucket(tmp_path_factory.mktemp("s3")) as store:
        yield install_last(Release(node, node_helm, "production"), chart, ledger, store, figures)


@pytest.fixture(scope="session")
def upgraded(installed: Installation, figures: Figures) -> Upgraded:
    """The same, upgraded to this release under load."""
    return upgrade(installed, figures)


@pytest.fixture(scope="session")
def production(upgraded: Upgraded) -> Release:
    """A release with two gateways, two operators and two workers."""
    return upgraded.release
