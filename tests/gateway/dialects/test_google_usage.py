"""How the tokens of a Gemini image model are counted: what is image, and what is text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tests.gateway.dialects.google_responses import USAGE, details, gemini_response
from tintype_catalog.costs import TokenUsage
from tintype_gateway.dialects.google.generate_content import interpret
from tintype_testing.builders import upstream_response


def usage_read(usage: object) -> TokenUsage | None:
    return interpret(upstream_response(gemini_response(usageMetadata=usage))).usage


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({}, (17, 0, 1290, 16)),
        ({"candidatesTokensDetails": None}, (17, 0, 1306, 0)),
        ({"candidatesTokensDetails": details(TEXT=16)}, (17, 0, 1290, 16)),
        ({"candidatesTokensDetails": details(IMAGE=1290, TEXT=16)}, (17, 0, 1290, 16)),
        ({"thoughtsTokenCount": 200, "totalTokenCount": 1523}, (17, 0, 1290, 216)),
        ({"thoughtsTokenCount": 200, "totalTokenCount": None}, (17, 0, 1290, 216)),
        ({"totalTokenCount": 17 + 1290}, (17, 0, 1290, 0)),
        ({"totalTokenCount": 5}, (17, 0, 1290, 0)),
        ({"promptTokensDetails": details(TEXT=5, IMAGE=12)}, (5, 12, 1290, 16)),
        ({"promptTokensDetails": None}, (17, 0, 1290, 16)),
    ],
    ids=str,
)
def test_output_tokens_without_an_image_are_text(
    fields: dict[str, Any], counts: tuple[int, int, int, int]
) -> None:
    given = {name: value for name, value in (USAGE | fields).items() if value is not None}

    assert usage_read(given) == TokenUsage(*counts)


@pytest.mark.parametrize(
    ("fields", "cached"),
    [
        ({"cachedContentTokenCount": 4}, (4, 0)),
        ({"cachedContentTokenCount": 10, "cacheTokensDetails": details(TEXT=4, IMAGE=6)}, (4, 6)),
        ({"cachedContentTokenCount": 0}, (0, 0)),
    ],
    ids=str,
)
def test_cached_tokens_are_part_of_the_input(
    fields: dict[str, Any], cached: tuple[int, int]
) -> None:
    given = USAGE | {"promptTokensDetails": details(TEXT=5, IMAGE=12)} | fields

    assert usage_read(given) == TokenUsage(5, 12, 1290, 16, *cached)


@pytest.mark.parametrize("usage", [None, {}, {"promptTokenCount": 17}])
def test_a_response_without_an_output_count_has_no_usage(usage: object) -> None:
    assert usage_read(usage) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"promptTokenCount": None},
        {"promptTokenCount": -1},
        {"candidatesTokenCount": "many"},
        {"candidatesTokenCount": 0, "candidatesTokensDetails": None},
        {"candidatesTokensDetails": details(TEXT=1306)},
        {"candidatesTokenCount": 10**15, "candidatesTokensDetails": None},
        {"promptTokensDetails": details(IMAGE=18)},
        {"cachedContentTokenCount": 18},
        {"cachedContentTokenCount": 4, "cacheTokensDetails": details(IMAGE=5)},
        {"candidatesTokensDetails": [7]},
        {"candidatesTokensDetails": [{"modality": "IMAGE"}]},
    ],
    ids=str,
)
def test_counts_that_cannot_be_used_do_not_cost_the_image(fields: dict[str, Any]) -> None:
    result = interpret(upstream_response(gemini_response(usageMetadata=USAGE | fields)))

    assert len(result.images) == 1
    assert (result.usage, result.usage_unusable) == (None, True)


@given(json_values | st.fixed_dictionaries({}, optional=dict.fromkeys(USAGE, json_values)))
def test_no_usage_costs_the_image(usage: object) -> None:
    result = interpret(upstream_response(gemini_response(usageMetadata=usage)))

    assert len(result.images) == 1
    assert result.usage is None or result.usage.image_output > 0
