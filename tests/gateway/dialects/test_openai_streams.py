"""OpenAI's events: previews, images and errors."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_catalog.costs import TokenUsage
from tintype_gateway.dialects.openai.images import event_reader, translate
from tintype_gateway.dialects.registry import streams
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage, Preview
from tintype_testing.builders import binding, job, route
from tintype_testing.sample_images import sample_image
from tintype_testing.upstream_requests import sent_json

IMAGE = sample_image()
RESOLVED = {"size": "64x48", "quality": "low", "background": "opaque", "output_format": "png"}
USAGE = {"input_tokens": 8, "output_tokens": 372, "total_tokens": 380}


def read(event: object) -> tuple[Preview | CallResult, ...]:
    text = event if isinstance(event, bytes) else json.dumps(event).encode()
    return tuple(event_reader().read(text))


def shown(kind: str, **fields: Any) -> dict[str, Any]:
    fields = {"b64_json": IMAGE.decode(), "created_at": 17, **RESOLVED, **fields}
    return {"type": f"image_generation.{kind}", **fields}


def test_a_streamed_job_asks_for_events_and_its_previews() -> None:
    call = translate(job(streamed=True, partial_images=2), route(), 1, {"api-key": "sk-1"})

    body = sent_json(call)
    assert (body["stream"], body["partial_images"], body["n"]) == (True, 2, 1)
    assert call.headers["Accept"] == "text/event-stream"


def test_a_plain_job_does_not_speak_of_streams() -> None:
    body = sent_json(translate(job(), route(), 1, {"api-key": "sk-1"}))

    assert body.keys().isdisjoint({"stream", "partial_images"})


@pytest.mark.parametrize(
    ("model", "streamed"), [("gpt-image-2", True), ("dall-e-2", False), ("dall-e-3", False)]
)
def test_all_but_the_oldest_models_stream(model: str, streamed: bool) -> None:
    assert streams(binding(upstreamModel=model)) is streamed


def test_a_preview_has_the_fields_of_the_provider() -> None:
    (preview,) = read(shown("partial_image", partial_image_index=0))

    assert preview == Preview(IMAGE, created=17, background="opaque", quality="low")


def test_a_completed_image_has_the_usage_of_its_call() -> None:
    (result,) = read(shown("completed", usage=USAGE))

    assert result == CallResult(
        images=(GeneratedImage(IMAGE),),
        created=17,
        usage=TokenUsage(8, 0, 372, 0),
        background="opaque",
        quality="low",
    )


def test_a_large_image_is_a_view_of_the_event_that_arrived() -> None:
    large = sample_image("png", 512, 512, compress_level=0).decode()

    (result,) = read(shown("completed", b64_json=large))

    assert isinstance(result, CallResult)
    assert isinstance(result.images[0].base64, memoryview)
    assert bytes(result.images[0].base64) == large.encode()


@pytest.mark.parametrize("event", [b"[DONE]", {"type": "keepalive"}, {"type": "x", "error": None}])
def test_an_event_without_an_image_is_skipped(event: object) -> None:
    assert read(event) == ()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "moderation_blocked", "type": "image_generation_user_error"}, "refused"),
        ({"code": "invalid_value", "type": "invalid_request_error"}, "invalid"),
        ({"code": "rate_limit_exceeded", "type": "requests"}, "outcome_unknown"),
        ({"code": "insufficient_quota", "type": "insufficient_quota"}, "outcome_unknown"),
        ({"code": None, "type": "server_error"}, "outcome_unknown"),
        ({"type": ["odd"]}, "outcome_unknown"),
        ("a text", "outcome_unknown"),
    ],
)
def test_an_error_in_the_stream_says_of_no_call_that_it_was_not_processed(
    error: object, kind: str
) -> None:
    with pytest.raises(UpstreamFault) as caught:
        read({"error": error})

    assert caught.value.kind == kind


def test_a_flat_error_is_one_too() -> None:
    with pytest.raises(UpstreamFault) as caught:
        read({"type": "error", "code": "moderation_blocked", "message": "no foxes"})

    assert (caught.value.kind, caught.value.message) == ("refused", "no foxes")


@pytest.mark.parametrize(
    "event",
    [
        b"",
        b"<h1>Welcome</h1>",
        b'{"type": "image_generation.comp',
        [],
        {"no": "type"},
        shown("completed", b64_json=None),
        shown("completed", b64_json="no base64!"),
        shown("partial_image", b64_json=7),
    ],
)
def test_an_event_without_the_form_of_one_is_a_fault(event: object) -> None:
    with pytest.raises(UpstreamFault) as fault:
        read(event)

    assert fault.value.kind == "outcome_unknown"


def test_a_stream_that_ends_without_its_image_is_a_fault() -> None:
    with pytest.raises(UpstreamFault) as fault:
        event_reader().end()

    assert fault.value.kind == "outcome_unknown"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part, max_size=3)
    ),
)
FIELDS = ["type", "b64_json", "created_at", "usage", "error", "quality", "background"]
KINDS = st.sampled_from(["error", "image_generation.completed", "image_generation.partial_image"])


@given(st.dictionaries(st.sampled_from(FIELDS), JSON), KINDS | JSON)
def test_no_event_raises_anything_but_a_fault(event: dict[str, Any], kind: object) -> None:
    with suppress(UpstreamFault):
        read(event | {"type": kind})
