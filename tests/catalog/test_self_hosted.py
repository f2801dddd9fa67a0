"""The manifests for servers of open models."""

import json

import pytest

from tintype_catalog.provider_binding import ProviderBindingSpec
from tintype_testing.manifests import SELF_HOSTED, read_manifests

BINDINGS = {
    item["metadata"]["name"]: ProviderBindingSpec.model_validate_json(json.dumps(item["spec"]))
    for item in read_manifests(SELF_HOSTED)
    if item["kind"] == "ProviderBinding"
}


@pytest.mark.parametrize("name", BINDINGS)
def test_a_binding_is_inactive_and_free_and_asks_a_service_without_a_key(name: str) -> None:
    binding = BINDINGS[name]

    assert not binding.active
    assert (binding.pricing.type, binding.pricing.usd) == ("per_image", "0")
    assert binding.credentials.none
    assert binding.service_ref is not None
    assert binding.max_concurrent_calls == 1
