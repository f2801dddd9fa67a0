"""What xAI's responses and errors mean."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tintype_gateway.dialects.xai_images import FIRST_IMAGE, interpret, read_error
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult
from tintype_testing.builders import upstream_response

ENTRY = {"b64_json": "aGVsbG8=", "respect_moderation": True}
BLOCKED = {"respect_moderation": False}


def result(*entries: Any, **fields: Any) -> CallResult:
    return interpret(upstream_response({"data": list(entries)} | fields))


def fault(content: object, status: int) -> UpstreamFault:
    return read_error(upstream_response(content, status))


def test_an_image_is_base64_with_or_without_a_data_url() -> None:
    urls = ENTRY | {"b64_json": "data:image/jpeg;base64,aGVsbG8="}

    assert [bytes(image.base64) for image in result(ENTRY, urls).images] == [b"aGVsbG8="] * 2


@pytest.mark.parametrize(("text", "prompt"), [("", None), (None, None), ("A fox", "A fox")])
def test_a_revised_prompt_is_passed_on_unless_it_is_empty(
    text: str | None, prompt: str | None
) -> None:
    assert result(ENTRY | {"revised_prompt": text}).images[0].revised_prompt == prompt


def test_blocked_images_are_refused_and_the_others_kept() -> None:
    made = result(ENTRY, BLOCKED, ENTRY)

    assert (len(made.images), made.rest_refused) == (2, True)


def test_a_blocked_image_is_not_shown_though_its_bytes_are_there() -> None:
    made = result(ENTRY | BLOCKED)

    assert (made.images, made.rest_refused) == ((), True)


def test_an_image_without_a_mark_is_not_blocked() -> None:
    made = result({"b64_json": "aGVsbG8="})

    assert (len(made.images), made.rest_refused) == (1, False)


@pytest.mark.parametrize("entries", [[], [{}], [{"b64_json": None}], [None], ["x"], [[1]]])
def test_neither_an_image_nor_a_refusal_is_a_fault(entries: list[Any]) -> None:
    with pytest.raises(UpstreamFault) as caught:
        result(*entries)

    assert caught.value.kind == "outcome_unknown"


def test_ticks_are_the_cost_in_units_of_a_hundred_millionth_of_a_cent() -> None:
    assert result(ENTRY, usage={"cost_in_usd_ticks": 220_000_001}).cost_usd == (
        Decimal("0.0220000001")
    )


@pytest.mark.parametrize("usage", [None, {}, [], "x", {"cost_in_usd_ticks": "1"}])
def test_an_image_without_a_readable_cost_is_still_an_image(usage: Any) -> None:
    made = result(ENTRY, usage=usage)

    assert (len(made.images), made.cost_usd) == (1, None)


@pytest.mark.parametrize(
    ("before", "is_passed"),
    [
        ('{"data":[{"respect_moderation":true,"b64_json":', True),
        ('{"usage":{"a":1}, "data" : [ {"mime_type":"image/jpeg", "respect_moderation" : true , '
         '"revised_prompt":"", "b64_json" : ', True),
        ('{"data":[{"b64_json":', False),
        ('{"data":[{"respect_moderation":false,"b64_json":', False),
        ('{"data":[{"respect_moderation":false},{"respect_moderation":true,"b64_json":', False),
        ('{"data":[{"revised_prompt":"\\"respect_moderation\\":true,","b64_json":', False),
    ],
)  # fmt: skip
def test_an_image_passes_through_only_after_its_mark(before: str, is_passed: bool) -> None:
    assert (FIRST_IMAGE.search(before.encode()) is not None) == is_passed


FLAT = "Client specified an invalid argument"


def flat(error: str, **fields: Any) -> dict[str, Any]:
    return {"code": FLAT, "error": error} | fields


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (flat("Argument not supported: size"), 400, "invalid"),
        ({"error": {"message": "n must be at most 10", "code": "x"}}, 400, "invalid"),
        (b"Failed to deserialize the JSON body into the target type: x", 422, "invalid"),
        (b"<html>", 422, "invalid"),
        (flat("Bad prompt: the model of an API key does not exist"), 400, "invalid"),
        (flat("Generated image rejected by content moderation."), 400, "refused"),
        ({"error": {"message": "The prompt violates our content policy"}}, 403, "refused"),
        (flat("Incorrect API key provided: xa***gA."), 400, "unauthorized"),
        (flat("No credentials provided"), 401, "unauthorized"),
        (flat("Your team has used all available credits"), 429, "unauthorized"),
        (flat("Pay first"), 402, "unauthorized"),
        (flat("Too many requests"), 429, "throttled"),
        (flat("The model grok-x does not exist"), 404, "misconfigured"),
        (flat("Model not found: grok-x"), 400, "misconfigured"),
        (flat("down"), 503, "unavailable"),
        (b"upstream error", 503, "outcome_unknown"),
        (flat("internal"), 500, "outcome_unknown"),
        (b"", 500, "outcome_unknown"),
    ],
)
def test_an_error_of_either_form_has_its_kind(content: object, status: int, kind: str) -> None:
    assert fault(content, status).kind == kind


def test_the_words_of_a_refused_request_reach_the_client_with_no_secret() -> None:
    told = fault(flat("Argument not supported: size"), 400)
    with_key = fault(flat("Incorrect API key provided: xa***gA."), 400)

    assert (told.message, told.code) == ("Argument not supported: size", FLAT)
    assert "xa***" not in with_key.message


def test_a_refusal_is_charged_if_its_error_says_so() -> None:
    refusal = "Generated image rejected by content moderation."
    cost = {"cost_in_usd_ticks": 200_000_000}

    assert fault(flat(refusal, usage=cost), 400).charged
    assert not fault(flat(refusal), 400).charged
    assert not fault(flat("Argument not supported: size", usage=cost), 400).charged


def test_a_wait_that_xai_asks_for_is_obeyed() -> None:
    response = upstream_response(json.dumps(flat("slow")).encode(), 429, retry_after="7")

    assert read_error(response).retry_after_seconds == 7
