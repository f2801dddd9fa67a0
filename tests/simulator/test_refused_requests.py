from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import (
    AsyncOpenAI,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
)

from tintype_simulator.openai.errors import OpenAIError
from tintype_simulator.openai.models import MODELS
from tintype_simulator.openai.request import ImageRequest, read_generation
from tintype_testing.http import http_client

GOOD = {"model": "gpt-image-2", "prompt": "a red fox"}

BAD_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"prompt": None}, "prompt", "missing_required_parameter"),
    ({"prompt": ""}, "prompt", "empty_string"),
    ({"prompt": 7}, "prompt", "invalid_type"),
    ({"prompt": "x" * 32_001}, "prompt", "string_above_max_length"),
    ({"model": "dall-e-3", "prompt": "x" * 4001}, "prompt", "string_above_max_length"),
    ({"model": "dall-e-2", "prompt": "x" * 1001}, "prompt", "string_above_max_length"),
    ({"model": None}, "model", "missing_required_parameter"),
    ({"model": 2}, "model", "invalid_type"),
    ({"n": 0}, "n", "integer_below_min_value"),
    ({"n": 11}, "n", "integer_above_max_value"),
    ({"n": True}, "n", "invalid_type"),
    ({"n": "2"}, "n", "invalid_type"),
    ({"n": 1.5}, "n", "invalid_type"),
    ({"model": "dall-e-3", "n": 2}, "n", "integer_above_max_value"),
    ({"size": "1000x1000"}, "size", "invalid_value"),
    ({"size": "512x512"}, "size", "invalid_value"),
    ({"size": "3200x1024"}, "size", "invalid_value"),
    ({"size": "3856x1296"}, "size", "invalid_value"),
    ({"size": "3840x3840"}, "size", "invalid_value"),
    ({"size": "large"}, "size", "invalid_value"),
    ({"size": 1024}, "size", "invalid_type"),
    ({"model": "gpt-image-1", "size": "512x512"}, "size", "invalid_value"),
    ({"model": "dall-e-2", "size": "auto"}, "size", "invalid_value"),
    ({"model": "dall-e-3", "size": "512x512"}, "size", "invalid_value"),
    ({"quality": "hd"}, "quality", "invalid_value"),
    ({"quality": "max"}, "quality", "invalid_value"),
    ({"model": "dall-e-2", "quality": "hd"}, "quality", "invalid_value"),
    ({"model": "dall-e-3", "quality": "high"}, "quality", "invalid_value"),
    ({"background": "green"}, "background", "invalid_value"),
    ({"background": "transparent", "output_format": "jpeg"}, "background", "invalid_value"),
    ({"model": "dall-e-3", "background": "opaque"}, "background", "unknown_parameter"),
    ({"moderation": "high"}, "moderation", "invalid_value"),
    ({"output_format": "bmp"}, "output_format", "invalid_value"),
    ({"output_format": "gif"}, "output_format", "invalid_value"),
    ({"output_compression": 50}, "output_compression", "invalid_value"),
    ({"output_compression": 101}, "output_compression", "integer_above_max_value"),
    ({"stream": "yes"}, "stream", "invalid_type"),
    ({"model": "dall-e-3", "stream": True}, "stream", "unknown_parameter"),
    ({"partial_images": 2}, "partial_images", "invalid_value"),
    ({"partial_images": 4, "stream": True}, "partial_images", "integer_above_max_value"),
    ({"style": "vivid"}, "style", "unknown_parameter"),
    ({"response_format": "b64_json"}, "response_format", "unknown_parameter"),
    ({"model": "dall-e-3", "response_format": "url"}, "response_format", "invalid_value"),
    ({"input_fidelity": "high"}, "input_fidelity", "unknown_parameter"),
    ({"seed": 7}, "seed", "unknown_parameter"),
    ({"user": ["u"]}, "user", "invalid_type"),
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(("fields", "param", "code"), BAD_FIELDS)
async def test_a_bad_field_is_refused_by_name(
    client: AsyncOpenAI, fields: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(BadRequestError) as refused:
        await client.post("/images/generations", body=GOOD | fields, cast_to=object)

    assert (refused.value.param, refused.value.code) == (param, code)
    assert refused.value.type == "invalid_request_error"


@pytest.mark.parametrize("size", ["3840x2160", "2160x3840", "1536x512", "2048x1152", "1024x640"])
def test_the_extremes_of_free_sizes_are_valid(size: str) -> None:
    request = read_generation(GOOD | {"size": size})

    assert f"{request.width}x{request.height}" == size


def test_refusals_list_what_is_supported_in_openais_words() -> None:
    with pytest.raises(OpenAIError) as refused:
        read_generation(GOOD | {"quality": "standard"})

    supported = "Supported values are: 'auto', 'low', 'medium', and 'high'."
    assert refused.value.message == f"Invalid value: 'standard'. {supported}"


def outcome(body: object) -> object:
    """Return the request in a body, or OpenAI's refusal."""
    try:
        return read_generation(body)
    except OpenAIError as refused:
        return refused


@given(
    st.dictionaries(
        st.sampled_from(
            ["model", "prompt", "n", "size", "quality", "stream", "output_compression", "extra"]
        ),
        json_values | st.sampled_from(list(MODELS)),
    )
    | json_values
)
def test_every_body_is_read_or_refused(body: object) -> None:
    assert isinstance(outcome(body), ImageRequest | OpenAIError)


def test_a_prompt_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(OpenAIError, match="not valid Unicode"):
        read_generation(GOOD | {"prompt": "\ud800"})


async def test_an_unknown_model_is_not_found(client: AsyncOpenAI) -> None:
    with pytest.raises(NotFoundError) as refused:
        await client.images.generate(model="gpt-image-9", prompt="a red fox")

    assert (refused.value.param, refused.value.code) == ("model", "model_not_found")


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff\xfe\xfd", b"[" * 100_000])
async def test_a_body_that_is_not_a_json_object_is_refused(simulator: str, body: bytes) -> None:
    async with http_client() as http:
        response = await http.post(
            f"{simulator}/v1/images/generations",
            content=body,
            headers={"authorization": "Bearer key", "content-type": "application/json"},
        )

    assert response.status_code == 400
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


async def test_a_prompt_with_the_word_forbidden_is_blocked(client: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError) as refused:
        await client.images.generate(model="gpt-image-2", prompt="a Forbidden fox")

    assert refused.value.type == "image_generation_user_error"
    assert refused.value.code == "moderation_blocked"
    assert isinstance(refused.value.body, dict)
    details = refused.value.body["moderation_details"]
    assert details == {"moderation_stage": "input", "categories": ["violence"]}


async def test_dall_e_blocks_a_prompt_in_its_own_words(client: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError) as refused:
        await client.images.generate(model="dall-e-3", prompt="a forbidden fox")

    assert refused.value.code == "content_policy_violation"


async def test_the_word_inside_another_word_is_harmless(client: AsyncOpenAI) -> None:
    response = await client.images.generate(model="gpt-image-2", prompt="unforbiddenly red")

    assert response.data


@pytest.mark.parametrize("authorization", ["Bearer invalid-1", "Bearer", "Basic a2V5", ""])
async def test_a_key_that_is_wrong_or_missing_is_unauthorized(
    client: AsyncOpenAI, authorization: str
) -> None:
    with pytest.raises(AuthenticationError) as refused:
        await client.images.generate(
            model="gpt-image-2",
            prompt="a red fox",
            extra_headers={"authorization": authorization},
        )

    assert refused.value.code == "invalid_api_key"
    assert refused.value.request_id is not None
