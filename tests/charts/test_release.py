"""Install, upgrade, test and uninstall a release on a real API server."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.charts.values import DEV
from tests.pages.blocks import claim
from tintype_cli.crds import main as crds
from tintype_kubernetes.resources import IMAGE_MODELS, PROVIDER_BINDINGS
from tintype_testing.chart import CHART, Helm, Values
from tintype_testing.cluster.binaries import BinariesMissingError, find_binaries
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.manifests import image_model
from tintype_testing.requirements import missing
from tintype_testing.waiting import eventually_blocking

ROOT = Path(__file__).parents[2]

PAGE = claim(__name__, "docs/get-started-in-a-cluster.md")

CRDS = [f"{kind.plural}.{kind.group}" for kind in (IMAGE_MODELS, PROVIDER_BINDINGS)]

FINISHED = json.dumps({"status": {"phase": "Succeeded"}})
"""The status of a pod that has succeeded, as the kubelet would write it."""

STARTER: Values = {"starterCatalog": {"enabled": True}, "networkPolicy": {"enabled": True}}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A separate cluster, because that of the other tests already has the CRDs."""
    try:
        binaries = find_binaries()
    except BinariesMissingError as error:
        missing(str(error))
    empty = ControlPlane(tmp_path_factory.mktemp("empty-cluster"), binaries)
    try:
        empty.start()
        yield empty
    finally:
        empty.stop()


class Release:
    """The release `tintype` in a separate namespace."""

    def __init__(self, cluster: ControlPlane, helm: Helm) -> None:
        self.cluster = cluster
        self.helm = helm
        self.namespace = cluster.create_namespace()

    def do(self, *command: str, values: Values | None = None) -> str:
        """Run a helm command on the release."""
        return self.helm.run(*command, "--namespace", self.namespace, values=values)

    def install(self, values: Values) -> str:
        return self.do("install", "tintype", str(CHART), values=values)

    def kubectl(self, *arguments: str) -> str:
        return self.cluster.kubectl(*arguments, "--namespace", self.namespace)

    def names(self, kinds: str) -> set[str]:
        """The existing objects of some kinds, as `kind/name`."""
        return set(self.kubectl("get", kinds, "-o", "name").split())


