"""The API server stops and starts: gateways continue to serve, and everything converges."""

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tintype_catalog.bundle import read_manifest
from tintype_kubernetes.configmaps import files_of
from tintype_operator.process.run import kopf_settings
from tintype_testing.cluster.outages import InterruptibleControlPlane, running_interruptible
from tintype_testing.manifests import changed, image_model, provider_binding
from tintype_testing.operator import CONFIGMAP, Operator, operator_in_namespace
from tintype_testing.waiting import LIMIT_SECONDS, eventually_blocking
from tintype_testing.watching_gateway import WatchingGateway


@pytest.fixture(scope="module")
def interruptible(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InterruptibleControlPlane]:
    with running_interruptible(tmp_path_factory.mktemp("interruptible")) as cluster:
        yield cluster


@pytest.fixture
def operator(interruptible: InterruptibleControlPlane, tmp_path: Path) -> Iterator[Operator]:
    namespace = interruptible.create_namespace()
    with operator_in_namespace(interruptible, namespace, tmp_path) as operator:
        yield operator


@pytest.fixture
def gateway(operator: Operator, tmp_path: Path) -> Iterator[WatchingGateway]:
    """A running gateway with a mounted ConfigMap; its operator runs too."""
    mount = tmp_path / "mount"
    mount.mkdir()
    gateway = WatchingGateway(operator, tmp_path / "one", TINTYPE_CATALOG_MOUNT=str(mount))
    operator.start(TINTYPE_GATEWAY_STATUS_URLS=gateway.url)
    operator.wait_for_models()
    gateway.start()
    yield gateway
    gateway.stop()


def published(operator: Operator) -> int:
    return read_manifest(files_of(operator.get("configmap", CONFIGMAP))).sequence


def refresh_mount(operator: Operator, mount: Path) -> None:
    """Update the volume as the kubelet does."""
    for name, content in files_of(operator.get("configmap", CONFIGMAP)).items():
        (mount / name).write_bytes(content)


def is_ready(gateway: WatchingGateway) -> bool:
    with urlopen(f"http://127.0.0.1:{gateway.admin_port}/readyz") as response:
        return bool(response.status == 200)


def test_gateways_serve_without_an_api_server_and_everything_converges_afterwards(
    interruptible: InterruptibleControlPlane,
    operator: Operator,
    gateway: WatchingGateway,
    tmp_path: Path,
) -> None:
    operator.apply(image_model(), provider_binding())
    operator.wait_for_condition("providerbinding", "canvas-openai", "Ready", "True")
    sequence = published(operator)
    refresh_mount(operator, tmp_path / "mount")

    with interruptible.without_api_server():
        assert is_ready(gateway)
        assert gateway.sequence() == sequence
        gateway.stop()
        gateway.start()
        eventually_blocking(lambda: gateway.sequence() == sequence, "the mounted catalog")
        assert operator.process.running()

    operator.apply(changed(image_model(), "spec.displayName", "The new one"), image_model("sketch"))
    for name in ("canvas", "sketch"):
        operator.wait_for_condition("imagemodel", name, "Ready", "True")
    assert gateway.sequence() == published(operator) > sequence


def test_an_operator_that_starts_during_an_outage_waits_for_the_api_server(
    interruptible: InterruptibleControlPlane, operator: Operator
) -> None:
    operator.apply(image_model())

    with interruptible.without_api_server():
        process = operator.start()
        process.wait_until(
            lambda: "will try again" in process.output(), LIMIT_SECONDS, "another attempt"
        )

    operator.wait_for_models("canvas")


def test_a_deletion_while_the_watch_was_down_is_noticed_when_the_watch_is_back(
    interruptible: InterruptibleControlPlane, operator: Operator
) -> None:
    """No watch delivers the deletion, and the last API server has no record of it."""
    operator.apply(image_model("survivor"), image_model("vanished"))
    operator.start()
    operator.wait_for_models("survivor", "vanished")

    with interruptible.without_api_server():
        os.kill(operator.process.popen.pid, signal.SIGSTOP)
    operator.delete("imagemodel", "vanished")
    with interruptible.without_api_server():
        os.kill(operator.process.popen.pid, signal.SIGCONT)

    operator.wait_for_models("survivor")


def test_kopf_retries_watches_for_ever() -> None:
    pauses = kopf_settings().networking.error_backoffs

    assert not isinstance(pauses, float)
    for _ in range(2):
        first = list(itertools.islice(pauses, 1000))
        assert len(first) == 1000
        assert max(first) <= 5
