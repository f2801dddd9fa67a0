"""Google's JSON is read, or refused with Google's errors."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tests.simulator.genai import small_file
from tintype_simulator.google import content_request as google_content_request
from tintype_simulator.google import predict_request as google_predict_request
from tintype_simulator.google.errors import GoogleError
from tintype_simulator.google.fields import decoded, file
from tintype_simulator.google.models import MODELS

GEMINI, IMAGEN = MODELS["gemini-3.1-flash-image"], MODELS["imagen-4.0-generate-001"]
PROMPT = {"role": "user", "parts": [{"text": "a red fox"}]}


def read_content(body: Any) -> google_content_request.ContentRequest:
    fields = google_content_request.GEMINI_BODY(body, "")
    return google_content_request.read_content_request(GEMINI, fields)


def read_predict(body: Any) -> google_predict_request.PredictRequest:
    fields = google_predict_request.GEMINI_BODY(body, "")
    return google_predict_request.read_predict_request(IMAGEN, fields)


def test_names_may_be_spelled_in_both_ways_in_one_message() -> None:
    config = {
        "response_modalities": ["Image"],
        "imageConfig": {"aspect_ratio": "16:9", "imageSize": "2K"},
        "thinking_config": {"include_thoughts": True, "thinkingLevel": "HIGH"},
    }

    order = read_content({"contents": [PROMPT], "generation_config": config})

    assert (order.width, order.height) == (2752, 1536)
    assert (order.wants_text, order.shows_thoughts) == (False, True)


def test_null_means_that_a_field_is_absent() -> None:
    config = {"imageConfig": None, "seed": None, "responseModalities": None}

    assert read_content({"contents": [PROMPT], "generationConfig": config}).seed is None


def test_the_prompt_is_the_last_turn_of_the_user() -> None:
    said = {"role": "model", "parts": [{"text": "Here it is."}]}
    more = {"role": "user", "parts": [{"text": "now"}, {"text": "in snow"}]}

    assert read_content({"contents": [PROMPT, said, more]}).prompt == "now in snow"
    assert read_content({"contents": [PROMPT, said]}).prompt == "a red fox"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"contents": [PROMPT], "prompt": "x"}, 'Unknown name "prompt": Cannot find field.'),
        (
            {"contents": [PROMPT], "generationConfig": {"n": 2}},
            "Unknown name \"n\" at 'generationConfig': Cannot find field.",
        ),
        (
            {"contents": [PROMPT], "generationConfig": {"imageConfig": {"personGeneration": "x"}}},
            "at 'generationConfig.imageConfig'",
        ),
        ({"contents": [{"parts": [{"image": "x"}]}]}, "at 'contents\\[0\\].parts\\[0\\]'"),
        ({"contents": PROMPT}, "expected a list"),
        ({"contents": [PROMPT], "generationConfig": []}, "expected an object"),
        ({"contents": []}, "contents is not specified"),
        ({"contents": [{"parts": [{"text": " "}]}]}, "contents is not specified"),
        ({"contents": [{"parts": [{"inlineData": {"data": "a"}}]}]}, "Base64 decoding failed"),
        ({"contents": [{"parts": [{"text": "\ud800"}]}]}, "TYPE_STRING"),
        ({"contents": [PROMPT], "mask": {"data": "AAAA"}}, 'Unknown name "mask"'),
        (
            {"contents": [{"parts": [{"text": "x", "inlineData": {"mimeType": "image/png"}}]}]},
            "oneof field",
        ),
    ],
)
def test_an_unknown_or_invalid_field_is_refused_by_its_path(
    body: dict[str, Any], message: str
) -> None:
    with pytest.raises(GoogleError, match=message) as refused:
        read_content(body)

    assert refused.value.status == "INVALID_ARGUMENT"
    assert refused.value.details[0]["@type"] == "type.googleapis.com/google.rpc.BadRequest"


@pytest.mark.parametrize("padding", ["", "="])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_read_in_both_alphabets_padded_or_not(encode: Any, padding: str) -> None:
    content = b"\xfb\xff\xfe\xff"

    assert file(encode(content).decode().rstrip("=") + padding * 2, "data") == content


def test_an_image_in_the_prompt_may_be_in_url_safe_base64() -> None:
    data = base64.urlsafe_b64encode(small_file(64, 64)).decode()
    parts = [{"inline_data": {"mime_type": "image/png", "data": data}}]

    assert len(read_content({"contents": [{"parts": parts}]}).references) == 1


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe\xfd", b"[" * 100_000])
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(GoogleError, match="Invalid JSON payload"):
        decoded(body)


def outcome(read: Any, body: object) -> object:
    try:
        return read(body)
    except GoogleError as error:
        return error


configs = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(google_content_request.GENERATION_CONFIG, json_values)
)
parameters = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(google_predict_request.PARAMETERS, json_values)
)


@given(configs | json_values, json_values)
def test_any_content_is_read_or_refused(config: object, contents: object) -> None:
    for given_contents in ([PROMPT], contents):
        body = {"contents": given_contents, "generationConfig": config}

        assert isinstance(
            outcome(read_content, body), google_content_request.ContentRequest | GoogleError
        )


@given(parameters | json_values, json_values)
def test_any_prediction_is_read_or_refused(given_parameters: object, prompt: object) -> None:
    for instances in ([{"prompt": "a red fox"}], [{"prompt": prompt}], prompt):
        body = {"instances": instances, "parameters": given_parameters}

        assert isinstance(
            outcome(read_predict, body), google_predict_request.PredictRequest | GoogleError
        )
