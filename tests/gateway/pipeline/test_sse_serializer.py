"""The events of a stream, field by field."""

import json
from dataclasses import replace
from typing import Any

from openai.types import ImageGenCompletedEvent, ImageGenPartialImageEvent

from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.api.response_headers import ImageError
from tintype_gateway.errors import UnavailableError
from tintype_gateway.pipeline.sse_serializer import completed_event, error_event, partial_event
from tintype_gateway.upstream.sse import Pieces
from tintype_gateway.values.events import Charge, FinishedCall, PartialImage
from tintype_gateway.values.images import Preview
from tintype_gateway.values.plan import Plan
from tintype_testing.builders import USAGE, finished_call, finished_image, plan, route, settlement
from tintype_testing.sample_images import sample_image

IMAGE = sample_image()


def document_of(event: Pieces) -> dict[str, Any]:
    """Return the data of an event, whose name must be its type."""
    head, data = b"".join(event).split(b"\ndata: ")
    fields: dict[str, Any] = json.loads(data)
    assert head.decode() == f"event: {fields['type']}"
    assert data.endswith(b"}\n\n")
    return fields


def completed(
    call: FinishedCall, number: int = 0, charge: Charge | None = None, **asked: Any
) -> dict[str, Any]:
    given: Plan = plan(**asked)
    return document_of(completed_event(given, call, number, charge or Charge(640_000)))


def partial(preview: Preview, **asked: Any) -> dict[str, Any]:
    shown = PartialImage(2, 1, preview, "png", Size(64, 48), route())
    return document_of(partial_event(plan(**asked), shown))


def test_a_preview_has_openais_fields_and_the_index_of_its_image() -> None:
    event = partial(Preview(IMAGE, created=17, background="opaque", quality="low"))

    assert event == {
        "type": "image_generation.partial_image",
        "b64_json": IMAGE.decode(),
        "created_at": 17,
        "size": "64x48",
        "quality": "low",
        "background": "opaque",
        "output_format": "png",
        "partial_image_index": 1,
        "index": 2,
    }
    assert ImageGenPartialImageEvent.model_validate(event)


def test_a_completed_image_has_openais_fields_and_additional_ones() -> None:
    image = finished_image(IMAGE, "c2pa", revised_prompt="A fox", seed=7)
    call = finished_call(
        image, first=3, created=17, usage=USAGE, quality="low", background="opaque"
    )

    event = completed(call, charge=Charge(640_000, settlement()))

    assert event == {
        "type": "image_generation.completed",
        "b64_json": IMAGE.decode(),
        "created_at": 17,
        "size": "64x48",
        "quality": "low",
        "background": "opaque",
        "output_format": "png",
        "index": 3,
        "seed": 7,
        "revised_prompt": "A fox",
        "watermark": "c2pa",
        "flagged": False,
        "usage": {
            "images": 1,
            "input_tokens": 10,
            "output_tokens": 272,
            "total_tokens": 282,
            "megapixels": None,
            "input_tokens_details": {"text_tokens": 10, "image_tokens": 0},
            "output_tokens_details": {"text_tokens": 0, "image_tokens": 272},
            "credits_used": 640_000,
            "credits_remaining": 999_360_000,
        },
    }
    assert ImageGenCompletedEvent.model_validate(event)


def test_unknown_values_are_auto() -> None:
    event = completed(finished_call())

    assert (event["quality"], event["background"], event["created_at"]) == ("auto", "auto", 0)
    assert completed(finished_call(), quality="high")["quality"] == "high"
    assert partial(Preview(IMAGE))["background"] == "auto"


def test_before_the_charge_the_remaining_credits_are_unknown() -> None:
    assert "credits_remaining" not in completed(finished_call())["usage"]


def test_an_unlimited_account_has_null_left() -> None:
    charge = Charge(640_000, settlement(available=None))

    assert completed(finished_call(), charge=charge)["usage"]["credits_remaining"] is None


def test_the_tokens_of_one_call_stand_on_its_last_image() -> None:
    call = finished_call(finished_image(), finished_image(), usage=USAGE)

    first, last = completed(call, 0)["usage"], completed(call, 1)["usage"]

    assert (first["total_tokens"], last["total_tokens"]) == (None, 282)
    assert (first["images"], last["images"]) == (1, 1)


def test_a_refused_image_is_flagged_and_empty() -> None:
    call = FinishedCall(4, 1, route(), finished_call().result, (), refused=1)

    event = completed(call, charge=Charge(0), size=SizeChoice(None))

    assert (event["flagged"], event["b64_json"], event["index"]) == (True, "", 4)
    assert (event["size"], event["output_format"], event["watermark"]) == ("auto", "auto", "none")
    assert (event["usage"]["images"], event["usage"]["credits_used"]) == (0, 0)


def test_each_refused_image_has_its_reason() -> None:
    made = finished_call(asked=3, refusal_reasons=("violence", "likeness"))
    call = replace(made, refused=2)

    assert "flag_reason" not in completed(call, 0)
    assert [completed(call, number)["flag_reason"] for number in (1, 2)] == ["violence", "likeness"]


def test_an_error_has_openais_envelope_under_the_name_error() -> None:
    event = document_of(error_event(UnavailableError("no response", code="timeout")))

    error = {"message": "no response", "type": "api_error", "param": None, "code": "timeout"}
    assert event == {"type": "error", "error": error}


def test_an_error_of_some_images_lists_them() -> None:
    missing = ImageError(index=1, code="timeout", message="no response")

    event = document_of(error_event(UnavailableError("no response", code="timeout"), [missing]))

    assert event["errors"] == [missing]
