"""From a manifest to an image: what is applied with kubectl, an OpenAI SDK can request and pays
for. Four real processes run with their least privileges: API server, operator, gateway and
simulated provider."""

import base64
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest
from PIL import Image

from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.cluster.processes import Process, free_ports, start
from tintype_testing.manifests import image_model, per_image, provider_binding
from tintype_testing.operator import Operator, secret
from tintype_testing.waiting import eventually_blocking

WATCH_ONE_CONFIGMAP: list[dict[str, Any]] = [
    {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": ["tintype-catalog"],
        "verbs": ["get", "list", "watch"],
    }
]
"""The permissions that a gateway needs."""

TINTYPE = (sys.executable, "-m", "tintype_cli")


@dataclass(frozen=True)
class Product:
    """An operator and a gateway in one namespace, and a client of the gateway."""

    operator: Operator
    gateway: Process
    simulator: str
    client: openai.OpenAI

    def generate(self) -> openai.types.ImagesResponse:
        return self.client.images.generate(model="canvas", prompt="a lighthouse")

    def response_status(self) -> int:
        """The status of the response to a request for `canvas`."""
        try:
            self.generate()
        except openai.APIStatusError as error:
            return error.status_code
        return 200

    def wait_for(self, status: int) -> None:
        eventually_blocking(
            lambda: self.response_status() == status, f"{status}\n{self.gateway.output()[-2000:]}"
        )


@pytest.fixture
def product(cluster_with_crds: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Product]:
    operator = Operator(cluster_with_crds, namespace, tmp_path)
    port, admin_port, simulator_port = free_ports(3)
    kubeconfig = cluster_with_crds.service_account_kubeconfig(
        namespace, "gateway", WATCH_ONE_CONFIGMAP
    )
    (tmp_path / "openai.api-key").write_text("sk-anything")
    environ = os.environ | {
        "TINTYPE_DATA_DIR": str(tmp_path),
        "TINTYPE_ALLOW_LOOPBACK_ENDPOINTS": "true",
        "TINTYPE_CREDENTIALS_DIR": str(tmp_path),
        "TINTYPE_KUBECONFIG": str(kubeconfig),
        "TINTYPE_CATALOG_CONFIGMAP": "tintype-catalog",
        "TINTYPE_PORT": str(port),
        "TINTYPE_ADMIN_PORT": str(admin_port),
    }
    operator.apply(secret("openai", f"127.0.0.1:{simulator_port}", **{"api-key": "sk-anything"}))
    operator.start()
    simulator = start(
        tmp_path / "simulator.log", *TINTYPE, "simulator", "--port", str(simulator_port)
    )
    gateway = start(tmp_path / "gateway.log", *TINTYPE, "gateway", environ=environ)
    try:
        gateway.wait_until(lambda: "serving" in gateway.output(), 30, "a listening gateway")
        yield Product(
            operator,
            gateway,
            f"http://127.0.0.1:{simulator_port}",
            openai.OpenAI(
                base_url=f"http://127.0.0.1:{port}/v1", api_key=_new_key(environ), max_retries=0
            ),
        )
    finally:
        operator.close()
        simulator.stop()
        gateway.stop()


def _new_key(environ: dict[str, str]) -> str:
    def tintype(*arguments: str) -> str:
        ended = subprocess.run(
            [*TINTYPE, *arguments], env=environ, capture_output=True, text=True, check=True
        )
        return ended.stdout

    tintype("accounts", "create", "team", "--credits", "100")
    return tintype("keys", "create", "--account", "team").split()[-1]


def _canvas(product: Product, **spec: Any) -> None:
    """Apply the model `canvas` and its binding to the simulator."""
    binding = {"upstreamModel": "gpt-image-1", "endpoint": product.simulator} | spec
    product.operator.apply(image_model(), provider_binding(**binding))


def test_a_model_is_served_once_it_is_applied(product: Product) -> None:
    product.wait_for(404)

    _canvas(product)

    product.wait_for(200)


def test_an_image_and_its_price_are_those_of_the_manifest(product: Product) -> None:
    _canvas(product)
    product.wait_for(200)

    response = product.generate()

    assert response.data is not None
    image = Image.open(io.BytesIO(base64.b64decode(response.data[0].b64_json or "")))
    assert image.size == (1024, 1024)
    assert response.usage is not None
    assert response.usage.model_dump()["credits_used"] == 640_000


def test_an_inactive_binding_is_not_served(product: Product) -> None:
    _canvas(product)
    product.wait_for(200)

    _canvas(product, active=False)

    product.wait_for(400)
    with pytest.raises(openai.BadRequestError, match="No active providers"):
        product.generate()


def test_a_deleted_model_is_unknown(product: Product) -> None:
    _canvas(product)
    product.wait_for(200)

    product.operator.delete("imagemodel", "canvas")

    product.wait_for(404)


def test_a_changed_price_applies_to_the_next_request(product: Product) -> None:
    _canvas(product)
    product.wait_for(200)

    _canvas(product, pricing=per_image("0.080"))

    def charged() -> int:
        usage = product.generate().usage
        return 0 if usage is None else int(usage.model_dump()["credits_used"])

    eventually_blocking(lambda: charged() == 1_280_000, "the new price")


def test_a_gateway_serves_without_the_operator(product: Product) -> None:
    _canvas(product)
    product.wait_for(200)

    product.operator.stop()

    assert product.response_status() == 200
