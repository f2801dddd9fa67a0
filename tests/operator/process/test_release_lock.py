"""Several releases in one namespace: each serves the objects with its label."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tintype_catalog.bundle import unpack
from tintype_kubernetes.configmaps import files_of
from tintype_operator.process.release_lock import lock_name
from tintype_testing.manifests import image_model
from tintype_testing.operator import CONFIGMAP, CREDENTIALS, Operator
from tintype_testing.waiting import LIMIT_SECONDS, eventually_blocking


def labelled(name: str, release: str) -> dict[str, Any]:
    model = image_model(name)
    model["metadata"]["labels"] = {"tintype.dev/release": release}
    return model


def test_objects_of_other_releases_are_ignored(running: Operator) -> None:
    running.apply(labelled("theirs", "blue"), image_model("ours"))

    running.wait_for_models("ours")
    running.wait_for_condition("imagemodel", "ours", "Accepted", "True")
    assert "status" not in running.get("imagemodel", "theirs")


def test_a_release_serves_the_objects_with_its_label(operator: Operator) -> None:
    operator.apply(labelled("blue", "blue"), labelled("red", "red"), image_model("unlabelled"))

    operator.start(TINTYPE_RELEASE="blue")

    operator.wait_for_models("blue")


def test_an_object_can_move_to_another_release_and_back(running: Operator) -> None:
    running.apply(image_model("canvas"))
    running.wait_for_models("canvas")

    running.apply(labelled("canvas", "blue"))
    running.wait_for_models()

    running.apply(labelled("canvas", ""))
    running.wait_for_models("canvas")


@pytest.fixture
def second(operator: Operator, tmp_path: Path) -> Iterator[Operator]:
    """The operator of another release in the same namespace, not started yet."""
    folder = tmp_path / "second"
    folder.mkdir()
    second = Operator(operator.cluster, operator.namespace, folder)
    second.kubeconfig = operator.cluster.kubeconfig  # for a separate ConfigMap and Lease
    yield second
    second.close()


OF_ITS_OWN = {
    "TINTYPE_CATALOG_CONFIGMAP": "blue-catalog",
    "TINTYPE_CREDENTIALS_SECRET": "blue-credentials",
}


def test_two_releases_in_a_namespace_serve_separate_objects(
    running: Operator, second: Operator
) -> None:
    running.apply(labelled("theirs", "blue"), image_model("ours"))

    second.start(TINTYPE_NAMESPACE=running.namespace, TINTYPE_RELEASE="blue", **OF_ITS_OWN)

    running.wait_for_condition("imagemodel", "theirs", "Accepted", "True")
    running.wait_for_condition("imagemodel", "ours", "Accepted", "True")
    running.wait_for_models("ours")
    (theirs,) = unpack(files_of(running.get("configmap", "blue-catalog")))[1].models
    assert theirs.name == "theirs"


def test_a_second_operator_with_the_same_release_is_refused_and_writes_nothing(
    running: Operator, second: Operator
) -> None:
    running.apply(image_model("ours"))
    running.wait_for_condition("imagemodel", "ours", "Accepted", "True")

    process = second.start(TINTYPE_NAMESPACE=running.namespace, **OF_ITS_OWN)

    assert process.exit_code(LIMIT_SECONDS) == 1
    (line,) = process.output().splitlines()
    assert "are served by ConfigMap/tintype-catalog already" in line
    assert "set another release" in line
    assert not running.get("configmap", "blue-catalog")


def test_a_release_is_free_again_when_its_lock_was_deleted(
    running: Operator, second: Operator
) -> None:
    running.stop()
    running.delete("lease", "tintype-release")

    second.start(TINTYPE_NAMESPACE=running.namespace, **OF_ITS_OWN)

    eventually_blocking(lambda: running.get("configmap", "blue-catalog"), "the second catalog")


def test_every_release_has_a_lock_with_a_valid_name() -> None:
    assert lock_name("") == "tintype-release"
    assert lock_name("Blue_1.2") == "tintype-release-blue-1.2"


def test_published_objects_are_deleted_with_the_operators_deployment(operator: Operator) -> None:
    labels = {"app": "operator"}
    container = {"name": "operator", "image": "operator"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "operator"},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }
    operator.apply(deployment)
    uid = operator.get("deployment", "operator")["metadata"]["uid"]

    operator.start(TINTYPE_OWNER_DEPLOYMENT="operator")
    operator.wait_for_models()

    published = (("configmap", CONFIGMAP), ("secret", CREDENTIALS), ("lease", lock_name("")))
    for kind, name in published:
        stored = eventually_blocking(partial(operator.get, kind, name), name)
        (owner,) = stored["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("Deployment", "operator", uid)
