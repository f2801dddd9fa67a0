"""Several releases share a namespace: each serves the objects of its label."""

from functools import partial
from typing import Any

from tests.support.manifests import image_model
from tests.support.operator import CONFIGMAP, CREDENTIALS, Operator, eventually


def labelled(name: str, release: str) -> dict[str, Any]:
    model = image_model(name)
    model["metadata"]["labels"] = {"tintype.dev/release": release}
    return model


def test_objects_of_other_releases_are_left_alone(running: Operator) -> None:
    running.apply(labelled("theirs", "blue"), image_model("ours"))

    running.wait_for_models("ours")
    running.wait_for_condition("imagemodel", "ours", "Accepted", "True")
    assert "status" not in running.get("imagemodel", "theirs")


def test_a_named_release_serves_what_carries_its_name(operator: Operator) -> None:
    operator.apply(labelled("blue", "blue"), labelled("red", "red"), image_model("unlabelled"))

    operator.start(TINTYPE_RELEASE="blue")

    operator.wait_for_models("blue")


def test_an_object_can_move_away_and_come_back(running: Operator) -> None:
    running.apply(image_model("canvas"))
    running.wait_for_models("canvas")

    running.apply(labelled("canvas", "blue"))
    running.wait_for_models()

    running.apply(labelled("canvas", ""))
    running.wait_for_models("canvas")


def test_what_is_published_goes_away_with_the_operators_deployment(operator: Operator) -> None:
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

    for kind, name in (("configmap", CONFIGMAP), ("secret", CREDENTIALS)):
        stored = eventually(partial(operator.get, kind, name), name)
        (owner,) = stored["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("Deployment", "operator", uid)