@pytest.fixture(scope="module")
def cluster_helm(
    cluster: ControlPlane, helm_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Helm:
    return Helm(helm_program, cluster.kubeconfig, tmp_path_factory.mktemp("helm"))


@pytest.fixture
def release(cluster: ControlPlane, cluster_helm: Helm) -> Release:
    return Release(cluster, cluster_helm)


@dataclass(frozen=True)
class Life:
    """What was told when a release was installed, and the objects at each time of its life."""

    namespace: str
    notes: str
    installed: set[str]
    uninstalled: set[str]
    reinstalled: set[str]


KEPT = ("imagemodel", "providerbinding", "persistentvolumeclaim")

REMOVED = ("deployment", "service", "role", "rolebinding", "networkpolicy")


@pytest.fixture(scope="module")
def life(cluster: ControlPlane, cluster_helm: Helm) -> Life:
    """A release with the starter catalog and a model of its user's, which was installed,
    uninstalled and installed again."""
    release = Release(cluster, cluster_helm)
    kinds = ",".join(("crd", *KEPT, *REMOVED))
    notes = release.install(STARTER)
    own = image_model(name="mine", id="mine")
    own["metadata"]["namespace"] = release.namespace
    release.cluster.apply(own)
    installed = release.names(kinds)
    release.do("uninstall", "tintype")
    uninstalled = release.names(kinds)
    release.install(STARTER)
    return Life(release.namespace, notes, installed, uninstalled, release.names(kinds))


def of(names: set[str], *kinds: str) -> set[str]:
    """Those of objects of some kinds among names such as `deployment.apps/tintype-gateway`."""
    return {name for name in names if re.split("[./]", name)[0] in kinds}


def test_one_command_installs_definitions_programs_and_models(life: Life) -> None:
    assert {f"customresourcedefinition.apiextensions.k8s.io/{name}" for name in CRDS} <= (
        life.installed
    )
    assert of(life.installed, "deployment") == {
        "deployment.apps/tintype-gateway",
        "deployment.apps/tintype-operator",
    }
    assert len(of(life.installed, "imagemodel")) > 20
    assert f"kubectl get im,pb -n {life.namespace}" in life.notes


@pytest.fixture(scope="module")
def demo(cluster: ControlPlane, cluster_helm: Helm) -> tuple[Release, str]:
    """A release that needs no provider, and its notes."""
    release = Release(cluster, cluster_helm)
    return release, release.install(DEV)


def test_the_commands_in_the_notes_return_an_image(demo: tuple[Release, str]) -> None:
    release, notes = demo

    assert "WARNING: persistence.enabled=false" in notes
    assert f"kubectl exec -n {release.namespace} deploy/tintype-gateway -- cat" in notes
    assert '"model": "gpt-image-1"' in notes


def test_the_page_for_beginners_says_what_the_notes_say(demo: tuple[Release, str]) -> None:
    release, printed = demo
    install, *commands, change, _ = page_commands()
    notes = one_spaced(printed).replace(release.namespace, "images")

    assert install in one_spaced((ROOT / "docs" / "kubernetes.md").read_text())
    assert [command for command in commands if command not in notes] == []
    release.kubectl(*shlex.split(change.replace("-n images", ""))[1:])
    model = json.loads(release.kubectl("get", "im", "gpt-image-1", "-o", "json"))
    assert model["spec"]["aliases"] == ["hedgehogs"]


def page_commands() -> list[str]:
    """The commands of the page for a first cluster, each on one line."""
    return [one_spaced(block.code) for block in PAGE]


def one_spaced(text: str) -> str:
    """A text without line breaks."""
    return " ".join(text.replace("\\\n", " ").split())


def test_the_ledger_and_users_objects_outlive_the_release(life: Life) -> None:
    before = of(life.installed, *KEPT)

    assert of(life.uninstalled, *KEPT) == before
    assert all(of(life.installed, kind) for kind in REMOVED)
    assert of(life.uninstalled, *REMOVED) == set()
    assert "imagemodel.tintype.dev/mine" in before
    assert "persistentvolumeclaim/tintype-gateway" in before


def test_a_reinstalled_release_uses_the_kept_objects(life: Life) -> None:
    assert "deployment.apps/tintype-gateway" in life.reinstalled


@pytest.fixture(scope="module")
def plain(cluster: ControlPlane, cluster_helm: Helm) -> Release:
    """A release with the values of the chart."""
    release = Release(cluster, cluster_helm)
    release.install({})
    return release


@pytest.mark.parametrize("options", [[], ["--logs"]])
def test_helm_test_can_be_repeated(plain: Release, options: list[str]) -> None:
    for _ in range(2):
        command = ("test", "tintype", "--timeout=180s", *options)
        helm = plain.helm.start(*command, "--namespace", plain.namespace)
        try:
            pod = eventually_blocking(lambda: _waiting_test(plain), "the pod of the test")
            plain.kubectl("patch", *pod, "--subresource=status", "--type=merge", "-p", FINISHED)
            assert helm.wait(180) == 0
        finally:
            helm.kill()


def _waiting_test(release: Release) -> set[str]:
    pending = "--field-selector=status.phase=Pending"
    pods = release.kubectl("get", "pods", pending, "-o", "name").split()
    return {name for name in pods if name.endswith("-test")}


def upgrade(release: Release, during: Callable[[], None]) -> None:
    """Upgrade the release, and run the Job as a node would."""
    command = ("upgrade", "tintype", str(CHART), "--timeout=180s")
    helm = release.helm.start(*command, "--namespace", release.namespace)
    try:
        pod = eventually_blocking(
            lambda: release.names("pods") & _job_pods(release), "the pod of the Job"
        )
        during()
        release.kubectl("patch", *pod, "--subresource=status", "--type=merge", "-p", FINISHED)
        assert helm.wait(180) == 0
    finally:
        helm.kill()


def _job_pods(release: Release) -> set[str]:
    return set(
        release.kubectl("get", "pods", "-l=batch.kubernetes.io/job-name", "-o", "name").split()
    )


def test_an_upgrade_upgrades_the_definitions_with_temporary_permissions(
    release: Release, tmp_path: Path
) -> None:
    release.install({})
    old = json.dumps({"spec": {"names": {"shortNames": ["old"]}}})
    release.kubectl("patch", "crd", CRDS[0], "--type=merge", "-p", old)

    def run_the_job() -> None:
        token = release.kubectl("create", "token", "tintype-crds").strip()
        kubeconfig = yaml.safe_load(release.cluster.kubeconfig.read_text())
        kubeconfig["users"][0]["user"] = {"token": token}
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
        assert crds(["apply", "--kubeconfig", str(tmp_path / "kubeconfig")]) == 0

    upgrade(release, run_the_job)

    names = json.loads(release.kubectl("get", "crd", CRDS[0], "-o", "json"))["spec"]["names"]
    assert names["shortNames"] == ["im"]
    left = release.names("clusterroles,clusterrolebindings,serviceaccounts,jobs")
    assert {name for name in left if name.endswith("tintype-crds")} == set()
