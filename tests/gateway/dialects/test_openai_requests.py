"""What is sent to the OpenAI Images API."""

from typing import Any

import pytest

from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.dialects.openai.images import translate
from tintype_gateway.values.upstream import UpstreamRequest
from tintype_testing.builders import job, route
from tintype_testing.upstream_requests import sent_json

CREDENTIALS = {"api-key": "sk-secret"}


def request(
    images: int = 1, *, asked: dict[str, Any] | None = None, **spec: Any
) -> UpstreamRequest:
    own = {"upstreamModel": "gpt-image-2"} | spec
    return translate(job(**asked or {}), route(**own), images, CREDENTIALS)


def body(images: int = 1, *, asked: dict[str, Any] | None = None, **spec: Any) -> Any:
    return sent_json(request(images, asked=asked, **spec))


def test_a_plain_request_names_model_prompt_number_and_size() -> None:
    assert body(3) == {
        "model": "gpt-image-2",
        "prompt": "A hedgehog",
        "n": 3,
        "size": "1024x1024",
    }


def test_every_parameter_that_the_model_takes_is_passed_on() -> None:
    parameters = {
        "quality": "high",
        "style": "vivid",
        "background": "transparent",
        "output_format": "webp",
        "output_compression": 80,
        "moderation": "low",
        "seed": 7,
        "negative_prompt": "no cats",
        "user": "u-1",
        "safety_identifier": "s-1",
    }
    assert body(asked=parameters) == body() | parameters


def test_provider_parameters_are_passed_on_beside_them() -> None:
    extras = {"complexity": "high", "svg": {"model": "x"}}
    assert body(asked={"extras": extras}) == body() | extras


def test_an_open_size_is_auto() -> None:
    assert body(asked={"size": SizeChoice()})["size"] == "auto"


def test_a_size_is_width_by_height() -> None:
    assert body(asked={"size": SizeChoice(Size(1536, 864))})["size"] == "1536x864"


@pytest.mark.parametrize("upstream", ["dall-e-2", "dall-e-3"])
def test_dall_e_is_asked_for_base64(upstream: str) -> None:
    assert body(upstreamModel=upstream)["response_format"] == "b64_json"


@pytest.mark.parametrize("upstream", ["gpt-image-1", "gpt-image-2.5-flare"])
def test_the_gpt_models_are_not_since_they_refuse_the_field(upstream: str) -> None:
    assert "response_format" not in body(upstreamModel=upstream)


def test_it_goes_to_openai_with_the_key_and_the_bindings_deadline() -> None:
    sent = request()
    assert sent.url == "https://api.openai.com/v1/images/generations"
    assert dict(sent.headers) == {
        "Authorization": "Bearer sk-secret",
        "Content-Type": "application/json",
        "Accept": "application/json",
    }


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9000/a", "http://127.0.0.1:9000/a/"])
def test_it_goes_to_the_endpoint_of_the_binding_where_there_is_one(endpoint: str) -> None:
    assert request(endpoint=endpoint).url == "http://127.0.0.1:9000/a/v1/images/generations"


def test_neither_key_nor_prompt_shows_in_a_log_of_the_request() -> None:
    shown = repr(request(asked={"prompt": "a private wish"}))
    assert "sk-secret" not in shown
    assert "private" not in shown


def test_any_prompt_arrives_to_the_letter() -> None:
    prompt = 'Ein "Igel" \\ 🦔\n\0\u2028'
    assert body(asked={"prompt": prompt})["prompt"] == prompt
