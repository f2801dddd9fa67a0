"""After the removal of a release only users' objects are left."""

from tests.node.release import Release, simulated
from tintype_testing.chart import Helm
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.manifests import image_model
from tintype_testing.waiting import eventually_blocking


def test_definitions_and_models_outlive_the_release(node: ControlPlane, node_helm: Helm) -> None:
    release = Release(node, node_helm, "removed")
    release.install_as_documented()
    release.apply(image_model("canvas"), simulated("canvas"))
    release.kubectl("wait", "--for=condition=Ready", "--timeout=90s", "im/canvas")
    written = release.kubectl("get", "im,pb", "-o", "name")

    release.run("uninstall", "tintype")

    release.kubectl("wait", "--for=delete", "pod", "--all", "--timeout=60s")
    assert release.kubectl("get", "im,pb", "-o", "name") == written
    published = ("configmap/tintype-catalog", "secret/tintype-credentials")
    eventually_blocking(
        lambda: not exist(release, *published), "the garbage collection of what it made"
    )


def exist(release: Release, *names: str) -> bool:
    found = release.kubectl("get", "--ignore-not-found", "-o", "name", *names)
    return bool(found.strip())
