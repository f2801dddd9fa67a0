"""What a response tells of what was used, and the headers around it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.costs import TokenUsage
from tintype_gateway.ledger.interface import Settlement
from tintype_gateway.pipeline.json_serializer import respond
from tintype_gateway.values.events import FinishedCall
from tintype_gateway.values.response import Response
from tintype_testing.builders import RECEIPT, finished_call, finished_image, plan, settlement
from tintype_testing.sample_images import sample_image

counts = st.integers(0, 10**7)
usages = st.builds(TokenUsage, counts, counts, counts, counts, st.just(0), st.just(0))


def response_of(*calls: FinishedCall, paid: Settlement | None = None, **planned: Any) -> Response:
    made = calls or (finished_call(),)
    return respond(plan(**planned), made, (), paid or settlement(), RECEIPT)


def usage(*calls: FinishedCall, paid: Settlement | None = None) -> dict[str, Any]:
    document = json.loads(b"".join(response_of(*calls, paid=paid).pieces))
    read: dict[str, Any] = document["usage"]
    return read


@given(st.lists(usages, min_size=1, max_size=5))
def test_tokens_are_those_of_all_calls_together(each: list[TokenUsage]) -> None:
    shown = usage(*(finished_call(usage=one) for one in each))
    text, image = sum(one.text_input for one in each), sum(one.image_input for one in each)
    output = sum(one.image_output + one.text_output for one in each)
    assert (shown["input_tokens"], shown["output_tokens"]) == (text + image, output)
    assert shown["total_tokens"] == text + image + output
    assert shown["input_tokens_details"] == {"text_tokens": text, "image_tokens": image}
    assert shown["output_tokens_details"] == {
        "text_tokens": sum(one.text_output for one in each),
        "image_tokens": sum(one.image_output for one in each),
    }
    assert shown["megapixels"] is None


def test_cached_tokens_are_reported_by_kind_if_there_are_some() -> None:
    cached = TokenUsage(10, 20, 300, 0, cached_text_input=4, cached_image_input=15)

    shown = usage(finished_call(usage=cached), finished_call(usage=cached))

    assert shown["input_tokens_details"] == {
        "text_tokens": 20,
        "image_tokens": 40,
        "cached_tokens": 38,
        "cached_tokens_details": {"text_tokens": 8, "image_tokens": 30},
    }
    assert shown["input_tokens"] == 60


def test_megapixels_placeholder_where_no_call_counts_tokens() -> None:
    shown = usage(
        finished_call(finished_image(sample_image("png", 1000, 500))),
        finished_call(finished_image(sample_image("jpeg", 333, 1))),
    )
    assert shown["megapixels"] == 0.500333
    assert (shown["input_tokens"], shown["output_tokens"], shown["total_tokens"]) == (
        None,
        None,
        None,
    )
    assert not {"input_tokens_details", "output_tokens_details"} & shown.keys()


def test_images_are_those_that_were_delivered() -> None:
    assert (
        usage(finished_call(asked=4), finished_call(finished_image(), finished_image()))["images"]
        == 3
    )


@pytest.mark.parametrize(("charged", "available"), [(0, 5), (640_000, 0), (1, -3), (7, None)])
def test_credits_are_what_was_charged_and_what_is_left(charged: int, available: int | None) -> None:
    shown = usage(paid=settlement(charged, available))
    assert (shown["credits_used"], shown["credits_remaining"]) == (charged, available)


def test_the_headers_tell_route_catalog_and_cost() -> None:
    assert response_of().headers == {
        "Tintype-Route": "openai/global/canvas-openai",
        "Tintype-Catalog-Revision": "abc123",
        "Tintype-Profile": "router",
        "Tintype-Cost-Micro-Credits": "640000",
    }


def test_adjustments_are_one_list_in_a_header() -> None:
    made = ("style=stripped", "size=1000x1000->1024x1024")
    headers = response_of(adjustments=made).headers
    assert headers["Tintype-Adjusted"] == "style=stripped, size=1000x1000->1024x1024"


@pytest.mark.parametrize(
    ("lifecycle", "headers"),
    [
        ({"deprecatedOn": "2026-03-30"}, {"Deprecation": "@1774828800"}),
        ({"retiresOn": "2026-12-01"}, {"Sunset": "Tue, 01 Dec 2026 00:00:00 GMT"}),
        (
            {"deprecatedOn": "2026-03-30", "retiresOn": "2026-12-01"},
            {"Deprecation": "@1774828800", "Sunset": "Tue, 01 Dec 2026 00:00:00 GMT"},
        ),
        ({"releasedOn": "2026-03-30"}, {}),
    ],
)
def test_a_deprecated_model_has_the_headers_of_rfc_9745_and_rfc_8594(
    lifecycle: dict[str, str], headers: dict[str, str]
) -> None:
    sent = response_of(of={"lifecycle": lifecycle}).headers
    assert {name: sent[name] for name in ("Deprecation", "Sunset") if name in sent} == headers
