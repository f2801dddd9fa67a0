"""From a manifest to an image: what is applied with kubectl, an OpenAI SDK can request and pays
for. Four real processes run with their least privileges: API server, operator, gateway and
simulated provider."""

import base64
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import openai
import pytest
from PIL import Image

from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.cluster.processes import Process, free_ports, run_tintype, start_tintype
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


@dataclass(frozen=True)
class Product:
    """An operator and a gateway in one namespace, and a client of the gateway."""

    operator: Operator
    gateway: Process
    simulator: str
    client: openai.OpenAI

    def generate(self, model: str) -> openai.types.ImagesResponse:
        return self.client.images.generate(model=model, prompt="a lighthouse")

    def response_status(self, model: str) -> int:
        """The status of the response to a request for a model."""
        try:
            self.generate(model)
        except openai.APIStatusError as error:
            return error.status_code
        return 200

    def wait_for(self, model: str, status: int) -> None:
        eventually_blocking(
            lambda: self.response_status(model) == status,
            f"{status}\n{self.gateway.output()[-2000:]}",
        )

    def serve(self, model: str, **spec: Any) -> None:
        """Apply a model and its binding to the simulator."""
        binding = {"upstreamModel": "dall-e-2", "endpoint": self.simulator} | spec
        self.operator.apply(
            image_model(model, size={"mode": "List", "sizes": ["256x256"]}),
            provider_binding(model=model, **binding),
        )


@pytest.fixture(scope="module")
def product(
    cluster_with_crds: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    """The processes, for all tests: each has a model of its own."""
    namespace = cluster_with_crds.create_namespace()
    folder = tmp_path_factory.mktemp("product")
    operator = Operator(cluster_with_crds, namespace, folder)
    port, admin_port, simulator_port = free_ports(3)
    kubeconfig = cluster_with_crds.service_account_kubeconfig(
        namespace, "gateway", WATCH_ONE_CONFIGMAP
    )
    (folder / "openai.api-key").write_text("sk-anything")
    environ = os.environ | {
        "TINTYPE_DATA_DIR": str(folder),
        "TINTYPE_ALLOW_LOOPBACK_ENDPOINTS": "true",
        "TINTYPE_CREDENTIALS_DIR": str(folder),
        "TINTYPE_KUBECONFIG": str(kubeconfig),
        "TINTYPE_CATALOG_CONFIGMAP": "tintype-catalog",
        "TINTYPE_PORT": str(port),
        "TINTYPE_ADMIN_PORT": str(admin_port),
    }
    operator.apply(secret("openai", f"127.0.0.1:{simulator_port}", **{"api-key": "sk-anything"}))
    operator.start()
    simulator = start_tintype(folder / "simulator.log", "simulator", "--port", simulator_port)
    gateway = start_tintype(folder / "gateway.log", "gateway", environ=environ)
    try:
        gateway.wait_until(lambda: "serving" in gateway.output(), 30, "a listening gateway")
        url = f"http://127.0.0.1:{port}/v1"
        with openai.OpenAI(base_url=url, api_key=_new_key(environ), max_retries=0) as client:
            yield Product(operator, gateway, f"http://127.0.0.1:{simulator_port}", client)
    finally:
        operator.close()
        simulator.stop()
        gateway.stop()


def _new_key(environ: dict[str, str]) -> str:
    def tintype(*arguments: str) -> str:
        ended = run_tintype(*arguments, environ=environ)
        ended.check_returncode()
        return ended.stdout

    tintype("accounts", "create", "team", "--credits", "100")
    return tintype("keys", "create", "--account", "team").split()[-1]


def test_a_model_is_served_once_it_is_applied(product: Product) -> None:
    product.wait_for("applied", 404)

    product.serve("applied")

    product.wait_for("applied", 200)


def test_an_image_and_its_price_are_those_of_the_manifest(product: Product) -> None:
    product.serve("priced")
    product.wait_for("priced", 200)

    response = product.generate("priced")

    assert response.data is not None
    image = Image.open(io.BytesIO(base64.b64decode(response.data[0].b64_json or "")))
    assert image.size == (256, 256)
    assert response.usage is not None
    assert response.usage.model_dump()["credits_used"] == 640_000


def test_an_inactive_binding_is_not_served(product: Product) -> None:
    product.serve("inactive")
    product.wait_for("inactive", 200)

    product.serve("inactive", active=False)

    product.wait_for("inactive", 400)
    with pytest.raises(openai.BadRequestError, match="No active providers"):
        product.generate("inactive")


def test_a_deleted_model_is_unknown(product: Product) -> None:
    product.serve("deleted")
    product.wait_for("deleted", 200)

    product.operator.delete("imagemodel", "deleted")

    product.wait_for("deleted", 404)


def test_a_changed_price_applies_to_the_next_request(product: Product) -> None:
    product.serve("changed")
    product.wait_for("changed", 200)

    product.serve("changed", pricing=per_image("0.080"))

    def charged() -> int:
        usage = product.generate("changed").usage
        return 0 if usage is None else int(usage.model_dump()["credits_used"])

    eventually_blocking(lambda: charged() == 1_280_000, "the new price")


def test_a_gateway_serves_without_the_operator(product: Product) -> None:
    product.serve("left")
    product.wait_for("left", 200)

    product.operator.stop()

    assert product.response_status("left") == 200
    product.operator.start()
