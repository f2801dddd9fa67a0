"""A server of our own behind a Service: the manifests of docs/self-hosted.md, in a cluster.

The release has no simulated providers, so that its gateways may call no private address but those
that it lists. A simulator that imitates vLLM-Omni stands for the server with a GPU.
"""

import base64
import io
import json
import re
from collections.abc import Iterator
from typing import Any, cast
from urllib.request import urlopen

import openai
import pytest
import yaml
from PIL import Image

from tests.node.figures import Figures
from tests.node.images import CURRENT
from tests.node.release import LOCAL, PROMPT, ROOT, TIMEOUT, Release
from tintype_testing.chart import Helm, Object, Values
from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.manifests import image_model, provider_binding
from tintype_testing.waiting import eventually_blocking

PAGE = (ROOT / "docs" / "self-hosted.md").read_text()

NAMESPACE, SERVICE, BINDING = "gpu", "flux-2-klein", "flux-2-klein-vllm-omni"

PORT = 9000

PATH = "/servers/vllm-omni/v1"
"""Where the simulator imitates the server."""


def documented(file: str) -> list[Object]:
    """Return the objects of a file of the page."""
    found = re.search(rf"```yaml\n# {re.escape(file)}.*?\n(.*?)```", PAGE, re.DOTALL)
    assert found, file
    return list(yaml.safe_load_all(found[1]))


def of_kind(kind: str, objects: list[Object]) -> Object:
    (found,) = (item for item in objects if item["kind"] == kind)
    return found


VALUES: Values = {
    "image": {"registry": LOCAL},
    "gateway": documented("values.yaml")[0]["gateway"] | {"demo": True},
    "persistence": {"enabled": False},
}


def server(app: str) -> Object:
    """Return a Deployment of the simulator in the place of the server with a GPU."""
    labels = {"app": app}
    container = {
        "name": "server",
        "image": CURRENT.image("gateway"),
        "command": ["tintype", "simulator", "--host", "0.0.0.0", "--port", str(PORT)],  # noqa: S104
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 1},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - in a pod
    }
    pod = {
        "automountServiceAccountToken": False,
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": app, "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


@pytest.fixture(scope="module")
def gpu(node: ControlPlane) -> Iterator[str]:
    """The namespace of the server, with the address of its Service."""
    node.kubectl("create", "namespace", NAMESPACE)
    objects = documented("server.yaml")
    service, policy = of_kind("Service", objects), of_kind("NetworkPolicy", objects)
    unlisted = service | {"metadata": service["metadata"] | {"name": "unlisted"}}
    node.apply(server(SERVICE), service, unlisted, policy)
    ready = ("--for=condition=Available", TIMEOUT)
    node.kubectl("wait", "-n", NAMESPACE, *ready, f"deployment/{SERVICE}")
    found = json.loads(node.kubectl("get", "service", SERVICE, "-n", NAMESPACE, "-o", "json"))
    yield f"http://{found['spec']['clusterIP']}:{service['spec']['ports'][0]['port']}"
    node.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture(scope="module")
def release(node: ControlPlane, node_helm: Helm, gpu: str, figures: Figures) -> Iterator[Release]:
    """A release that lists the Service of the page, and the page's model and binding."""
    release = Release(node, node_helm, "self-hosted")
    with figures.timed("install a release for a server of its own"):
        release.install(VALUES)
        release.wait_until_available()
    model, binding = documented("flux-2-klein.yaml")
    binding["spec"]["api"]["pathPrefix"] = PATH
    release.apply(model, binding)
    yield release
    release.run("uninstall", "tintype")


def received(gpu: str) -> list[dict[str, Any]]:
    """Return the calls that the server got."""
    with urlopen(f"{gpu}/_simulator/requests", timeout=60) as response:  # noqa: S310 - http
        return cast(list[dict[str, Any]], json.load(response))


def condition(release: Release, binding: str, kind: str) -> dict[str, Any]:
    """Return a condition of a binding; empty before the operator has written it."""
    status = release.get("providerbinding", binding).get("status") or {}
    return next((item for item in status.get("conditions", ()) if item["type"] == kind), {})


def test_an_image_comes_from_a_server_behind_a_service_by_its_name(
    release: Release, gpu: str, figures: Figures
) -> None:
    programmed = ("--for=condition=Programmed", TIMEOUT)
    release.kubectl("wait", *programmed, f"providerbinding/{BINDING}")
    before = len(received(gpu))

    with release.client() as client, figures.timed("an image by the name of a Service"):
        made = client.images.generate(model="flux-2-klein", prompt=PROMPT, size="256x256")

    assert made.data
    with Image.open(io.BytesIO(base64.b64decode(made.data[0].b64_json or ""))) as image:
        assert image.size == (256, 256)
    (call,) = received(gpu)[before:]
    assert call["path"] == f"{PATH}/images/generations"
    assert call["headers"]["host"] == f"{SERVICE}.{NAMESPACE}.svc:8000"
    assert call["body"]["model"] == "black-forest-labs/FLUX.2-klein-4B"
    assert condition(release, BINDING, "AddressAllowed")["status"] == "True"


def test_a_service_that_the_release_does_not_list_gets_no_call_and_its_binding_says_why(
    release: Release, gpu: str
) -> None:
    _, page = documented("flux-2-klein.yaml")
    own = {
        key: page["spec"][key] for key in ("provider", "upstreamModel", "credentials", "pricing")
    }
    service = page["spec"]["serviceRef"] | {"name": "unlisted"}
    api = page["spec"]["api"] | {"pathPrefix": PATH}
    release.apply(
        image_model("hidden"),
        provider_binding("hidden", model="hidden", serviceRef=service, api=api, **own),
    )
    eventually_blocking(
        lambda: condition(release, "hidden", "Programmed").get("status") == "True",
        "the binding in the catalog",
    )
    before = len(received(gpu))

    with release.client() as client, pytest.raises(openai.APIStatusError) as refused:
        client.images.generate(model="hidden", prompt=PROMPT)

    assert (refused.value.status_code, refused.value.code) == (503, "provider_unavailable")
    allowed = condition(release, "hidden", "AddressAllowed")
    assert (allowed["status"], allowed["reason"]) == ("False", "AddressNotAllowed")
    assert "the Service gpu/unlisted, which gateway.allowedPrivateNetworks" in allowed["message"]
    assert len(received(gpu)) == before
