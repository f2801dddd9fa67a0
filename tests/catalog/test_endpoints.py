"""An endpoint that has a part of its dialect's own path is warned of."""

from typing import get_args

import pytest

from tintype_catalog.checks import endpoint_warning
from tintype_catalog.providers import Dialect

HOST = "https://proxy.example"


@pytest.mark.parametrize(
    ("dialect", "endpoint", "ending"),
    [
        ("openai-images", "https://api.openai.com/v1", "/v1"),
        ("openai-images", "https://x.openai.azure.com/openai/v1/", "/v1"),
        ("openai-images", f"{HOST}/v1/images/generations", "/v1/images/generations"),
        ("bedrock-amazon", f"{HOST}/model", "/model"),
        (
            "bedrock-stability",
            f"{HOST}/model/stability.core/invoke/",
            "/model/stability.core/invoke",
        ),
        ("google-predict", f"{HOST}/v1beta", "/v1beta"),
        ("google-generate-content", f"{HOST}/v1", "/v1"),
        ("google-generate-content", f"{HOST}/v1beta/models", "/v1beta/models"),
        ("google-predict", f"{HOST}/v1beta/models/imagen:predict", "/v1beta/models/imagen:predict"),
    ],
)
def test_the_path_of_the_dialect_is_found_at_the_end(
    dialect: Dialect, endpoint: str, ending: str
) -> None:
    warning = endpoint_warning(dialect, endpoint)

    assert warning is not None
    assert warning.startswith(f"ends in `{ending}`")
    assert dialect in warning


@pytest.mark.parametrize("dialect", get_args(Dialect))
@pytest.mark.parametrize(
    "endpoint", [None, HOST, f"{HOST}/", f"{HOST}/tenants/v1-images", "https://v1", f"{HOST}/v1/us"]
)
def test_an_endpoint_with_another_path_is_accepted(dialect: Dialect, endpoint: str | None) -> None:
    assert endpoint_warning(dialect, endpoint) is None


def test_a_binding_with_a_path_of_its_own_means_it() -> None:
    endpoint = f"{HOST}/models/v1"

    assert endpoint_warning("openai-images", endpoint, "/openai") is None
    assert endpoint_warning("openai-images", endpoint, "") is None
    assert endpoint_warning("openai-images", endpoint, "/v1") is not None
