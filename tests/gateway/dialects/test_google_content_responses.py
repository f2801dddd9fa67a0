"""What a response of Google's Gemini image models means, oddities included."""

import base64
import json
from typing import Any

import pytest

from tests.gateway.dialects.google_responses import (
    LARGE,
    SMALL,
    USAGE,
    candidate,
    gemini_response,
    shown,
)
from tintype_catalog.costs import TokenUsage
from tintype_gateway.dialects.google.generate_content import interpret
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_testing.builders import upstream_response
from tintype_testing.sample_images import drawn


def read(*parts: dict[str, Any], **fields: Any) -> CallResult:
    return interpret(upstream_response(gemini_response(*parts, **fields)))


def fault_of(content: object) -> UpstreamFault:
    with pytest.raises(UpstreamFault) as fault:
        interpret(upstream_response(content))
    return fault.value


def test_every_field_of_a_documented_response_is_read() -> None:
    result = read({"text": "Here:"}, shown(), usageMetadata=USAGE, modelVersion="m")

    assert result == CallResult(
        images=(GeneratedImage(SMALL.encode(), revised_prompt="Here:"),),
        usage=TokenUsage(text_input=17, image_input=0, image_output=1290, text_output=16),
    )


def test_an_image_is_a_view_of_the_response() -> None:
    upstream = upstream_response(gemini_response(shown(LARGE)))

    [image] = interpret(upstream).images

    assert isinstance(image.base64, memoryview)
    assert image.base64.obj is upstream.body


def test_the_texts_around_the_image_are_the_revised_prompt() -> None:
    [image] = read({"text": "Here is "}, shown(), {"text": "a hedgehog.\n"}).images

    assert image.revised_prompt == "Here is a hedgehog."


@pytest.mark.parametrize("texts", [[], [" \n"], [""]])
def test_no_text_is_no_revised_prompt(texts: list[str]) -> None:
    [image] = read(*({"text": text} for text in texts), shown()).images

    assert image.revised_prompt is None


def test_a_long_text_is_kept() -> None:
    [image] = read({"text": "hedgehog " * 1000}, shown()).images

    assert image.revised_prompt == ("hedgehog " * 1000).strip()


def test_the_last_of_several_images_is_the_finished_one() -> None:
    [image] = read(shown("QUJD"), {"text": "Better:"}, shown(SMALL), {"text": "Done."}).images

    assert image.base64 == SMALL.encode()


def test_thoughts_are_not_passed_on() -> None:
    thought = {"text": "I sketch first.", "thought": True}
    draft = shown("QUJD", thought=True)

    [image] = read(thought, shown(SMALL, thoughtSignature="c2ln"), draft).images

    assert (image.base64, image.revised_prompt) == (SMALL.encode(), None)


def test_an_image_counts_with_any_finish_reason() -> None:
    [image] = interpret(
        upstream_response({"candidates": [candidate(shown(), reason="MAX_TOKENS")]})
    ).images

    assert image.base64 == SMALL.encode()


@pytest.mark.parametrize("text", [SMALL, LARGE + "A/B="])
def test_escaped_base64_is_unescaped(text: str) -> None:
    escaped = json.dumps(gemini_response(shown(text))).replace("/", "\\/").encode()

    [image] = interpret(upstream_response(escaped)).images

    assert image.base64 == text.encode()


BLOCKED = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
BLOCKED_WITH_TEXT = {
    "promptFeedback": {"blockReason": "OTHER", "blockReasonMessage": "Try another\nprompt."}
}
UNABLE = "IMAGE_SAFETY: Unable to show it."
IMAGE_SAFETY = {"finishReason": "IMAGE_SAFETY", "finishMessage": "Unable to show it."}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (BLOCKED, "PROHIBITED_CONTENT"),
        (BLOCKED | {"candidates": []}, "PROHIBITED_CONTENT"),
        (BLOCKED | {"candidates": None}, "PROHIBITED_CONTENT"),
        (BLOCKED_WITH_TEXT, "OTHER: Try another prompt."),
        ({"candidates": [IMAGE_SAFETY]}, UNABLE),
        ({"candidates": [IMAGE_SAFETY | {"content": {}}]}, UNABLE),
        ({"candidates": [IMAGE_SAFETY | {"content": None}]}, UNABLE),
        ({"candidates": [IMAGE_SAFETY | {"content": {"role": "model"}}]}, UNABLE),
        ({"candidates": [IMAGE_SAFETY | {"content": {"parts": None}}]}, UNABLE),
        ({"candidates": [{"finishReason": "PROHIBITED_CONTENT"}]}, "PROHIBITED_CONTENT"),
        ({"candidates": [{"finishReason": "IMAGE_RECITATION"}]}, "IMAGE_RECITATION"),
        ({"candidates": [candidate({"text": "No."}, reason="SAFETY")]}, "SAFETY: No."),
        ({"candidates": [candidate({"text": "I would rather not."})]}, "I would rather not."),
        ({"candidates": [candidate({"text": "x" * 9000})]}, "x" * 299 + "…"),
    ],
    ids=lambda content: json.dumps(content)[:80],
)
def test_a_refusal_in_any_shape_is_a_refusal_with_its_reason(
    content: dict[str, Any], reason: str
) -> None:
    assert interpret(upstream_response(content)) == CallResult(
        images=(), rest_refused=True, refusal_reasons=(reason,)
    )


