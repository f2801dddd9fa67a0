"""What a response of the OpenAI Images API means, also where it is not as documented."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tests.gateway.images.documents import documents
from tintype_catalog.costs import TokenUsage
from tintype_gateway.dialects.openai.images import interpret
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_gateway.values.upstream import UpstreamResponse
from tintype_testing.builders import upstream_response
from tintype_testing.sample_images import sample_image

SMALL = sample_image().decode()
LARGE = "iVBO" * 5000
USAGE: dict[str, Any] = {
    "input_tokens": 30,
    "input_tokens_details": {"text_tokens": 14, "image_tokens": 16},
    "output_tokens": 1776,
    "output_tokens_details": {"image_tokens": 1756, "text_tokens": 20},
    "total_tokens": 1806,
}
RESPONSE: dict[str, Any] = {
    "created": 1795000000,
    "background": "opaque",
    "output_format": "png",
    "quality": "medium",
    "size": "1024x1024",
    "data": [{"b64_json": SMALL}],
    "usage": USAGE,
}


def read(**fields: Any) -> CallResult:
    return interpret(upstream_response(RESPONSE | fields))


def refused(upstream: UpstreamResponse) -> UpstreamFault:
    with pytest.raises(UpstreamFault) as fault:
        interpret(upstream)
    return fault.value


def test_every_field_of_a_documented_response_is_read() -> None:
    assert read() == CallResult(
        images=(GeneratedImage(SMALL.encode()),),
        created=1795000000,
        usage=TokenUsage(text_input=14, image_input=16, image_output=1756, text_output=20),
        background="opaque",
        quality="medium",
    )


def test_an_image_is_a_view_of_the_response() -> None:
    upstream = upstream_response(RESPONSE | {"data": [{"b64_json": LARGE}, {"b64_json": LARGE}]})
    for image in interpret(upstream).images:
        assert isinstance(image.base64, memoryview)
        assert image.base64.obj is upstream.body
        assert image.base64 == LARGE.encode()


@pytest.mark.parametrize("text", [SMALL, LARGE + "A/B="])
def test_escaped_base64_is_unescaped(text: str) -> None:
    escaped = json.dumps({"data": [{"b64_json": text}]}).replace("/", "\\/").encode()
    (image,) = interpret(upstream_response(escaped)).images
    assert image.base64 == text.encode()


@pytest.mark.parametrize("prompt", ["A hedgehog, in oil", "Ein Igel 🦔" * 1000])
def test_a_revised_prompt_is_kept_however_long(prompt: str) -> None:
    (image,) = read(data=[{"b64_json": SMALL, "revised_prompt": prompt}]).images
    assert image.revised_prompt == prompt


def test_a_response_with_only_images_is_valid() -> None:
    sparse = interpret(upstream_response({"data": [{"b64_json": SMALL}]}))
    assert sparse == CallResult(images=(GeneratedImage(SMALL.encode()),))


@pytest.mark.parametrize(
    "details", [{}, {"input_tokens_details": {}}, {"output_tokens_details": None}]
)
def test_without_details_all_input_is_text_and_all_output_is_image(details: dict[str, Any]) -> None:
    usage = read(usage={"input_tokens": 14, "output_tokens": 272, "total_tokens": 286} | details)
    assert usage.usage == TokenUsage(14, 0, 272, 0)


@pytest.mark.parametrize(
    ("beside", "within", "cached"),
    [
        (
            {
                "cached_tokens": 13,
                "cached_tokens_details": {"cached_text_tokens": 4, "cached_image_tokens": 9},
            },
            {},
            (4, 9),
        ),
        (
            {},
            {
                "cached_tokens": 13,
                "cached_tokens_details": {"text_tokens": 4, "image_tokens": 9},
            },
            (4, 9),
        ),
        ({}, {"cached_tokens": 13}, (13, 0)),
        ({}, {"cached_tokens": 20}, (14, 6)),
        ({"cached_tokens": 3}, {"cached_tokens": 20}, (3, 0)),
        ({"cached_tokens": 0}, {}, (0, 0)),
        ({"cached_tokens": None}, {"cached_tokens": None}, (0, 0)),
    ],
)
def test_cached_tokens_are_read_where_openais_types_have_them(
    beside: dict[str, Any], within: dict[str, Any], cached: tuple[int, int]
) -> None:
    inputs = {**USAGE["input_tokens_details"], **within}
    usage = read(usage=USAGE | {"input_tokens_details": inputs} | beside).usage

    assert usage == TokenUsage(14, 16, 1756, 20, *cached)


@pytest.mark.parametrize("tokens", [31, -1, 1.5, "13", True])
def test_a_count_of_cached_tokens_that_cannot_be_meant_spoils_the_usage(tokens: object) -> None:
    result = read(usage=USAGE | {"cached_tokens": tokens})

    assert (result.usage, result.usage_unusable) == (None, True)


def test_a_response_without_usage_has_no_usage() -> None:
    assert (read(usage=None).usage, read(usage=None).usage_unusable) == (None, False)


@pytest.mark.parametrize(
    "usage",
    [
        {},
        [],
        "many",
        7,
        {"prompt_tokens": 14, "completion_tokens": 272, "total_tokens": 286},
        {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
        {"input_tokens": 14, "output_tokens": 0},
        {"input_tokens": 14, "output_tokens": 20, "output_tokens_details": {"text_tokens": 20}},
        {"input_tokens": None, "output_tokens": 1},
        {"input_tokens": "14", "output_tokens": "272"},
        {"input_tokens": 14, "output_tokens": True},
        {"input_tokens": 14, "output_tokens": 272.5},
        {"input_tokens": 1, "output_tokens": 10**15},
        {"input_tokens": -1, "output_tokens": 1},
        {"input_tokens": 1, "output_tokens": 1, "input_tokens_details": "many"},
        USAGE | {"input_tokens_details": {"image_tokens": 31}},
    ],
    ids=str,
)
def test_counts_that_cannot_be_used_do_not_cost_the_images(usage: object) -> None:
    result = read(usage=usage)

    assert result.images == (GeneratedImage(SMALL.encode()),)
    assert (result.usage, result.usage_unusable) == (None, True)


@pytest.mark.parametrize("created", ["now", [1], {}, None])
def test_a_time_that_is_none_does_not_cost_the_images(created: object) -> None:
    result = read(created=created)

    assert (result.created, len(result.images)) == (0, 1)


@pytest.mark.parametrize("text", [SMALL, LARGE])
@pytest.mark.parametrize(
    "prefix",
    ["data:image/png;base64,", "data:;base64,", "DATA:image/svg+xml;charset=utf-8;BASE64,"],
)
def test_an_image_that_is_written_as_a_url_is_the_base64_in_it(text: str, prefix: str) -> None:
    (image,) = read(data=[{"b64_json": prefix + text}]).images

    assert image.base64 == text.encode()


def test_an_empty_list_is_no_image() -> None:
    assert read(data=[]).images == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"data": None},
        {"data": {"b64_json": SMALL}},
        {"data": LARGE},
        {"data": [SMALL]},
        {"data": [LARGE]},
        {"data": [{"b64_json": None, "url": None}]},
        {"data": [{"b64_json": "", "url": 7}]},
        {"data": [{"url": "data:image/png;base64,Ω"}]},
        {"data": [{"b64_json": 7}]},
        {"data": [{"b64_json": "Ω"}]},
        {"data": [{"b64_json": '","flagged":true,"x":"'}]},
        {"data": [{"b64_json": LARGE + '"\\'}]},
        {"data": [{"b64_json": "AAAA\nAAAA"}]},
    ],
    ids=lambda fields: json.dumps(fields)[:60],
)
def test_another_form_is_a_fault_of_unknown_outcome(fields: dict[str, Any]) -> None:
    fault = refused(upstream_response(RESPONSE | fields))
    assert fault.kind == "outcome_unknown"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"7",
        b"[" * 99_999,
    ],
)
def test_a_body_that_is_not_the_expected_json_is_an_unknown_outcome(text: bytes) -> None:
    assert refused(upstream_response(text)).kind == "outcome_unknown"


@given(st.fixed_dictionaries({}, optional=dict.fromkeys([*RESPONSE, "data"], json_values)))
def test_any_json_is_read_or_a_fault(fields: dict[str, Any]) -> None:
    with suppress(UpstreamFault):
        read(**fields)


@given(st.binary() | documents())
def test_any_bytes_are_read_or_a_fault(text: bytes) -> None:
    with suppress(UpstreamFault):
        interpret(upstream_response(text))
