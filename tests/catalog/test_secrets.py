"""A binding needs its Secret to come in, and its last good revision to stay."""

from typing import Any, Literal

import pytest

from tintype_catalog.catalog import read_catalog
from tintype_catalog.compiler import compile_manifests
from tintype_catalog.connection import is_tls_file, tls_file
from tintype_catalog.credentials import Offer, misused_secrets
from tintype_testing.manifests import compiled, image_model, per_image, provider_binding

AWS = ["aws-access-key-id", "aws-secret-access-key"]
LONG = "x" * 221


def bedrock() -> dict[str, object]:
    return provider_binding(
        provider="bedrock",
        dialect="bedrock-amazon",
        regions=["us-east-1"],
        credentials={"secretRef": {"name": "aws"}},
    )


def test_a_secret_with_its_key_lets_a_binding_in() -> None:
    catalog, problems = compile_manifests(
        [image_model(), provider_binding()], secrets={"openai": Offer(["api-key"])}
    )

    assert not problems
    assert [binding.name for binding in catalog.bindings] == ["canvas-openai"]


@pytest.mark.parametrize("keys", [AWS, [*AWS, "aws-session-token"], ["aws-bearer-token"]])
def test_bedrock_takes_a_pair_of_keys_or_a_bearer_token(keys: list[str]) -> None:
    assert not compile_manifests([image_model(), bedrock()], secrets={"aws": Offer(keys)}).problems


@pytest.mark.parametrize(
    ("secrets", "reason"),
    [({}, "SecretNotFound"), ({"openai": Offer(["key"])}, "SecretKeyMissing")],
)
def test_without_it_a_binding_stays_out(secrets: dict[str, Offer], reason: str) -> None:
    catalog, (problem,) = compile_manifests([image_model(), provider_binding()], secrets=secrets)

    assert catalog.bindings == ()
    assert (problem.reason, problem.condition) == (reason, "ResolvedRefs")
    assert "Secret/openai" in problem.message
    assert "`api-key`" in problem.message


def test_the_last_good_revision_stays_and_the_new_one_does_not_come_in() -> None:
    before = compiled(image_model(), provider_binding(pricing=per_image("0.01")))
    now = [image_model(), provider_binding(pricing=per_image("0.02"))]

    catalog = compile_manifests(now, before, secrets={}).catalog

    assert [binding.pricing.usd for binding in catalog.bindings] == ["0.01"]


def test_where_secrets_are_unknown_none_is_missed() -> None:
    assert not compile_manifests([image_model(), provider_binding()]).problems


def test_workload_identity_needs_no_secret() -> None:
    binding = provider_binding(
        dialect="bedrock-amazon",
        regions=["us-east-1"],
        credentials={"workloadIdentity": True},
    )

    assert not compile_manifests([image_model(), binding], secrets={}).problems


def test_a_name_too_long_for_a_key_is_refused() -> None:
    binding = provider_binding(credentials={"secretRef": {"name": LONG}})

    (problem,) = compile_manifests(
        [image_model(), binding], secrets={LONG: Offer(["api-key"])}
    ).problems

    assert "longer than 220 characters" in problem.message


def there(**spec: Any) -> list[dict[str, Any]]:
    """A model, and a binding to a server of our own."""
    return [image_model(), provider_binding(endpoint="https://gpu.example", **spec)]


HOSTS = ["gpu.example"]
KEY = Offer(["api-key"], HOSTS)
CERTIFICATE = {"clientCertificate": {"secretRef": {"name": "gateway"}}}
BUNDLE = {"caBundle": {"secretRef": {"name": "ca"}, "key": "root.pem"}}


def reasons(manifests: list[dict[str, Any]], **known: Any) -> list[tuple[str, str]]:
    return [(item.reason, item.field) for item in compile_manifests(manifests, **known).problems]


