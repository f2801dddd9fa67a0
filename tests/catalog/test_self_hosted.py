"""The manifests for servers of open models."""

import json
from decimal import Decimal

import pytest

from tintype_catalog.provider_binding import ProviderBindingSpec
from tintype_testing.manifests import SELF_HOSTED, read_manifests

BINDINGS = {
    item["metadata"]["name"]: ProviderBindingSpec.model_validate_json(json.dumps(item["spec"]))
    for item in read_manifests(SELF_HOSTED)
    if item["kind"] == "ProviderBinding"
}


HEALTH = {
    "flux-2-klein-vllm-omni": "/health",
    "flux-2-dev-sglang": "/health",
    "stablediffusion-localai": "/readyz",
    "sd3.5-medium-xinference": "/status",
    "sd-cpp-local-sd-server": "/v1/models",
    "flux2-klein-ollama": "/api/version",
}


@pytest.mark.parametrize("name", BINDINGS)
def test_a_binding_is_inactive_and_asks_a_service_without_a_key(name: str) -> None:
    binding = BINDINGS[name]

    assert not binding.active
    assert binding.credentials.none
    assert binding.service_ref is not None
    assert binding.max_concurrent_calls == 1
    assert binding.health_probe is not None
    assert binding.health_probe.path == HEALTH[name]


@pytest.mark.parametrize("name", sorted(BINDINGS.keys() - {"sd-cpp-local-sd-server"}))
def test_a_server_with_a_gpu_is_free_at_first(name: str) -> None:
    pricing = BINDINGS[name].pricing

    assert (pricing.type, pricing.usd) == ("per_image", "0")


def test_a_cpu_is_charged_for_its_time_at_most_that_of_a_whole_call() -> None:
    binding = BINDINGS["sd-cpp-local-sd-server"]
    pricing = binding.pricing

    assert pricing.type == "per_second"
    whole = Decimal(pricing.usd or 0) * binding.timeout_seconds
    assert Decimal(pricing.max_usd or 0) == whole
