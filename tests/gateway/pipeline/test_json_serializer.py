"""The body of a successful response."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_gateway.pipeline.json_serializer import respond
from tintype_gateway.values.events import FailedCall, FinishedCall
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.response import Response
from tintype_testing.builders import (
    RECEIPT,
    USAGE,
    finished_call,
    finished_image,
    plan,
    route,
    settlement,
)
from tintype_testing.sample_images import sample_image

TEXT = sample_image().decode()
REFUSED = {
    "b64_json": None,
    "revised_prompt": None,
    "seed": None,
    "watermark": "none",
    "flagged": True,
    "flag_reason": None,
}


def response_of(
    *calls: FinishedCall, failed: tuple[FailedCall, ...] = (), **planned: Any
) -> Response:
    return respond(plan(**planned), calls or (finished_call(),), failed, settlement(), RECEIPT)


def document(*calls: FinishedCall, **planned: Any) -> Any:
    return json.loads(b"".join(response_of(*calls, **planned).pieces))


def entry(**fields: Any) -> dict[str, Any]:
    plain = {"b64_json": TEXT, "revised_prompt": None, "seed": None, "watermark": "none"}
    return {**plain, "flagged": False, **fields}


def test_a_response_is_openais_document_with_additional_fields() -> None:
    image = finished_image(
        sample_image("jpeg", 96, 64), "c2pa", revised_prompt="A hedgehog, in oil", seed=7
    )
    call = finished_call(
        image, created=1795000000, usage=USAGE, background="opaque", quality="medium"
    )
    assert document(call, requested="openai/canvas", quality="high") == {
        "created": 1795000000,
        "model": "openai/canvas",
        "data": [
            {
                "b64_json": bytes(image.image.base64).decode(),
                "revised_prompt": "A hedgehog, in oil",
                "seed": 7,
                "watermark": "c2pa",
                "flagged": False,
            }
        ],
        "background": "opaque",
        "output_format": "jpeg",
        "quality": "medium",
        "size": "96x64",
        "usage": {
            "images": 1,
            "input_tokens": 10,
            "output_tokens": 272,
            "total_tokens": 282,
            "input_tokens_details": {"text_tokens": 10, "image_tokens": 0},
            "output_tokens_details": {"text_tokens": 0, "image_tokens": 272},
            "megapixels": None,
            "credits_used": 640_000,
            "credits_remaining": 999_360_000,
        },
    }


def test_fields_that_a_provider_omits_are_null_or_those_of_the_request() -> None:
    response = document(quality="high")
    assert (response["created"], response["background"], response["quality"]) == (0, None, "high")
    assert response["data"] == [entry()]
    assert "errors" not in response


@given(st.lists(st.lists(st.text(), min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_number_of_images_makes_one_valid_document(prompts: list[list[str]]) -> None:
    calls = [
        finished_call(*(finished_image(revised_prompt=prompt) for prompt in group))
        for group in prompts
    ]
    flat = [prompt for group in prompts for prompt in group]
    assert document(*calls)["data"] == [entry(revised_prompt=prompt) for prompt in flat]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=4))
def test_a_refused_image_is_a_flagged_entry_behind_those_of_its_call(
    shares: list[tuple[int, int]],
) -> None:
    calls = []
    for made, refused in shares:
        whole = finished_call(*[finished_image()] * max(made, 1), asked=made + refused)
        images = whole.images[:made]
        calls.append(FinishedCall(0, made + refused, route(), whole.result, images, refused))
    expected = [
        *(each for made, refused in shares for each in [entry()] * made + [REFUSED] * refused)
    ]
    response = document(*calls)
    assert response["data"] == expected
    assert response["usage"]["images"] == sum(made for made, _ in shares)
    assert "errors" not in response


def test_each_refused_image_has_its_own_reason_and_the_last_one_is_that_of_the_rest() -> None:
    made = finished_call(asked=4, refusal_reasons=("violence", "likeness"))
    response = document(replace(made, refused=3))
    reasons = [each.get("flag_reason", "delivered") for each in response["data"]]
    assert reasons == ["delivered", "violence", "likeness", "likeness"]


def test_the_length_is_that_of_the_body() -> None:
    response = response_of(finished_call(finished_image(), finished_image()))
    assert response.length == len(b"".join(response.pieces))


def test_an_image_leaves_in_the_very_bytes_in_which_it_came() -> None:
    upstream = b'{"b64_json":"' + sample_image(width=500) + b'"}'
    image = finished_image(memoryview(upstream)[13:-2])
    pieces = response_of(finished_call(finished_image(), image)).pieces
    assert any(piece is image.image.base64 for piece in pieces)


def test_an_image_can_be_decoded_from_the_document() -> None:
    (received,) = document()["data"]
    assert base64.b64decode(received["b64_json"], validate=True).startswith(b"\x89PNG")


def test_a_call_that_failed_is_an_error_at_each_of_its_places() -> None:
    fault = UpstreamFault("timeout", "the provider did not respond within 180 s")
    response = document(
        finished_call(first=0), failed=(FailedCall(1, 2, route(), fault),), images=3
    )
    message = "openai (canvas-openai): the provider did not respond within 180 s"
    assert response["data"] == [entry()]
    assert response["errors"] == [
        {"index": index, "code": "timeout", "message": message} for index in (1, 2)
    ]


def test_images_that_a_provider_left_out_are_errors_in_the_order_of_their_places() -> None:
    refusal = FailedCall(0, 1, route(), UpstreamFault("refused", "safety"))
    response = document(finished_call(first=1, asked=3), failed=(refusal,), images=4)
    found = [(error["index"], error["code"]) for error in response["errors"]]
    assert found == [(0, "moderation_blocked"), (2, "image_missing"), (3, "image_missing")]


@pytest.mark.parametrize("extra", [0, 1, 5])
def test_more_images_than_asked_for_are_no_error(extra: int) -> None:
    call = finished_call(*[finished_image()] * (1 + extra), asked=1)
    assert "errors" not in document(call)