@pytest.mark.parametrize(
    ("offer", "reason", "field"),
    [
        (None, "SecretNotFound", "spec.clientCertificate.secretRef.name"),
        (Offer(["tls.crt"], HOSTS), "SecretKeyMissing", "spec.clientCertificate.secretRef.name"),
        (Offer(["tls.crt", "tls.key"]), "EndpointNotAllowed", "spec.endpoint"),
    ],
)
def test_a_client_certificate_is_for_the_hosts_of_its_owner(
    offer: Offer | None, reason: str, field: str
) -> None:
    secrets = {"openai": KEY} | ({} if offer is None else {"gateway": offer})

    assert reasons(there(**CERTIFICATE), secrets=secrets) == [(reason, field)]
    whole = {"openai": KEY, "gateway": Offer(["tls.crt", "tls.key"], HOSTS)}
    assert not reasons(there(**CERTIFICATE), secrets=whole)


def test_authorities_in_a_secret_need_its_owner_and_no_host() -> None:
    name = "spec.caBundle.secretRef.name"

    assert reasons(there(**BUNDLE), secrets={"openai": KEY}) == [("SecretNotFound", name)]
    other = {"openai": KEY, "ca": Offer(["ca.crt"])}
    assert reasons(there(**BUNDLE), secrets=other) == [("SecretKeyMissing", name)]
    assert not reasons(there(**BUNDLE), secrets={"openai": KEY, "ca": Offer(["root.pem"])})


def test_authorities_in_a_config_map_need_the_config_map_and_its_key() -> None:
    manifests = there(caBundle={"configMapRef": {"name": "ca"}})
    name = "spec.caBundle.configMapRef.name"

    assert reasons(manifests, config_maps={}) == [("ConfigMapNotFound", name)]
    assert reasons(manifests, config_maps={"ca": ["other"]}) == [("ConfigMapKeyMissing", name)]
    assert not reasons(manifests, config_maps={"ca": ["ca.crt"]})
    assert not reasons(manifests)


def test_a_proxy_is_a_host_that_the_owner_must_allow_even_before_the_providers_own() -> None:
    manifests = [image_model(), provider_binding(proxy="http://proxy.example:3128")]
    before = compiled(*manifests)

    (problem,) = compile_manifests(manifests, secrets={"openai": Offer(["api-key"])}).problems
    assert (problem.reason, problem.field) == ("EndpointNotAllowed", "spec.proxy")
    assert "must list proxy.example:3128" in problem.message
    allowing = {"openai": Offer(["api-key"], ["proxy.example:3128"])}
    assert not compile_manifests(manifests, secrets=allowing).problems
    assert misused_secrets(before, {"openai": Offer(["api-key"])}) == {"openai"}


def test_the_host_of_a_service_is_its_name_in_its_namespace() -> None:
    service = {"name": "vllm", "namespace": "images", "port": 8000}
    manifests = [image_model(), provider_binding(serviceRef=service)]

    (problem,) = compile_manifests(manifests, secrets={"openai": Offer(["api-key"])}).problems
    assert (problem.reason, problem.field) == ("EndpointNotAllowed", "spec.serviceRef")
    assert "must list vllm.images.svc:8000" in problem.message
    allowing = {"openai": Offer(["api-key"], ["vllm.images.svc:8000"])}
    assert not compile_manifests(manifests, secrets=allowing).problems


def test_a_last_good_revision_to_a_service_stays_as_it_was() -> None:
    service = {"name": "vllm", "namespace": "images", "port": 8000}
    before = compiled(image_model(), provider_binding(serviceRef=service))
    now = [image_model(), provider_binding(serviceRef=service | {"port": 0})]

    assert compile_manifests(now, before).catalog.bindings == before.bindings
    assert read_catalog(before.to_json()) == before


@pytest.mark.parametrize("kind", ["configmap", "secret"])
def test_each_object_and_key_has_a_file_of_its_own(kind: Literal["configmap", "secret"]) -> None:
    names = {tls_file(kind, name, key) for name, key in [("a", "b.crt"), ("a.b", "crt.crt")]}

    assert len(names) == 2
    assert all(is_tls_file(name) for name in names)
    assert not is_tls_file("openai.api-key")
