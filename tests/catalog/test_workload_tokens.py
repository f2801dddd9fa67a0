"""The access token of the workload goes to hosts of its own cloud only."""

from typing import Any

import pytest

from tests.catalog.samples import fault
from tintype_catalog.compiler import compile_manifests
from tintype_catalog.providers import SERVICES, own_host, own_hosts
from tintype_catalog.workload_tokens import is_at_own_host
from tintype_testing.builders import binding
from tintype_testing.manifests import Manifest, image_model, provider_binding

OWN = "https://images.openai.azure.com"


def azure(**spec: Any) -> Manifest:
    """Return a binding to Azure with the identity of the workload."""
    own = {
        "dialect": "azure-openai",
        "endpoint": OWN,
        "credentials": {"workloadIdentity": True},
    }
    return provider_binding("canvas-azure", **own | spec)


def problems(manifest: Manifest) -> list[tuple[str, str, str]]:
    found = compile_manifests([image_model(), manifest]).problems
    return [(problem.reason, problem.field, problem.message) for problem in found]


@pytest.mark.parametrize(
    "endpoint",
    [
        OWN,
        "https://IMAGES.openai.azure.com:443/",
        "https://images.services.ai.azure.com/path",
        "https://images.cognitiveservices.azure.com",
    ],
)
def test_a_host_of_azure_gets_the_token(endpoint: str) -> None:
    assert problems(azure(endpoint=endpoint)) == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://images.example.com",
        "https://openai.azure.com",
        "https://a.b.openai.azure.com",
        "https://images.openai.azure.com.example.com",
        "https://images.openai.azure.com:8443",
        "http://images.openai.azure.com",
        "http://images.openai.azure.com:443",
        "https://images.azure-api.net",
        "https://10.0.0.1",
    ],
)
def test_another_host_keeps_the_binding_out(endpoint: str) -> None:
    [(reason, field, message)] = problems(azure(endpoint=endpoint))

    assert (reason, field) == ("EndpointNotAllowed", "spec.endpoint")
    assert "*.openai.azure.com, *.services.ai.azure.com, *.cognitiveservices.azure.com" in message


def test_a_service_of_the_cluster_gets_no_token() -> None:
    manifest = azure(serviceRef={"name": "proxy", "port": 443, "scheme": "https"})
    del manifest["spec"]["endpoint"]

    [(reason, field, _)] = problems(manifest)

    assert (reason, field) == ("EndpointNotAllowed", "spec.serviceRef")


def test_an_inactive_binding_is_checked_as_well() -> None:
    manifest = azure(active=False, endpoint="https://images.example.com")
    assert [reason for reason, *_ in problems(manifest)] == ["EndpointNotAllowed"]


def test_a_proxy_that_could_read_the_token_keeps_the_binding_out() -> None:
    bundle = {"caBundle": {"configMapRef": {"name": "authorities"}}}
    proxy = {"proxy": "http://proxy.example.com:3128"}

    assert problems(azure(**bundle)) == problems(azure(**proxy)) == []
    [(reason, field, message)] = problems(azure(**bundle, **proxy))
    assert (reason, field) == ("EndpointNotAllowed", "spec.proxy")
    assert "`caBundle`" in message


def test_a_key_of_a_secret_may_go_where_its_owner_allows() -> None:
    manifest = azure(
        endpoint="https://gateway.example.com", credentials={"secretRef": {"name": "azure"}}
    )
    assert problems(manifest) == []


def test_no_last_good_revision_stays_that_sends_the_token_elsewhere() -> None:
    good = compile_manifests([image_model(), azure()]).catalog
    manifests = [image_model(), azure(endpoint="https://images.example.com")]

    kept = compile_manifests(manifests, good).catalog.bindings

    assert [item.endpoint for item in kept] == [OWN]


def test_an_aws_signature_may_go_anywhere() -> None:
    manifest = provider_binding(
        dialect="bedrock-amazon",
        regions=["us-east-1"],
        credentials={"workloadIdentity": True},
        endpoint="https://vpce-1.example.com",
    )
    assert problems(manifest) == []


def test_azure_needs_an_endpoint() -> None:
    manifest = azure()
    del manifest["spec"]["endpoint"]
    assert "`endpoint` is needed for the dialects azure-openai" in fault(manifest).message


@pytest.mark.parametrize("version", ["2025-04-01-preview", "2026-10-21", "preview", "latest", "v1"])
def test_a_version_of_azures_api_is_a_date_or_a_word(version: str) -> None:
    assert problems(azure(apiVersion=version)) == []


@pytest.mark.parametrize("version", ["", "2025", "2025-04-01&x=y", "2025-04-01-PREVIEW"])
def test_no_other_text_is_a_version(version: str) -> None:
    assert fault(azure(apiVersion=version)).field == "spec.apiVersion"


def test_a_version_goes_with_azure() -> None:
    problem = fault(provider_binding(apiVersion="preview"))
    assert "`apiVersion` goes with the dialect azure-openai" in problem.message


def test_regions_may_have_hosts_of_their_own() -> None:
    service = SERVICES["bedrock-amazon"]._replace(
        host="{region}-ai.example.com", hosts_by_region={"global": "ai.example.com"}
    )
    assert own_host(service) == "ai.example.com"
    assert own_host(service, "us-east1") == "us-east1-ai.example.com"
    assert own_hosts(service, ["us-east1", "global"]) == (
        "us-east1-ai.example.com",
        "ai.example.com",
    )
    assert own_host(SERVICES["azure-openai"]) is None


def test_a_binding_without_an_endpoint_is_at_the_providers_own_host() -> None:
    assert is_at_own_host(binding())
    assert is_at_own_host(binding(endpoint="https://api.openai.com/v1"))
    assert not is_at_own_host(binding(endpoint="https://api.openai.com.example.com"))
