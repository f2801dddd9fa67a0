"""What is sent to Stability's models on Bedrock, and what their responses mean."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tests.gateway.images.documents import documents
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.dialects.bedrock import common as bedrock
from tintype_gateway.dialects.bedrock.stability import interpret, read_error, translate
from tintype_gateway.dialects.registry import get_dialect
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_testing.builders import job, route, upstream_response
from tintype_testing.sample_images import sample_image
from tintype_testing.upstream_requests import sent_json

CORE = "stability.stable-image-core-v1:1"
KEYS = {"aws-access-key-id": "AKIDEXAMPLE", "aws-secret-access-key": "secret"}
SMALL = sample_image().decode()
SQUARE = SizeChoice(Size(1024, 1024), ratio="1:1")


def body(images: int = 1, size: SizeChoice = SQUARE, **asked: Any) -> Any:
    """Return the body of the call for a job with these parameters."""
    binding = route("us-west-2", upstreamModel=CORE)
    return sent_json(translate(job(size=size, **asked), binding, images, KEYS))


def read(**fields: Any) -> CallResult:
    return interpret(upstream_response(fields))


def refused(content: object) -> UpstreamFault:
    with pytest.raises(UpstreamFault) as fault:
        interpret(upstream_response(content))
    return fault.value


def test_the_dialect_is_found_by_its_name() -> None:
    found = get_dialect("bedrock-stability")

    assert (found.translate, found.interpret, found.read_error) == (
        translate,
        interpret,
        bedrock.read_error,
    )
    assert read_error is bedrock.read_error


def test_a_plain_call_names_prompt_task_and_aspect_ratio() -> None:
    assert body() == {"prompt": "A hedgehog", "mode": "text-to-image", "aspect_ratio": "1:1"}


def test_every_parameter_is_passed_on_under_its_own_name() -> None:
    parameters: dict[str, Any] = {
        "seed": 4_294_967_295,
        "negative_prompt": "snow",
        "output_format": "jpeg",
    }

    assert body(**parameters) == body() | parameters


def test_an_open_size_is_left_to_the_provider() -> None:
    assert body(size=SizeChoice()) == {"prompt": "A hedgehog", "mode": "text-to-image"}


def test_a_call_always_asks_for_one_image() -> None:
    assert body(3) == body(1)


def test_fields_that_bedrock_does_not_have_are_not_sent() -> None:
    assert body(quality="high", style="vivid", user="u-1", safety_identifier="s-1") == body()


def test_provider_parameters_are_passed_on_beside_them() -> None:
    assert body(extras={"style_preset": "anime"}) == body() | {"style_preset": "anime"}


@pytest.mark.parametrize(
    "extras", [{"prompt": "something else"}, {"mode": "image-to-image"}, {"aspect_ratio": "21:9"}]
)
def test_no_provider_parameter_replaces_prompt_task_or_size(extras: dict[str, Any]) -> None:
    assert body(extras=extras) == body()


def test_no_provider_parameter_reaches_the_model_the_host_or_the_credentials() -> None:
    extras = {"modelId": "other", "endpoint": "https://evil.test", "Authorization": "Bearer other"}
    plain, stuffed = [
        translate(job(extras=given), route("us-west-2", upstreamModel=CORE), 1, KEYS)
        for given in ({}, extras)
    ]

    assert (plain.url, plain.headers, plain.signer) == (
        stuffed.url,
        stuffed.headers,
        stuffed.signer,
    )


@pytest.mark.parametrize(
    ("fields", "seed"),
    [
        ({"seeds": [2130420379]}, 2130420379),
        ({"seeds": ["2130420379"]}, 2130420379),
        ({"seeds": [0]}, 0),
        ({"seeds": ["unknown"]}, None),
        ({"seeds": ["9" * 5000]}, None),
        ({"seeds": [None]}, None),
        ({"seeds": []}, None),
        ({"seeds": None}, None),
        ({"seeds": "7"}, None),
        ({}, None),
    ],
)
def test_the_seed_is_a_number_and_an_invalid_one_is_ignored(
    fields: dict[str, Any], seed: int | None
) -> None:
    assert read(images=[SMALL], finish_reasons=[None], **fields) == CallResult(
        images=(GeneratedImage(base64=SMALL.encode(), seed=seed),)
    )


@pytest.mark.parametrize("fields", [{}, {"finish_reasons": None}, {"finish_reasons": []}])
def test_an_image_needs_no_reason(fields: dict[str, Any]) -> None:
    assert len(read(images=[SMALL], seeds=[7], **fields).images) == 1


def test_a_large_image_stays_where_it_is() -> None:
    (image,) = read(images=["iVBO" * 5000], seeds=[7], finish_reasons=[None]).images

    assert isinstance(image.base64, memoryview)


@pytest.mark.parametrize("stage", ["prompt", "output image", "input image"])
@pytest.mark.parametrize("fields", [{}, {"images": [], "seeds": []}, {"images": [SMALL]}])
def test_a_filtered_image_is_refused_for_its_content(stage: str, fields: dict[str, Any]) -> None:
    result = read(finish_reasons=[f"Filter reason: {stage}"], **fields)

    assert result == CallResult(
        images=(), rest_refused=True, refusal_reasons=(f"Filter reason: {stage}",)
    )


@pytest.mark.parametrize("reason", ["Inference error", "Something new"])
def test_a_model_that_failed_says_that_there_is_no_image(reason: str) -> None:
    fault = refused({"finish_reasons": [reason]})

    assert fault.kind == "failed"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        [],
        None,
        {},
        {"finish_reasons": [None]},
        {"images": None, "finish_reasons": [None]},
        {"images": [None]},
        {"images": [7]},
        {"images": ['"}]}']},
        {"images": [SMALL], "finish_reasons": [7]},
        {"images": [SMALL], "finish_reasons": 7},
    ],
)
def test_a_response_of_another_form_is_a_fault_of_unknown_outcome(content: object) -> None:
    assert refused(content).kind == "outcome_unknown"


@given(
    st.binary()
    | documents()
    | st.dictionaries(
        st.sampled_from(["images", "seeds", "finish_reasons"]),
        json_values | st.just(["Filter reason: prompt"]) | st.just([SMALL]),
    )
)
def test_any_response_is_read_or_is_a_fault(content: object) -> None:
    with suppress(UpstreamFault):
        assert isinstance(interpret(upstream_response(content)), CallResult)
