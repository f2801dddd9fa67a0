"""After the removal of a release only users' objects are left. The last test of the quick start."""

from tests.node.release import Release, simulated
from tintype_testing.manifests import image_model
from tintype_testing.waiting import eventually_blocking

COMPONENTS = ("gateway", "operator", "simulator")


def test_definitions_and_models_outlive_the_release(quick_start: Release) -> None:
    quick_start.apply(image_model("canvas"), simulated("canvas"))
    quick_start.wait_until_ready("im/canvas")
    written = quick_start.kubectl("get", "im,pb", "-o", "name")
    pods = {uid for name in COMPONENTS for uid in quick_start.uids(name)}

    quick_start.run("uninstall", "tintype")

    quick_start.wait_until_gone(pods)
    assert quick_start.kubectl("get", "im,pb", "-o", "name") == written
    published = ("configmap/tintype-catalog", "secret/tintype-credentials")
    eventually_blocking(
        lambda: not exist(quick_start, *published), "the garbage collection of what it made"
    )


def exist(release: Release, *names: str) -> bool:
    found = release.kubectl("get", "--ignore-not-found", "-o", "name", *names)
    return bool(found.strip())
