"""What is sent to Google's Imagen models, and what both dialects of Google share of it."""

from typing import Any

import pytest

from tests.gateway.dialects.google_responses import CREDENTIALS, IMAGEN
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.dialects.google.predict import translate
from tintype_gateway.values.upstream import UpstreamRequest
from tintype_testing.builders import job, route
from tintype_testing.upstream_requests import sent_json

SQUARE = SizeChoice(Size(1024, 1024), "1:1", "1K")


def request(
    images: int = 1, *, asked: dict[str, Any] | None = None, **spec: Any
) -> UpstreamRequest:
    wish = job(**{"size": SQUARE} | (asked or {}))
    return translate(wish, route(**IMAGEN | spec), images, CREDENTIALS)


def body(images: int = 1, *, asked: dict[str, Any] | None = None) -> Any:
    return sent_json(request(images, asked=asked))


def parameters(**asked: Any) -> Any:
    return body(asked=asked)["parameters"]


def test_a_plain_request_names_prompt_number_ratio_and_resolution() -> None:
    assert body(3) == {
        "instances": [{"prompt": "A hedgehog"}],
        "parameters": {
            "sampleCount": 3,
            "aspectRatio": "1:1",
            "sampleImageSize": "1K",
            "includeRaiReason": True,
        },
    }


def test_a_model_of_one_resolution_is_asked_for_none() -> None:
    sent = parameters(size=SizeChoice(Size(1408, 768), "16:9"))

    assert sent == {"sampleCount": 1, "aspectRatio": "16:9", "includeRaiReason": True}


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        ({"output_format": "png"}, {"mimeType": "image/png"}),
        (
            {"output_format": "jpeg", "output_compression": 60},
            {"mimeType": "image/jpeg", "compressionQuality": 60},
        ),
    ],
)
def test_format_and_compression_have_names_of_their_own(
    asked: dict[str, Any], options: dict[str, Any]
) -> None:
    assert parameters(**asked)["outputOptions"] == options


def test_parameters_that_the_protocol_has_no_word_for_are_left_out() -> None:
    assert parameters(user="u-1", safety_identifier="s-1", quality="high") == parameters()


def test_provider_parameters_are_merged_deeply() -> None:
    extras = {"personGeneration": "allow_all", "outputOptions": {"compressionQuality": 10}}

    assert parameters(output_format="jpeg", extras=extras) == parameters() | {
        "personGeneration": "allow_all",
        "outputOptions": {"mimeType": "image/jpeg", "compressionQuality": 10},
    }


def test_provider_parameters_cannot_replace_the_gateways_fields() -> None:
    extras = {
        "sampleCount": 4,
        "aspectRatio": "16:9",
        "sampleImageSize": "2K",
        "includeRaiReason": False,
        "instances": [{"prompt": "something else"}],
        "model": "imagen-4.0-ultra-generate-001",
        "x-goog-api-key": "other",
    }

    sent = request(asked={"extras": extras})

    replaced = sent_json(sent)
    assert replaced["instances"] == body()["instances"]
    assert replaced["parameters"] | parameters() == replaced["parameters"]
    assert set(replaced) == {"instances", "parameters"}
    assert sent.url == request().url
    assert sent.headers == request().headers


def test_it_goes_to_the_gemini_api_with_the_key_and_the_bindings_deadline() -> None:
    sent = request()

    host = "https://generativelanguage.googleapis.com"
    assert sent.url == f"{host}/v1beta/models/imagen-4.0-generate-001:predict"
    assert dict(sent.headers) == {
        "x-goog-api-key": "AIza-secret",
        "Content-Type": "application/json",
        "Accept": "application/json",
    }


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9000/a", "http://127.0.0.1:9000/a/"])
def test_it_goes_to_the_endpoint_of_the_binding_where_there_is_one(endpoint: str) -> None:
    url = request(endpoint=endpoint).url

    assert url == "http://127.0.0.1:9000/a/v1beta/models/imagen-4.0-generate-001:predict"


def test_a_model_stays_one_segment_of_the_path() -> None:
    assert request(upstreamModel="../x?y").url.endswith("/models/..%2Fx%3Fy:predict")


def test_neither_key_nor_prompt_shows_in_a_log_of_the_request() -> None:
    shown = repr(request(asked={"prompt": "a private wish"}))

    assert "AIza-secret" not in shown
    assert "private" not in shown
