"""Bodies of every kind: each is a request, or an error of the client's."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tintype_gateway.api.requests import ImageGenerationRequest, ValidRequest
from tintype_gateway.errors import BadRequestError, GatewayError, ValidationError
from tintype_gateway.pipeline.stages.validate import validate
from tintype_gateway.values.content import JsonBody
from tintype_testing.builders import snapshot
from tintype_testing.manifests import image_model

VOCABULARY = snapshot(image_model(providerParameters={"svg": []})).view().vocabulary
FIELDS = ("svg", *ImageGenerationRequest.model_fields)

NOT_JSON = {
    "empty": b"",
    "space": b" \n",
    "text": b"prompt=hedgehog",
    "cut off": b'{"prompt": "a',
    "single quotes": b"{'prompt': 'a'}",
    "trailing comma": b'{"prompt": "a",}',
    "two documents": b"{}{}",
    "NaN": b'{"n": NaN}',
    "Infinity": b'{"n": -Infinity}',
    "lone surrogate": b'{"prompt": "\\ud800"}',
    "reversed surrogates": b'{"prompt": "\\udc00\\ud800"}',
    "surrogate in UTF-8": b'{"prompt": "\xed\xa0\x80"}',
    "latin-1": '{"prompt": "Müll"}'.encode("latin-1"),
    "utf-16": '{"prompt": "a"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"prompt": "a"}',
    "raw line feed": b'{"prompt": "a\nb"}',
    "NUL": b"\0",
    "nesting": b'{"svg": ' + b"[" * 100_000,
    "closed nesting": b'{"svg": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "integer of 100,000 digits": b'{"seed": ' + b"9" * 100_000 + b"}",
}


@pytest.mark.parametrize("text", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_a_body_that_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(BadRequestError, match="the body is not JSON") as refusal:
        validate(JsonBody(text), VOCABULARY, ImageGenerationRequest)
    assert (refusal.value.status, refusal.value.code) == (400, "invalid_json")


@pytest.mark.parametrize("text", [b"[]", b'[{"prompt": "a"}]', b"null", b"1", b'"a"', b"true"])
def test_a_body_that_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate(JsonBody(text), VOCABULARY, ImageGenerationRequest)
    assert refusal.value.problems == (("body", "must be a JSON object", "invalid_type"),)


def judged(text: bytes) -> ValidRequest | GatewayError:
    outcome: ValidRequest | GatewayError
    try:
        outcome = validate(JsonBody(text), VOCABULARY, ImageGenerationRequest)
    except GatewayError as error:
        outcome = error
    if isinstance(outcome, GatewayError):
        assert 400 <= outcome.status < 500
        assert json.loads(json.dumps(outcome.body()))["error"]["message"]
    return outcome


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_the_clients_error(text: bytes) -> None:
    judged(text)


@given(st.text('{}[]",:\\u0dD89NaIe+-. \n', max_size=60))
def test_any_text_in_the_letters_of_json_is_a_request_or_the_clients_error(text: str) -> None:
    judged(text.encode())


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), json_values, max_size=8))
def test_any_object_is_a_request_or_the_clients_error(document: dict[str, Any]) -> None:
    judged(json.dumps({"model": "canvas", "prompt": "x"} | document).encode())


@given(st.text(max_size=100), st.text(min_size=1))
def test_a_problem_names_its_field_in_short_ascii(name: str, value: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate(
            JsonBody(json.dumps({"model": "a", "prompt": "x", f"?{name}": value}).encode()),
            VOCABULARY,
            ImageGenerationRequest,
        )
    (problem,) = refusal.value.problems
    assert problem.param.isascii()
    assert len(problem.param) <= 64


@given(st.text(min_size=1), st.integers(1, 10))
def test_a_valid_request_keeps_its_prompt_to_the_letter(prompt: str, n: int) -> None:
    document = json.dumps({"model": "canvas", "prompt": prompt, "n": n}, ensure_ascii=False)
    request = validate(JsonBody(document.encode()), VOCABULARY, ImageGenerationRequest)
    assert (request.prompt, request.fields.n) == (prompt, n)
