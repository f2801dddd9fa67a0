"""Install, upgrade, test and uninstall a release on a real API server."""

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.charts.values import DEV
from tests.pages.blocks import claim
from tintype_cli.crds import main as crds
from tintype_kubernetes.resources import IMAGE_MODELS, PROVIDER_BINDINGS
from tintype_testing.chart import CHART, Helm, Values
from tintype_testing.cluster.binaries import find_binaries
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.manifests import image_model
from tintype_testing.waiting import eventually_blocking

ROOT = Path(__file__).parents[2]

PAGE = claim(__name__, "docs/get-started-in-a-cluster.md")

CRDS = [f"{kind.plural}.{kind.group}" for kind in (IMAGE_MODELS, PROVIDER_BINDINGS)]

FINISHED = json.dumps({"status": {"phase": "Succeeded"}})
"""The status of a pod that has succeeded, as the kubelet would write it."""

STARTER: Values = {"starterCatalog": {"enabled": True}}


@pytest.fixture(scope="module")
def empty_cluster(
    cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """A separate cluster, because that of the other tests already has the CRDs."""
    empty = ControlPlane(tmp_path_factory.mktemp("empty-cluster"), find_binaries())
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


@pytest.fixture
def release(empty_cluster: ControlPlane, helm_program: Path, tmp_path: Path) -> Release:
    return Release(empty_cluster, Helm(helm_program, empty_cluster.kubeconfig, tmp_path))


def test_one_command_installs_definitions_programs_and_models(release: Release) -> None:
    notes = release.install(STARTER)

    assert {f"customresourcedefinition.apiextensions.k8s.io/{name}" for name in CRDS} <= (
        release.names("crd")
    )
    assert release.names("deployments") == {
        "deployment.apps/tintype-gateway",
        "deployment.apps/tintype-operator",
    }
    assert len(release.names("imagemodels")) > 20
    assert f"kubectl get im,pb -n {release.namespace}" in notes


def test_the_commands_in_the_notes_return_an_image(release: Release) -> None:
    notes = release.install(DEV)

    assert "WARNING: persistence.enabled=false" in notes
    assert f"kubectl exec -n {release.namespace} deploy/tintype-gateway -- cat" in notes
    assert '"model": "gpt-image-1"' in notes


def test_the_page_for_beginners_says_what_the_notes_say(release: Release) -> None:
    install, *commands, change, _ = page_commands()
    notes = one_spaced(release.install(DEV)).replace(release.namespace, "images")

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


def test_the_ledger_and_users_objects_outlive_the_release(release: Release) -> None:
    release.install(STARTER)
    own = image_model(name="mine", id="mine")
    own["metadata"]["namespace"] = release.namespace
    release.cluster.apply(own)
    before = release.names("imagemodels,providerbindings,persistentvolumeclaims")

    release.do("uninstall", "tintype")

    assert release.names("imagemodels,providerbindings,persistentvolumeclaims") == before
    assert release.names("deployments,services,roles,rolebindings,networkpolicies") == set()
    assert "imagemodel.tintype.dev/mine" in before


def test_a_reinstalled_release_uses_the_kept_objects(release: Release) -> None:
    release.install(STARTER)
    release.do("uninstall", "tintype")

    release.install(STARTER)

    assert "deployment.apps/tintype-gateway" in release.names("deployments")


@pytest.mark.parametrize("options", [[], ["--logs"]])
def test_helm_test_can_be_repeated(release: Release, options: list[str]) -> None:
    release.install({})

    for _ in range(2):
        command = ("test", "tintype", "--timeout=60s", *options)
        helm = release.helm.start(*command, "--namespace", release.namespace)
        try:
            pod = eventually_blocking(lambda: _waiting_test(release), "the pod of the test")
            release.kubectl("patch", *pod, "--subresource=status", "--type=merge", "-p", FINISHED)
            assert helm.wait(60) == 0
        finally:
            helm.kill()


def _waiting_test(release: Release) -> set[str]:
    pending = "--field-selector=status.phase=Pending"
    pods = release.kubectl("get", "pods", pending, "-o", "name").split()
    return {name for name in pods if name.endswith("-test")}


def upgrade(release: Release, during: Callable[[], None]) -> None:
    """Upgrade the release, and run the Job as a node would."""
    command = ("upgrade", "tintype", str(CHART), "--timeout=60s")
    helm = release.helm.start(*command, "--namespace", release.namespace)
    try:
        pod = eventually_blocking(
            lambda: release.names("pods") & _job_pods(release), "the pod of the Job"
        )
        during()
        release.kubectl("patch", *pod, "--subresource=status", "--type=merge", "-p", FINISHED)
        assert helm.wait(60) == 0
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
