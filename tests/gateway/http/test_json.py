"""Every body is read unambiguously, or refused in bounded time with a short message."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tintype_gateway.api.requests import ImageGenerationRequest
from tintype_gateway.catalog.snapshot import Vocabulary
from tintype_gateway.errors import BadRequestError, GatewayError, ValidationError
from tintype_gateway.pipeline.stages.validate import validate
from tintype_gateway.values.content import JsonBody
from tintype_testing.gateway import Gateway

WORDS = Vocabulary(
    frozenset({"high"}), frozenset({"vivid"}), {"textToImageParams": ("canvas",), "seeds": ()}
)

NO_JSON = {
    "nothing": b"",
    "half of it": b'{"model": "canvas", "prompt": "a',
    "more than one": b'{"model": "canvas", "prompt": "a"}{}',
    "something behind it": b'{"model": "canvas", "prompt": "a"} x',
    "a null byte behind it": b'{"model": "canvas", "prompt": "a"}\x00',
    "single quotes": b"{'model': 'canvas'}",
    "a comment": b'{"model": "canvas" /* the best */, "prompt": "a"}',
    "a comma too many": b'{"model": "canvas", "prompt": "a",}',
    "NaN": b'{"model": "canvas", "prompt": "a", "n": NaN}',
    "Infinity": b'{"model": "canvas", "prompt": "a", "n": Infinity}',
    "a number with a zero before it": b'{"model": "canvas", "prompt": "a", "n": 01}',
    "a hexadecimal number": b'{"model": "canvas", "prompt": "a", "n": 0x1}',
    "a control character": b'{"model": "canvas", "prompt": "a\x00b"}',
    "bytes that are no UTF-8": b'{"model": "canvas", "prompt": "\xff"}',
    "a longer form of a character": b'{"model": "canvas", "prompt": "\xc0\xaf"}',
    "half of a pair": b'{"model": "canvas", "prompt": "\\ud800"}',
    "a pair in UTF-8": b'{"model": "canvas", "prompt": "\xed\xa0\x80"}',
    "a byte order mark": b'\xef\xbb\xbf{"model": "canvas", "prompt": "a"}',
    "UTF-16": '{"model": "canvas", "prompt": "a"}'.encode("utf-16"),
    "UTF-32": '{"model": "canvas", "prompt": "a"}'.encode("utf-32"),
    "a field twice": b'{"model": "canvas", "prompt": "a", "n": 1, "n": 10}',
    "a field twice, once escaped": b'{"model": "canvas", "prompt": "a", "n": 1, "\\u006e": 10}',
    "a field twice further down": (
        b'{"model": "canvas", "prompt": "a", "textToImageParams": [{"text": 1, "text": 2}]}'
    ),
    "ten thousand lists": b'{"seeds": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "ten thousand objects": b'{"seeds": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001,
}


@pytest.mark.parametrize("case", NO_JSON)
def test_invalid_and_ambiguous_json_is_refused(case: str) -> None:
    with pytest.raises(BadRequestError) as raised:
        validate(JsonBody(NO_JSON[case]), WORDS, ImageGenerationRequest)

    assert raised.value.code == "invalid_json"
    assert len(raised.value.message) < 200


WRONG = {
    "no object": b"[]",
    "a text": b'"canvas"',
    "a huge number": b'{"model": "canvas", "prompt": "a", "n": 1' + b"0" * 4000 + b"}",
    "a number beyond all": b'{"model": "canvas", "prompt": "a", "n": 1e999}',
    "a fraction": b'{"model": "canvas", "prompt": "a", "n": 1.5}',
    "a text for a number": b'{"model": "canvas", "prompt": "a", "n": "1"}',
    "a number for a text": b'{"model": "canvas", "prompt": 1}',
    "a list for a text": b'{"model": ["canvas"], "prompt": "a"}',
    "a field of no name": b'{"model": "canvas", "prompt": "a", "": 1}',
    "a field of any name": b'{"model": "canvas", "prompt": "a", "__proto__": {}}',
}


@pytest.mark.parametrize("case", WRONG)
def test_a_value_of_another_type_is_refused_with_its_field(case: str) -> None:
    with pytest.raises(ValidationError) as raised:
        validate(JsonBody(WRONG[case]), WORDS, ImageGenerationRequest)

    assert raised.value.problems


@pytest.mark.parametrize(
    ("count", "error"), [(400, ValidationError), (100_000, BadRequestError)], ids=str
)
def test_unknown_fields_are_refused_in_a_few_words(count: int, error: type[GatewayError]) -> None:
    fields = {"model": "canvas", "prompt": "a"} | {f"field{n}": n for n in range(count)}

    with pytest.raises(error) as raised:
        validate(JsonBody(json.dumps(fields).encode()), WORDS, ImageGenerationRequest)

    assert len(json.dumps(raised.value.body())) < 500


def test_a_name_as_long_as_a_body_is_not_repeated() -> None:
    fields = {"model": "canvas", "prompt": "a", "x" * 1_000_000: 1}

    with pytest.raises(ValidationError) as raised:
        validate(JsonBody(json.dumps(fields).encode()), WORDS, ImageGenerationRequest)

    assert len(json.dumps(raised.value.body())) < 500


async def test_a_null_byte_in_a_prompt_is_a_character_like_any_other(gateway: Gateway) -> None:
    assert (await gateway.generate(prompt="a\0b", user="\0")).status_code == 200
    assert (await gateway.upstream_calls())[-1]["prompt"] == "a\0b"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
FIELDS = st.sampled_from(("model", "prompt", "n", "size", "seed", "stream", "textToImageParams"))
BODIES = st.dictionaries(FIELDS | st.text(), ANYTHING).map(lambda body: json.dumps(body).encode())
SOUND = b'{"model": "canvas", "prompt": "a red fox", "n": 2, "size": "1024x1024"}'


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a sound body in which some bytes were replaced by others."""
    start = draw(st.integers(0, len(SOUND)))
    end = draw(st.integers(start, len(SOUND)))
    return SOUND[:start] + draw(st.binary(max_size=8)) + SOUND[end:]


@given(st.binary() | BODIES | damaged())
@example(b"\x00")
def test_any_body_is_read_or_refused_as_a_clients_error(body: bytes) -> None:
    refusal = _refusal(body)

    if refusal is not None:
        assert 400 <= refusal.status < 500
        assert json.dumps(refusal.body())


def _refusal(body: bytes) -> GatewayError | None:
    try:
        validate(JsonBody(body), WORDS, ImageGenerationRequest)
    except GatewayError as error:
        return error
    return None
