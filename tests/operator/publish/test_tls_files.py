"""Certificate authorities and client certificates reach the Secret that gateways read."""

import base64
from typing import Any

from tests.operator.publish.test_credentials import gathered as gathered_files
from tintype_catalog.catalog import Catalog
from tintype_operator.publish.credentials import MAX_TLS_BYTES, gathered
from tintype_testing.manifests import Manifest, compiled, image_model, provider_binding
from tintype_testing.operator import Operator, secret
from tintype_testing.waiting import eventually_blocking

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
BINDING = "providerbinding", "canvas-openai"


def configmap(name: str, **data: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {key.replace("_", "."): value for key, value in data.items()},
    }


def binding(**spec: Any) -> Manifest:
    return provider_binding(credentials={"none": True}, endpoint="https://gpu.example", **spec)


def wait_for_files(operator: Operator, **files: str) -> None:
    eventually_blocking(lambda: gathered_files(operator) == files, f"files {sorted(files)}")


def test_authorities_of_a_config_map_arrive_when_it_is_there(running: Operator) -> None:
    running.apply(image_model(), binding(caBundle={"configMapRef": {"name": "ca"}}))
    condition = running.wait_for_condition(*BINDING, "ResolvedRefs", "False")
    assert condition["reason"] == "ConfigMapNotFound"
    assert "there is no ConfigMap/ca; it must have the key `ca.crt`" in condition["message"]

    running.apply(configmap("other", root_pem=PEM, notes="x"))
    running.apply(binding(caBundle={"configMapRef": {"name": "other"}, "key": "root.pem"}))

    running.wait_for_condition(*BINDING, "ResolvedRefs", "True")
    wait_for_files(running, **{"configmap_other_root.pem": PEM})


def test_tls_files_of_secrets_arrive_and_follow_a_rotation(running: Operator) -> None:
    spec = {
        "caBundle": {"secretRef": {"name": "ca"}},
        "clientCertificate": {"secretRef": {"name": "gateway"}},
    }
    certificate = {"tls.crt": PEM, "tls.key": "key", "password": "private"}
    running.apply(secret("ca", **{"ca.crt": PEM}), secret("gateway", "gpu.example", **certificate))
    running.apply(image_model(), binding(**spec))
    files = {
        "secret_ca_ca.crt": PEM,
        "secret_gateway_tls.crt": PEM,
        "secret_gateway_tls.key": "key",
    }
    wait_for_files(running, **files)

    running.apply(secret("gateway", "gpu.example", **certificate | {"tls.key": "rotated"}))

    wait_for_files(running, **files | {"secret_gateway_tls.key": "rotated"})


def test_the_status_says_that_the_release_does_not_allow_a_service(operator: Operator) -> None:
    operator.start(TINTYPE_ALLOWED_PRIVATE_NETWORKS="images/listed")
    to: dict[str, Any] = {"credentials": {"none": True}}
    listed, other = (
        {"name": name, "namespace": "images", "port": 8000} for name in ("listed", "other")
    )
    operator.apply(
        image_model(),
        provider_binding("one", **to, serviceRef=listed),
        provider_binding("two", **to, serviceRef=other),
    )

    operator.wait_for_condition("providerbinding", "one", "AddressAllowed", "True")
    condition = operator.wait_for_condition("providerbinding", "two", "AddressAllowed", "False")
    assert condition["reason"] == "AddressNotAllowed"
    assert condition["message"] == (
        "Gateways refuse all calls: its endpoint is the Service images/other, "
        "which gateway.allowedPrivateNetworks does not include."
    )
    assert operator.condition("providerbinding", "two", "Ready")["reason"] == "AddressNotAllowed"


def test_files_that_do_not_fit_into_the_secret_are_left_out_alone() -> None:
    manifests = [
        provider_binding(f"canvas-{name}", caBundle={"configMapRef": {"name": name}})
        for name in ("a", "b", "c")
    ]
    catalog: Catalog = compiled(image_model(), *manifests)
    large = b"x" * (MAX_TLS_BYTES * 3 // 4 // 2)
    bundles = {"a": {"ca.crt": large}, "b": {"ca.crt": large + b"xxxx"}, "c": {"ca.crt": b"small"}}

    files = gathered(catalog, [], bundles)

    assert files == {
        "configmap_a_ca.crt": base64.b64encode(large).decode(),
        "configmap_c_ca.crt": base64.b64encode(b"small").decode(),
    }
