"""The manifests for hosted providers."""

import json

import pytest

from tintype_catalog.provider_binding import ProviderBindingSpec
from tintype_catalog.providers import SERVICES
from tintype_testing.manifests import HOSTED, compiled, merged, read_manifests

MANIFESTS = read_manifests(HOSTED)
BINDINGS = {
    item["metadata"]["name"]: ProviderBindingSpec.model_validate_json(json.dumps(item["spec"]))
    for item in MANIFESTS
    if item["kind"] == "ProviderBinding"
}


@pytest.mark.parametrize("name", BINDINGS)
def test_a_binding_is_inactive_and_needs_credentials(name: str) -> None:
    binding = BINDINGS[name]

    assert not binding.active
    assert not binding.credentials.none
    assert SERVICES[binding.dialect].credentials


def test_every_manifest_is_sound_once_it_is_active() -> None:
    """An active binding must have a price for all that its model offers."""
    active = [
        merged(item, {"spec": {"active": True}}) if item["kind"] == "ProviderBinding" else item
        for item in MANIFESTS
    ]

    assert {binding.name for binding in compiled(*active).bindings} == set(BINDINGS)
