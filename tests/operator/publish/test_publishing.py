"""Objects that users apply are published to the gateways, also after a restart of the operator."""

import json
import os
import signal

from tintype_catalog.compiler import compile_manifests
from tintype_testing.manifests import changed, image_model, per_image, provider_binding
from tintype_testing.operator import CONFIGMAP, Operator
from tintype_testing.waiting import eventually_blocking


def test_both_kinds_become_one_catalog(running: Operator) -> None:
    running.apply(image_model("canvas"), provider_binding("gallery", model="canvas"))
    running.wait_for_models("canvas")
    eventually_blocking(lambda: running.bindings() == ["gallery"], "the binding")

    stored = [running.get("imagemodel", "canvas"), running.get("providerbinding", "gallery")]
    assert running.catalog() == compile_manifests(stored).catalog


def test_the_manifest_in_the_configmap_is_readable_json(running: Operator) -> None:
    running.apply(image_model())
    running.wait_for_models("canvas")

    configmap = running.get("configmap", CONFIGMAP)
    manifest = json.loads(configmap["data"]["manifest.json"])

    assert (manifest["models"], manifest["bindings"]) == (1, 0)
    assert configmap["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "tintype-operator"


def test_a_change_is_published_with_a_higher_sequence(running: Operator) -> None:
    def sequence() -> int:
        data = running.get("configmap", CONFIGMAP)["data"]
        return int(json.loads(data["manifest.json"])["sequence"])

    before = sequence()
    running.apply(image_model("canvas"))
    running.wait_for_models("canvas")

    assert sequence() > before


def test_an_edit_reaches_the_catalog(running: Operator) -> None:
    running.apply(image_model(), provider_binding())
    running.apply(changed(provider_binding(), "spec.active", False))

    def switched_off() -> bool:
        catalog = running.catalog()
        return bool(catalog and catalog.bindings and not catalog.bindings[0].active)

    eventually_blocking(switched_off, "the inactive binding")


def test_a_deleted_object_leaves_the_catalog(running: Operator) -> None:
    running.apply(image_model("canvas"), image_model("sketch"))
    running.wait_for_models("canvas", "sketch")

    running.delete("imagemodel", "canvas")

    running.wait_for_models("sketch")


def test_objects_that_were_deleted_while_the_operator_was_stopped_are_removed_at_its_start(
    running: Operator,
) -> None:
    running.apply(image_model("canvas"), image_model("sketch"))
    running.wait_for_models("canvas", "sketch")
    running.stop()

    running.delete("imagemodel", "canvas")
    running.start()

    running.wait_for_models("sketch")


def test_a_burst_of_edits_makes_few_revisions(running: Operator) -> None:
    edits = [provider_binding(f"b{n}", pricing=per_image(f"0.{n:02}")) for n in range(1, 51)]
    before = running.process.output().count('"published"')

    # It sees them at once, however long kubectl takes to apply them.
    os.kill(running.process.popen.pid, signal.SIGSTOP)
    try:
        running.apply(image_model(), *edits)
    finally:
        os.kill(running.process.popen.pid, signal.SIGCONT)
    eventually_blocking(lambda: len(running.bindings() or []) == 50, "all fifty bindings")

    assert running.process.output().count('"published"') - before <= 5


def test_a_restart_without_changes_writes_nothing(running: Operator) -> None:
    running.apply(image_model(), provider_binding())
    running.wait_for_condition("providerbinding", "canvas-openai", "Accepted", "True")
    running.wait_for_condition("imagemodel", "canvas", "Accepted", "True")
    reported = running.get("imagemodel", "canvas")["metadata"]["resourceVersion"]
    published = running.process.output().count('"published"')
    running.stop()

    running.start()
    running.apply(image_model("sketch"))
    running.wait_for_condition("imagemodel", "sketch", "Accepted", "True")

    assert running.get("imagemodel", "canvas")["metadata"]["resourceVersion"] == reported
    assert running.process.output().count('"published"') == published + 1


def test_a_lost_configmap_is_published_again(operator: Operator) -> None:
    operator.start(TINTYPE_RELIST_SECONDS="1")
    operator.apply(image_model())
    operator.wait_for_models("canvas")

    operator.delete("configmap", CONFIGMAP)

    operator.wait_for_models("canvas")


def test_a_damaged_configmap_is_published_again(operator: Operator) -> None:
    operator.start(TINTYPE_RELIST_SECONDS="1")
    operator.apply(image_model())
    operator.wait_for_models("canvas")

    damage = json.dumps({"binaryData": {"catalog.json.gz": "bm90IGd6aXA="}})
    operator.cluster.kubectl(
        *("patch", "configmap", CONFIGMAP, "--namespace", operator.namespace),
        *("--type=merge", "--patch", damage),
    )

    def content() -> str:
        return str(operator.get("configmap", CONFIGMAP)["binaryData"]["catalog.json.gz"])

    eventually_blocking(lambda: content() != "bm90IGd6aXA=", "the repaired catalog")
    operator.wait_for_models("canvas")
