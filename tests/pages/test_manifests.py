"""The manifests of docs/catalog.md are sound, alone or in the object of which they are a part."""

from pathlib import Path

import pytest
import yaml

from tests.pages.blocks import Block, claim
from tintype_catalog.allowed_hosts import allows, listed
from tintype_catalog.extra_headers import is_header_name
from tintype_testing.manifests import (
    Manifest,
    compiled,
    image_model,
    provider_binding,
    read_manifests,
)

MODEL, OPERATIONS, BINDING, API, HEADERS, PRIVATE, HOSTED, PRICES, SECRET = claim(
    __name__, "docs/catalog.md", "yaml"
)

EDITS = {"generation": {}, "edit": {"mask": "Optional", "maxImages": 4}}
STEPS: Manifest = {"num_inference_steps": [], "guidance_scale": []}


def loaded(block: Block) -> Manifest:
    """Return what a block says."""
    found: Manifest = yaml.safe_load(block.code)
    return found


def test_the_model_and_its_binding_are_a_catalog(tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_text(f"{MODEL.code}---\n{BINDING.code}")

    catalog = compiled(*read_manifests(tmp_path))

    assert [each.id for each in catalog.models] == ["gpt-image-2"]
    assert [each.name for each in catalog.bindings] == ["gpt-image-2-openai"]


def test_the_operations_are_those_of_a_model() -> None:
    (model,) = compiled(image_model(**loaded(OPERATIONS))).models

    assert model.rules.keys() == {"generation", "edit", "variation"}


@pytest.mark.parametrize("block", [API, PRIVATE, HOSTED, PRICES], ids=str)
def test_a_part_of_a_binding_is_sound(block: Block) -> None:
    model = image_model(operations=EDITS, providerParameters=STEPS)

    (found,) = compiled(model, provider_binding(**loaded(block))).bindings

    assert found.name == "canvas-openai"


def test_a_secret_allows_the_hosts_that_the_page_explains() -> None:
    entries = listed(loaded(SECRET)["metadata"]["annotations"]["tintype.dev/allowed-hosts"])

    assert len(entries) == 3
    for url in (
        "https://proxy.example.com/path",
        "https://mine.openai.azure.com",
        "http://litellm.images.svc:4000",
    ):
        assert allows(entries, url)


def test_the_keys_of_the_secret_with_headers_are_names_of_headers() -> None:
    secret = loaded(HEADERS)

    assert all(map(is_header_name, secret["stringData"]))
    assert allows(
        listed(secret["metadata"]["annotations"]["tintype.dev/allowed-hosts"]),
        "https://gpu.example.com",
    )
