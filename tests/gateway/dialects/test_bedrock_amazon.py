"""What is sent to Titan and Nova Canvas, and what their responses mean."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.strategies import json_values
from tests.gateway.images.documents import documents
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.dialects.bedrock import common as bedrock
from tintype_gateway.dialects.bedrock.amazon import interpret, read_error, translate
from tintype_gateway.dialects.registry import get_dialect
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_gateway.values.upstream import UpstreamResponse
from tintype_testing.builders import job, route, upstream_response
from tintype_testing.sample_images import sample_image
from tintype_testing.upstream_requests import sent_json

NOVA = "amazon.nova-canvas-v1:0"
KEYS = {"aws-access-key-id": "AKIDEXAMPLE", "aws-secret-access-key": "secret"}
SMALL = sample_image().decode()
LARGE = "iVBO" * 5000
BLOCKED = "All of the generated images have been blocked by our content filters."


def body(images: int = 1, **asked: Any) -> Any:
    """Return the body of the call for a job with these parameters."""
    request = translate(job(**asked), route("us-east-1", upstreamModel=NOVA), images, KEYS)
    return sent_json(request)


def read(**fields: Any) -> CallResult:
    return interpret(upstream_response(fields))


def refused(upstream: UpstreamResponse) -> UpstreamFault:
    with pytest.raises(UpstreamFault) as fault:
        interpret(upstream)
    return fault.value


def test_the_dialect_is_found_by_its_name() -> None:
    found = get_dialect("bedrock-amazon")

    assert (found.translate, found.interpret, found.read_error) == (
        translate,
        interpret,
        bedrock.read_error,
    )
    assert read_error is bedrock.read_error


def test_a_plain_call_names_task_prompt_number_and_size() -> None:
    assert body(3) == {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": "A hedgehog"},
        "imageGenerationConfig": {"numberOfImages": 3, "width": 1024, "height": 1024},
    }


def test_every_parameter_has_its_place() -> None:
    parameters: dict[str, Any] = {
        "quality": "premium",
        "seed": 0,
        "negative_prompt": "snow",
        "style": "DESIGN_SKETCH",
    }

    assert body(size=SizeChoice(Size(640, 384)), **parameters) == {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {
            "text": "A hedgehog",
            "negativeText": "snow",
            "style": "DESIGN_SKETCH",
        },
        "imageGenerationConfig": {
            "numberOfImages": 1,
            "width": 640,
            "height": 384,
            "quality": "premium",
            "seed": 0,
        },
    }


def test_an_open_size_is_left_to_the_provider() -> None:
    assert body(size=SizeChoice())["imageGenerationConfig"] == {"numberOfImages": 1}


def test_nothing_to_avoid_is_not_said_at_all() -> None:
    assert body(negative_prompt="") == body()


def test_fields_that_bedrock_does_not_have_are_not_sent() -> None:
    assert body(user="u-1", safety_identifier="s-1", output_format="png") == body()


def test_provider_parameters_are_merged_into_the_body_field_by_field() -> None:
    extras = {
        "textToImageParams": {"controlStrength": 0.5},
        "imageGenerationConfig": {"cfgScale": 6.5},
    }

    assert body(2, extras=extras, seed=7) == {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": "A hedgehog", "controlStrength": 0.5},
        "imageGenerationConfig": {
            "numberOfImages": 2,
            "width": 1024,
            "height": 1024,
            "cfgScale": 6.5,
            "seed": 7,
        },
    }


@pytest.mark.parametrize(
    "extras",
    [
        {"taskType": "INPAINTING"},
        {"textToImageParams": {"text": "something else"}},
        {"textToImageParams": "something else"},
        {"imageGenerationConfig": {"numberOfImages": 5, "width": 4096, "quality": "premium"}},
        {"imageGenerationConfig": None},
    ],
)
def test_no_provider_parameter_replaces_prompt_number_task_or_fields_with_a_price(
    extras: dict[str, Any],
) -> None:
    assert body(extras=extras, quality="standard") == body(quality="standard")


def test_no_provider_parameter_reaches_the_model_the_host_or_the_credentials() -> None:
    extras = {
        "modelId": "other",
        "model": "other",
        "endpoint": "https://evil.test",
        "aws-access-key-id": "other",
        "Authorization": "Bearer other",
    }
    plain, stuffed = [
        translate(job(extras=given), route("us-east-1", upstreamModel=NOVA), 1, KEYS)
        for given in ({}, extras)
    ]

    assert (plain.url, plain.headers, plain.signer) == (
        stuffed.url,
        stuffed.headers,
        stuffed.signer,
    )


@pytest.mark.parametrize("fields", [{}, {"error": None}, {"error": ""}])
def test_a_response_without_an_error_has_all_of_its_images(fields: dict[str, Any]) -> None:
    assert read(images=[SMALL, SMALL], **fields) == CallResult(
        images=(GeneratedImage(base64=SMALL.encode()),) * 2
    )


def test_large_images_stay_where_they_are() -> None:
    (image,) = read(images=[LARGE]).images

    assert isinstance(image.base64, memoryview)
    assert bytes(image.base64) == LARGE.encode()


def test_the_result_has_neither_seed_nor_time_nor_usage() -> None:
    result = read(images=[SMALL])

    assert (result.created, result.usage, result.images[0].seed) == (0, None, None)


@pytest.mark.parametrize("fields", [{"images": []}, {"images": None}, {}])
def test_images_that_are_all_filtered_are_refused_for_their_content(
    fields: dict[str, Any],
) -> None:
    assert read(**fields, error=BLOCKED) == CallResult(
        images=(), rest_refused=True, refusal_reasons=(BLOCKED,)
    )


def test_the_images_beside_filtered_ones_are_delivered() -> None:
    why = "Some of the generated images have been blocked."
    result = read(images=[SMALL], error=why)

    assert result == CallResult(
        (GeneratedImage(base64=SMALL.encode()),), rest_refused=True, refusal_reasons=(why,)
    )


@pytest.mark.parametrize("error", [True, 1, {"message": "x"}, [BLOCKED]])
def test_a_refusal_whose_reason_is_no_text_is_one_without_a_reason(error: object) -> None:
    assert read(images=[], error=error) == CallResult(images=(), rest_refused=True)


@pytest.mark.parametrize("fields", [{}, {"images": []}, {"images": [], "error": None}])
def test_a_response_without_images_and_without_an_error_is_no_refusal(
    fields: dict[str, Any],
) -> None:
    assert read(**fields) == CallResult(images=(), rest_refused=False)


def test_a_mask_in_the_response_is_no_image() -> None:
    assert len(read(images=[SMALL], maskImage=SMALL).images) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b'{"images": [NaN]}',
        [],
        None,
        "images",
        {"images": [None]},
        {"images": [7]},
        {"images": [{}]},
        {"images": 7},
        {"images": ['"}]}']},
        {"images": ["iVBO\n"]},
    ],
)
def test_a_response_of_another_form_is_a_fault_of_unknown_outcome(content: object) -> None:
    assert refused(upstream_response(content)).kind == "outcome_unknown"


@given(
    st.binary()
    | documents()
    | st.dictionaries(st.sampled_from(["images", "error", "maskImage"]), json_values)
)
def test_any_response_is_read_or_is_a_fault(content: object) -> None:
    with suppress(UpstreamFault):
        assert isinstance(interpret(upstream_response(content)), CallResult)
