"""Headers of Secrets reach the Secret that gateways read: all those of one, or none."""

import base64
from typing import Any

import pytest

from tests.operator.publish.test_credentials import wait_for_credentials
from tintype_operator.publish.credentials import MAX_HEADERS_BYTES, gathered
from tintype_operator.watch.store import credential_fields, offers_of
from tintype_testing.manifests import Manifest, compiled, image_model, provider_binding
from tintype_testing.operator import Operator, secret

BINDING = "providerbinding", "canvas-openai"
HOST = "gpu.example"


def binding(name: str = "canvas-openai", headers: str = "tenant", **spec: Any) -> Manifest:
    own: Manifest = {
        "credentials": {"none": True},
        "endpoint": f"https://{HOST}",
        "api": {"headersSecretRef": {"name": headers}},
    }
    return provider_binding(name, **own | spec)


def test_headers_arrive_and_follow_a_rotation(running: Operator) -> None:
    running.apply(secret("tenant", HOST, **{"X-Tenant": "acme", "X-Team": "posters"}))
    running.apply(image_model(), binding())
    wait_for_credentials(
        running, {"header_tenant_X-Tenant": "acme", "header_tenant_X-Team": "posters"}
    )
    running.wait_for_condition(*BINDING, "ResolvedRefs", "True")

    # An apply without a key leaves it in the Secret, so that one is deleted first.
    running.delete("secret", "tenant")
    running.apply(secret("tenant", HOST, **{"X-Tenant": "rotated"}))

    wait_for_credentials(running, {"header_tenant_X-Tenant": "rotated"})


def test_the_status_names_each_key_that_is_no_header_and_none_is_published(
    running: Operator,
) -> None:
    wrong = {"Content-Length": "1", "not_a_header": "x", "X-Big": "x" * 4097, "X-Team": "posters"}
    running.apply(secret("tenant", HOST, **wrong), image_model(), binding())

    condition = running.wait_for_condition(*BINDING, "ResolvedRefs", "False")

    assert condition["reason"] == "HeaderNotAllowed"
    assert condition["message"].startswith(
        "`spec.api.headersSecretRef.name`: Secret/tenant cannot be the headers of this binding: "
    )
    assert "its key `not_a_header` is no name of a header" in condition["message"]
    assert "its key `Content-Length` is a header that the gateway sets" in condition["message"]
    assert "its key `X-Big` must have a value of 1 to 4096 bytes" in condition["message"]
    assert "X-Team" not in condition["message"]
    assert running.condition(*BINDING, "Ready")["reason"] == "HeaderNotAllowed"
    assert running.bindings() == []
    wait_for_credentials(running, {})


def test_the_status_says_which_host_the_owner_of_headers_must_list(running: Operator) -> None:
    running.apply(secret("tenant", **{"X-Tenant": "acme"}), image_model(), binding())

    condition = running.wait_for_condition(*BINDING, "ResolvedRefs", "False")

    assert condition["reason"] == "EndpointNotAllowed"
    assert f"must list {HOST} in the annotation" in condition["message"]
    wait_for_credentials(running, {})


def offered(name: str, **data: bytes) -> Manifest:
    """A Secret as the API server has it, reduced to what the operator keeps."""
    made = secret(name, HOST)
    encoded = {
        key.replace("_", "-"): base64.b64encode(value).decode() for key, value in data.items()
    }
    metadata = made["metadata"] | {"uid": name, "resourceVersion": "1"}
    return credential_fields(made | {"metadata": metadata, "data": encoded}, require_opt_in=True)


@pytest.mark.parametrize(("size", "fits"), [(0, False), (1, True), (4096, True), (4097, False)])
def test_the_size_of_a_value_is_that_of_its_bytes(size: int, fits: bool) -> None:
    offer = offers_of([offered("tenant", X_Team=b"x" * size)])["tenant"]

    assert (set(offer.keys), set(offer.others)) == (
        ({"X-Team"}, set()) if fits else (set(), {"X-Team"})
    )


def test_a_secret_that_has_a_wrong_key_now_is_withdrawn_as_a_whole() -> None:
    catalog = compiled(image_model(), binding())

    assert sorted(gathered(catalog, [offered("tenant", X_A=b"1", X_B=b"2")], {})) == [
        "header_tenant_X-A",
        "header_tenant_X-B",
    ]
    assert gathered(catalog, [offered("tenant", X_A=b"1", Host=b"x")], {}) == {}
    assert gathered(catalog, [offered("tenant", X_A=b"1", X_B=b"")], {}) == {}


def test_headers_that_do_not_fit_into_the_secret_are_left_out_by_whole_secrets() -> None:
    full = {f"X_{number}": b"x" * 4096 for number in range(16)}
    count = MAX_HEADERS_BYTES // (16 * 5464)
    names = [f"tenant-{number}" for number in range(count + 1)]
    small = "tenant-small"
    catalog = compiled(image_model(), *(binding(f"canvas-{n}", n) for n in [*names, small]))
    secrets = [*(offered(name, **full) for name in names), offered(small, X_A=b"1")]

    files = gathered(catalog, secrets, {})

    kept = [*names[:count], small]
    assert {file.split("_")[1] for file in files} == set(kept)
    assert len(files) == 16 * count + 1