def test_a_prompt_that_is_blocked_without_a_reason_is_refused_all_the_same() -> None:
    content = {"promptFeedback": {"blockReason": True, "blockReasonMessage": 7}}

    assert interpret(upstream_response(content)) == CallResult(images=(), rest_refused=True)


@pytest.mark.parametrize(
    "reason", ["MAX_TOKENS", "OTHER", "IMAGE_OTHER", "NO_IMAGE", "MALFORMED_RESPONSE"]
)
@pytest.mark.parametrize("parts", [[], [{"text": "Here"}]])
def test_an_end_without_an_image_is_a_known_outcome_that_is_named(
    reason: str, parts: list[dict[str, Any]]
) -> None:
    fault = fault_of({"candidates": [candidate(*parts, reason=reason)]})

    assert (fault.kind, fault.code, fault.uncharged) == ("image_missing", reason, False)
    assert reason in fault.message


@pytest.mark.parametrize(
    "end",
    [
        candidate(),
        {"finishReason": "STOP"},
        candidate(shown(thought=True)),
        candidate({"text": "x", "thought": True}),
    ],
)
def test_an_end_without_anything_to_show_is_one_too(end: dict[str, Any]) -> None:
    assert fault_of({"candidates": [end]}).kind == "image_missing"


@pytest.mark.parametrize("reason", ["STOP", "IMAGE_OTHER", "NO_IMAGE"])
def test_google_says_where_an_image_that_did_not_come_is_not_charged(reason: str) -> None:
    message = "Unable to show the generated image. You will not be charged for this request."
    end = {"finishReason": reason, "finishMessage": message}

    fault = fault_of({"candidates": [end]})

    assert (fault.kind, fault.uncharged) == ("image_missing", True)
    assert message not in fault.message


def test_a_reason_that_is_no_name_is_not_passed_on() -> None:
    fault = fault_of({"candidates": [{"finishReason": "a red fox\nforged"}]})

    assert (fault.kind, fault.code) == ("image_missing", None)
    assert "fox" not in fault.message


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"promptFeedback": {}},
        {"promptFeedback": {"blockReason": ""}},
        {"candidates": [{"finishReason": "FINISH_REASON_UNSPECIFIED"}]},
        {"candidates": [{}]},
        {"candidates": [None]},
        {"candidates": {"content": 1}},
        {"candidates": [candidate({"text": "x"}, reason=None)]},
        {"candidates": [candidate({"inlineData": {}})]},
        {"candidates": [candidate(shown('","flagged":true,"x":"'))]},
        {"candidates": [candidate(shown("Ω"))]},
        {"candidates": [candidate(shown("AAAAA"))]},
        {"candidates": ["x" * 9000]},
        [],
        None,
        "x",
    ],
    ids=lambda content: json.dumps(content)[:80],
)
def test_another_form_is_a_fault_of_unknown_outcome(content: object) -> None:
    assert fault_of(content).kind == "outcome_unknown"


@pytest.mark.parametrize("form", ["png", "jpeg"])
@pytest.mark.parametrize("width", range(40, 43))
def test_base64_of_any_kind_comes_out_standard(form: str, width: int) -> None:
    file = drawn(form, width, 30) if width < 42 else b"\xff\xfe\xfb" * 999 + drawn(form, 42, 30)
    standard = base64.b64encode(file)

    for text in (standard, base64.urlsafe_b64encode(file), standard.rstrip(b"=")):
        [image] = read(shown(text.decode())).images

        assert bytes(image.base64) == standard


def test_base64_that_was_cut_off_is_not_completed() -> None:
    assert fault_of(gemini_response(shown(SMALL[: len(SMALL) // 8 * 4 - 1]))).kind == (
        "outcome_unknown"
    )
