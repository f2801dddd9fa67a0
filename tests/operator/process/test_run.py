"""Start, probes, fatal errors and shutdown of the operator's process."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tintype_operator.process.run import log_loop_error
from tintype_testing.cluster.binaries import find_binaries
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.http import responded
from tintype_testing.operator import CONFIGMAP, Operator
from tintype_testing.waiting import eventually_blocking

EXIT_SECONDS = 120.0

GENERATOR = """
async def watch():
    try:
        yield 1
    finally:
        raise RuntimeError("generator didn't stop after athrow()")
"""


def last_line(operator: Operator) -> str:
    return operator.process.output().strip().splitlines()[-1]


def test_sigterm_stops_the_operator_cleanly(running: Operator) -> None:
    assert running.stop() == 0
    assert "Traceback" not in running.process.output()


@pytest.mark.parametrize(("module", "is_logged"), [("kopf.watching", False), ("tintype", True)])
def test_a_watch_that_kopf_leaves_open_is_no_error(
    module: str, is_logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    names: dict[str, Any] = {"__name__": module}
    exec(GENERATOR, names)  # noqa: S102 - a function of the module

    async def leave_open() -> None:
        asyncio.get_running_loop().set_exception_handler(log_loop_error)
        names["left"] = names["watch"]()
        await anext(names["left"])

    asyncio.run(leave_open())

    assert ("closing of asynchronous generator" in caplog.text) == is_logged


def test_the_liveness_probe_succeeds(running: Operator) -> None:
    def alive() -> bool:
        try:
            _, body = responded(f"http://127.0.0.1:{running.health_port}/healthz")
        except OSError:
            return False
        return bool(json.loads(body)["aggregator"] == "alive")

    assert eventually_blocking(alive, "the probe's response")


def test_all_missing_permissions_are_named_in_one_line(
    cluster_with_crds: ControlPlane, namespace: str, operator: Operator
) -> None:
    nothing = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    operator.kubeconfig = cluster_with_crds.service_account_kubeconfig(namespace, "poor", [nothing])

    process = operator.start()

    assert process.exit_code(EXIT_SECONDS) == 1
    assert len(process.output().splitlines()) == 1
    for right in (
        "list imagemodels",
        "patch providerbindings/status",
        f"patch configmaps/{CONFIGMAP}",
    ):
        assert right in last_line(operator)


def test_the_operator_waits_for_an_unreachable_api_server_and_names_it_in_one_line(
    operator: Operator,
) -> None:
    text = operator.kubeconfig.read_text()
    operator.kubeconfig.write_text(text.replace(operator.cluster.server, "https://127.0.0.1:1"))

    process = operator.start()

    process.wait_until(lambda: "will try again" in process.output(), EXIT_SECONDS, "a line")
    assert "https://127.0.0.1:1" in process.output().splitlines()[0]
    assert process.stop() == 0


def test_a_newer_catalog_is_not_overwritten(operator: Operator) -> None:
    newer = {
        "schemaVersion": 2,
        "sequence": 1,
        "sha256": "",
        "models": 0,
        "bindings": 0,
        "writtenBy": "tintype/9.0.0",
    }
    operator.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": CONFIGMAP},
            "data": {"manifest.json": json.dumps(newer)},
        }
    )

    process = operator.start()

    assert process.exit_code(EXIT_SECONDS) == 1
    assert "written by tintype/9.0.0" in last_line(operator)
    assert "upgrade the operator" in last_line(operator)


@pytest.fixture
def bare_cluster(cluster: ControlPlane, tmp_path: Path) -> ControlPlane:
    """A control plane without Tintype's CustomResourceDefinitions."""
    return ControlPlane(tmp_path, find_binaries())


def test_missing_definitions_are_named_in_one_line(
    bare_cluster: ControlPlane, tmp_path: Path
) -> None:
    try:
        bare_cluster.start()
        (tmp_path / "logs").mkdir()
        operator = Operator(bare_cluster, bare_cluster.create_namespace(), tmp_path / "logs")
        process = operator.start()
        exit_code = process.exit_code(EXIT_SECONDS)
    finally:
        bare_cluster.stop()

    assert exit_code == 1
    assert len(process.output().splitlines()) == 1
    assert "imagemodels.tintype.dev, providerbindings.tintype.dev are missing" in last_line(
        operator
    )
    assert "kubectl apply --server-side -f crds/" in last_line(operator)
