"""A Secret goes to the provider's own host, and to those that its owner lists; to no other."""

import pytest

from tintype_catalog.allowed_hosts import allows, entry_for, listed
from tintype_catalog.compiler import compile_manifests
from tintype_catalog.credentials import Offer, misused_secrets
from tintype_catalog.providers import SERVICES, own_host
from tintype_gateway.dialects.google.calls import GEMINI_ENDPOINT
from tintype_gateway.dialects.openai import images as openai_images
from tintype_testing.manifests import compiled, image_model, provider_binding

OPENAI = Offer(["api-key"])


@pytest.mark.parametrize(
    ("entry", "endpoint"),
    [
        ("proxy.example.com", "https://proxy.example.com"),
        ("proxy.example.com", "https://proxy.example.com:443/v1"),
        ("proxy.example.com", "https://PROXY.Example.com./openai"),
        ("Proxy.EXAMPLE.com.", "https://proxy.example.com"),
        ("proxy.example.com:8443", "https://proxy.example.com:8443"),
        ("simulator:9000", "http://simulator:9000"),
        ("simulator:80", "http://simulator"),
        ("*.example.com", "https://a.example.com"),
        ("*.example.com:8080", "http://a.example.com:8080/b"),
        ("10.1.2.3:80", "http://10.1.2.3"),
        ("[fd00::1]:80", "http://[FD00:0::0001]"),
    ],
)
def test_a_listed_host_is_allowed(entry: str, endpoint: str) -> None:
    assert allows([entry], endpoint)


@pytest.mark.parametrize(
    ("entry", "endpoint"),
    [
        ("proxy.example.com", "https://evil.com"),
        ("proxy.example.com", "https://proxy.example.com.evil.com"),
        ("proxy.example.com", "https://evilproxy.example.com"),
        ("proxy.example.com", "https://a.proxy.example.com"),
        ("proxy.example.com", "https://evil.com/proxy.example.com"),
        ("proxy.example.com", "https://evil.com?proxy.example.com"),
        ("proxy.example.com", "https://proxy.example.com@evil.com"),
        ("proxy.example.com", "https://evil.com@proxy.example.com"),
        ("proxy.example.com", "https://proxy.example.com\\@evil.com"),
        ("proxy.example.com", "https://evil.com\\@proxy.example.com"),
        ("proxy.example.com", "https://proxy.example.com%00.evil.com"),
        ("proxy.example.com", "https://proxy.example.com:8443"),
        ("proxy.example.com", "https://proxy.example.com:0"),
        ("proxy.example.com", "https://proxy.example.com:99999"),
        ("proxy.example.com", "http://proxy.example.com"),
        ("proxy.example.com", "http://proxy.example.com:443"),
        ("proxy.example.com", "ftp://proxy.example.com:443"),
        ("proxy.example.com", "https://pr\u043exy.example.com"),
        ("proxy.example.com:8443", "https://proxy.example.com"),
        ("*.example.com", "https://example.com"),
        ("*.example.com", "https://a.b.example.com"),
        ("*.example.com", "https://.example.com"),
        ("*.example.com", "https://aexample.com"),
        ("*.com", "https://evil.com"),
        ("*", "https://evil.com"),
        ("*.*.example.com", "https://a.b.example.com"),
        ("*.1.2.3:80", "http://10.1.2.3"),
        ("", "https://evil.com"),
        ("https://proxy.example.com", "https://evil.com"),
        ("user@proxy.example.com", "https://proxy.example.com"),
        ("proxy.example.com/v1", "https://proxy.example.com"),
        ("*.example.com", "https://*.example.com"),
    ],
)
def test_another_host_is_not(entry: str, endpoint: str) -> None:
    assert not allows([entry], endpoint)


def test_a_list_is_separated_by_commas_or_white_space() -> None:
    assert listed(" a.example.com, b.example.com:1\nc.example.com,") == (
        *("a.example.com", "b.example.com:1", "c.example.com"),
    )
    assert listed("") == ()


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://a.example.com",
        "http://a.example.com/v1",
        "http://[fd00::1]:9000",
        "https://A.:8443",
    ],
)
def test_the_entry_that_a_condition_names_allows_the_endpoint(endpoint: str) -> None:
    assert allows([entry_for(endpoint)], endpoint)


def test_the_providers_own_hosts_are_those_that_the_dialects_call() -> None:
    assert f"https://{SERVICES['openai-images'].host}" == openai_images.ENDPOINT
    assert f"https://{SERVICES['google-predict'].host}" == GEMINI_ENDPOINT


@pytest.mark.parametrize("endpoint", [None, "https://api.openai.com", "https://api.openai.com/v1"])
def test_the_providers_own_host_needs_no_list(endpoint: str | None) -> None:
    own = {} if endpoint is None else {"endpoint": endpoint}
    manifests = [image_model(), provider_binding(**own)]

    assert not compile_manifests(manifests, secrets={"openai": OPENAI}).problems


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
    ],
)
def test_a_location_of_vertex_ai_decides_the_host(location: str, host: str) -> None:
    assert own_host(SERVICES["vertex-predict"], location) == host


def test_a_region_of_bedrock_is_its_own_host_and_leads_to_no_other() -> None:
    def problems(region: str, endpoint: str) -> list[str]:
        binding = provider_binding(
            provider="bedrock",
            dialect="bedrock-amazon",
            regions=[region],
            endpoint=endpoint,
        )
        secrets = {"openai": Offer(["aws-bearer-token"])}
        return [
            item.reason for item in compile_manifests([image_model(), binding], None, secrets)[1]
        ]

    assert problems("us-east-1", "https://bedrock-runtime.us-east-1.amazonaws.com") == []
    assert problems("us-east-1", "https://bedrock-runtime.eu-west-1.amazonaws.com") == [
        "EndpointNotAllowed"
    ]
    assert problems("evil.com", "https://bedrock-runtime.us-east-1.amazonaws.com") == ["Invalid"]


def test_a_host_that_is_not_listed_keeps_the_binding_out_and_names_the_entry() -> None:
    manifests = [image_model(), provider_binding(endpoint="https://proxy.example.com:8443/v1")]

    catalog, (problem,) = compile_manifests(manifests, secrets={"openai": OPENAI})

    assert catalog.bindings == ()
    assert (problem.reason, problem.condition) == ("EndpointNotAllowed", "ResolvedRefs")
    assert problem.field == "spec.endpoint"
    assert "proxy.example.com:8443" in problem.message


@pytest.mark.parametrize(
    "secrets",
    [{}, {"openai": OPENAI}, {"openai": Offer([], ["proxy.example.com:1"])}],
    ids=["withdrawn", "not listed any more", "another port"],
)
def test_no_last_good_revision_stays_that_sends_a_secret_elsewhere(
    secrets: dict[str, Offer],
) -> None:
    manifests = [image_model(), provider_binding(endpoint="https://proxy.example.com")]
    before = compiled(*manifests)

    assert compile_manifests(manifests, before, secrets).catalog.bindings == ()


def test_a_secret_is_misused_only_while_it_is_offered_and_the_host_is_not_allowed() -> None:
    catalog = compiled(
        image_model(),
        provider_binding(endpoint="https://proxy.example.com"),
        provider_binding("own", credentials={"secretRef": {"name": "other"}}),
    )

    assert misused_secrets(catalog, {"openai": OPENAI, "other": OPENAI}) == {"openai"}
    assert misused_secrets(catalog, {"other": OPENAI}) == set()
    assert misused_secrets(catalog, {"openai": Offer([], ["proxy.example.com"])}) == set()
    assert misused_secrets(catalog, {"openai": Offer([], None)}) == set()
