"""The profile `openai`: every field has OpenAI's type and one of its values, or is left out."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import ImageGenCompletedEvent, ImageGenPartialImageEvent, ImagesResponse

from tests.gateway.pipeline.test_sse_serializer import completed, partial
from tintype_catalog.sizes import Size
from tintype_gateway.api.openapi import responses
from tintype_gateway.pipeline.json_serializer import respond
from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.upstream.finish import inspect
from tintype_gateway.values.events import Charge, FailedCall, FinishedCall
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, FinishedImage, GeneratedImage, Preview
from tintype_gateway.values.response import Response
from tintype_gateway.values.upstream import PlannedCall
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

words = st.sampled_from(
    [
        *(None, "", "auto", "transparent", "opaque", "low", "medium", "high", "xhigh", "max"),
        *("standard", "hd", "premium", "1K", "checkered"),
    ]
)
sizes = st.builds(Size, st.integers(1, 4096), st.integers(1, 4096)) | st.sampled_from(
    [Size(1024, 1024), Size(1024, 1536), Size(1536, 1024)]
)
usages = st.none() | st.just(USAGE)


def images(size: Size) -> FinishedImage:
    return FinishedImage(GeneratedImage(b"QUJD"), "png", size, "none")


def response_of(
    *calls: FinishedCall, failed: tuple[FailedCall, ...] = (), **asked: Any
) -> Response:
    given = plan(profile="openai", **asked)
    return respond(given, calls or (finished_call(),), failed, settlement(), RECEIPT)


def document(*calls: FinishedCall, **asked: Any) -> Any:
    return json.loads(b"".join(response_of(*calls, **asked).pieces))


def leaves(value: Any) -> Iterator[Any]:
    """Yield all that stands in a document, but for objects and lists."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from leaves(each)
    else:
        yield value


@given(words, words, words, sizes, usages, st.integers(0, 2**31))
def test_any_response_is_one_that_openais_types_allow(
    background: str | None,
    shown_quality: str | None,
    asked: str | None,
    size: Size,
    usage: Any,
    created: int,
) -> None:
    call = finished_call(
        images(size), background=background, quality=shown_quality, usage=usage, created=created
    )
    fields = {} if asked is None else {"quality": asked}

    body = document(call, **fields)

    assert ImagesResponse.model_validate_json(json.dumps(body), strict=True)
    assert responses.OpenAIImagesResponse.model_validate(body)
    assert None not in leaves(body)
    assert body.get("size") in (None, "1024x1024", "1024x1536", "1536x1024")


@given(words, words, words, sizes, usages, st.integers(0, 2**31))
def test_any_event_is_one_that_openais_types_allow(
    background: str | None,
    shown_quality: str | None,
    asked: str | None,
    size: Size,
    usage: Any,
    created: int,
) -> None:
    shown: dict[str, Any] = {"background": background, "quality": shown_quality, "created": created}
    fields: dict[str, Any] = {} if asked is None else {"quality": asked}

    whole = completed(finished_call(images(size), usage=usage, **shown), profile="openai", **fields)
    preview = partial(Preview(sample_image(), **shown), profile="openai", **fields)

    assert ImageGenCompletedEvent.model_validate_json(json.dumps(whole), strict=True)
    assert ImageGenPartialImageEvent.model_validate_json(json.dumps(preview), strict=True)
    assert responses.OpenAICompletedEvent.model_validate(whole)
    assert responses.OpenAIPartialImageEvent.model_validate(preview)
    assert None not in [*leaves(whole), *leaves(preview)]
    assert whole["size"] in ("1024x1024", "1024x1536", "1536x1024", "auto")


def test_known_values_are_present_and_unknown_ones_absent() -> None:
    known = finished_image(sample_image("png", 64, 48), "c2pa", revised_prompt="A fox", seed=7)

    assert document(finished_call(known, usage=USAGE, quality="low"))["data"] == [
        {
            "b64_json": sample_image("png", 64, 48).decode(),
            "revised_prompt": "A fox",
            "seed": 7,
            "watermark": "c2pa",
        }
    ]
    assert document()["data"] == [{"b64_json": sample_image().decode(), "watermark": "none"}]


def test_the_time_is_the_providers_or_else_that_of_the_response() -> None:
    before = int(time.time())

    bodies = [document(finished_call(created=reported))["created"] for reported in (17, 0)]
    events = [
        completed(finished_call(created=reported), profile="openai")["created_at"]
        for reported in (17, 0)
    ]

    assert bodies[0] == events[0] == 17
    assert before <= bodies[1] <= events[1] <= time.time()


def test_uncounted_tokens_are_zero() -> None:
    usage = document()["usage"]

    nothing = {"text_tokens": 0, "image_tokens": 0}
    assert usage == {
        "input_tokens": 0,
        "output_tokens": 0,
        "total_tokens": 0,
        "input_tokens_details": nothing,
        "output_tokens_details": nothing,
        "images": 1,
        "megapixels": 0.003072,
        "credits_used": 640_000,
        "credits_remaining": 999_360_000,
    }


def test_an_unlimited_account_has_nothing_that_remains() -> None:
    given = plan(profile="openai")
    unlimited = settlement(available=None)
    body = respond(given, (finished_call(),), (), unlimited, RECEIPT).pieces
    event = completed(finished_call(), charge=Charge(1, unlimited), profile="openai")

    assert "credits_remaining" not in json.loads(b"".join(body))["usage"]
    assert "credits_remaining" not in event["usage"]


async def inspected(asked: int, made: int, profile: Any, **reported: Any) -> FinishedCall:
    result = CallResult((GeneratedImage(sample_image()),) * made, rest_refused=True, **reported)
    planned = PlannedCall(2, asked, plan().job)
    return await inspect(planned, route(), result, plan(profile=profile), ImageTools())


async def test_images_refused_in_part_are_errors_with_their_reasons() -> None:
    call = await inspected(4, 2, "openai", refusal_reasons=("violence", "likeness"))

    body = document(call, images=6)

    assert len(body["data"]) == body["usage"]["images"] == 2
    assert body["errors"] == [
        {
            "index": index,
            "code": "moderation_blocked",
            "message": f"the provider withheld the image: {reason}",
        }
        for index, reason in ((4, "violence"), (5, "likeness"))
    ]


async def test_a_refusal_without_a_reason_is_an_error_as_well() -> None:
    (error,) = document(await inspected(2, 1, "openai"))["errors"]

    assert error["message"] == "the provider withheld the image"


async def test_a_call_whose_images_are_all_refused_is_a_refusal() -> None:
    with pytest.raises(UpstreamFault) as refused:
        await inspected(2, 0, "openai", refusal_reasons=("violence",))

    assert refused.value.kind == "refused"
    assert refused.value.message == "the provider withheld the image: violence"
    assert (await inspected(2, 0, "router")).refused == 2


def test_the_header_names_the_profile() -> None:
    assert response_of().headers["Tintype-Profile"] == "openai"
