"""The texts of a form are the values that the same fields have in a JSON body."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from tintype_gateway.api.requests import ImageGenerationRequest
from tintype_gateway.errors import BadRequestError
from tintype_gateway.http.bodies.form_values import MAX_DEPTH, form_values

SCHEMA = ImageGenerationRequest.model_json_schema()
KEYS = st.text("abcXYZ_", min_size=1, max_size=5)
SCALARS = st.booleans() | st.integers(-(10**20), 10**20) | st.text("abc é[]&=", max_size=5)
TREES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | st.lists(SCALARS, min_size=1, max_size=3),
    lambda each: st.dictionaries(KEYS, each, min_size=1, max_size=3),
    max_leaves=6,
)


def flattened(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the fields that the official SDKs make of a value."""
    match value:
        case dict():
            for key, each in value.items():
                yield from flattened(f"{name}[{key}]", each)
        case list():
            for each in value:
                yield from flattened(f"{name}[]", each)
        case str():
            yield name, value
        case _:
            yield name, json.dumps(value)


@given(st.dictionaries(KEYS, TREES, max_size=4))
def test_a_providers_fields_come_back_as_an_sdk_flattened_them(document: dict[str, Any]) -> None:
    texts = [field for name, value in document.items() for field in flattened(name, value)]

    assert form_values(texts, SCHEMA) == document


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=8)), max_size=6))
def test_any_form_has_values_or_a_bad_request(texts: list[tuple[str, str]]) -> None:
    try:
        values = form_values(texts, SCHEMA)
    except BadRequestError as error:
        assert error.param is not None  # noqa: PT017 - most forms have none
    else:
        json.dumps(values, allow_nan=False)


def test_openais_fields_have_their_types() -> None:
    texts = {
        "model": "7",
        "prompt": "true",
        "n": "2",
        "seed": "-5",
        "output_compression": "80",
        "stream": "true",
        "size": "1024x1024",
        "background": "auto",
        "user": "123",
    }

    values = form_values(texts.items(), SCHEMA)

    assert values == texts | {"n": 2, "seed": -5, "output_compression": 80, "stream": True}
    ImageGenerationRequest.model_validate(values)


@pytest.mark.parametrize(
    ("name", "text"),
    [("n", "two"), ("n", ""), ("n", "1.5"), ("n", "\u0661"), ("stream", "True"), ("n", "01")],
)
def test_a_text_that_is_not_of_its_fields_type_stays_for_validation(name: str, text: str) -> None:
    assert form_values([(name, text)], SCHEMA) == {name: text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8", 8),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("false", False),
        ("007", "007"),
        ("+1", "+1"),
        ("1e999", "1e999"),
        ("9" * 41, "9" * 41),
        ("null", "null"),
        ("True", "True"),
        ("NaN", "NaN"),
        ("1 ", "1 "),
        ("", ""),
        ('{"a": 1}', '{"a": 1}'),
    ],
)
def test_the_type_of_a_providers_field_is_guessed_as_json_writes_it(
    text: str, value: object
) -> None:
    found = form_values([("cfgScale", text)], SCHEMA)["cfgScale"]

    assert (found, type(found)) == (value, type(value))


class Part(BaseModel):
    scale: float
    words: list[str]
    mode: Literal["1", "2"]
    anything: Any = None


class Nested(BaseModel):
    part: Part | None = None
    count: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    table: Mapping[str, str] = {}


def test_fields_within_fields_have_their_types_too() -> None:
    texts = [
        ("part[scale]", "1"),
        ("part[words][]", "1"),
        ("part[mode]", "1"),
        ("part[anything]", "1"),
        ("count", "1"),
    ]

    values = form_values(texts, Nested.model_json_schema())

    assert values == {
        "part": {"scale": 1, "words": ["1"], "mode": "1", "anything": 1},
        "count": "1",
    }


@pytest.mark.parametrize(
    "texts",
    [
        [("a[", "1")],
        [("a]", "1")],
        [("[a]", "1")],
        [("", "1")],
        [("a[b]c", "1")],
        [("a[][b]", "1")],
        [("a" + "[b]" * MAX_DEPTH, "1")],
        [("a", "1"), ("a", "2")],
        [("a", "1"), ("a[b]", "2")],
        [("a[b]", "1"), ("a", "2")],
        [("a[]", "1"), ("a[b]", "2")],
        [("a[b]", "1"), ("a[]", "2")],
        [("a[b]", "1"), ("a[b][c]", "2")],
    ],
)
def test_names_that_contradict_each_other_or_cannot_be_read_are_refused(
    texts: list[tuple[str, str]],
) -> None:
    with pytest.raises(BadRequestError) as caught:
        form_values(texts, SCHEMA)

    assert (caught.value.status, caught.value.param) == (400, texts[-1][0])
