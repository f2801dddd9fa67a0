"""What is sent to xAI."""

import base64
from typing import Any

import pytest

from tests.gateway.dialects.inputs import fake_input
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.dialects.xai_images import mask_convention, translate
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.upstream import UpstreamRequest
from tintype_testing.builders import job, route
from tintype_testing.upstream_requests import sent_json

MODEL = "grok-imagine-image"
WIDE = SizeChoice(Size(1360, 768), "16:9", "2k")
XAI = {"dialect": "xai-images", "provider": "xai", "upstreamModel": MODEL}


def request(images: int = 1, *, endpoint: str | None = None, **asked: Any) -> UpstreamRequest:
    spec = XAI | ({"endpoint": endpoint} if endpoint else {})
    return translate(job(**asked), route(**spec), images, {"api-key": "xai-1"})


def body(images: int = 1, **asked: Any) -> Any:
    return sent_json(request(images, **asked))


def test_a_generation_names_its_ratio_and_resolution_and_no_size() -> None:
    assert body(3, size=WIDE) == {
        "model": MODEL,
        "prompt": "A hedgehog",
        "n": 3,
        "response_format": "b64_json",
        "aspect_ratio": "16:9",
        "resolution": "2k",
    }


def test_quality_and_user_are_sent_and_what_xai_has_no_word_for_is_not() -> None:
    plain = body(size=SizeChoice())
    given: dict[str, Any] = {"quality": "low", "user": "u-1"}
    unknown: dict[str, Any] = {"style": "vivid", "seed": 7, "safety_identifier": "s"}

    assert body(size=SizeChoice(), **given, **unknown) == plain | given


def test_provider_parameters_never_replace_what_the_gateway_decides() -> None:
    sent = body(extras={"n": 9, "response_format": "url", "prompt": "x", "enhance": True})

    assert sent == body() | {"enhance": True}


@pytest.mark.parametrize("images", [1, 2, 3])
def test_an_edit_has_data_urls_one_by_itself_and_several_in_a_list(images: int) -> None:
    files = [f"file {index}".encode() for index in range(images)]

    sent = body(2, size=WIDE, inputs=tuple(map(fake_input, files)))

    urls = [
        {"type": "image_url", "url": f"data:image/png;base64,{base64.b64encode(file).decode()}"}
        for file in files
    ]
    named = {"image": urls[0]} if images == 1 else {"images": urls}
    assert sent == body(2, size=WIDE) | named


def test_generations_and_edits_have_paths_of_their_own() -> None:
    edit = request(inputs=(fake_input(b"x"),))

    assert request().url == "https://api.x.ai/v1/images/generations"
    assert edit.url == "https://api.x.ai/v1/images/edits"
    assert request(endpoint="https://proxy.test/xai/").url == (
        "https://proxy.test/xai/v1/images/generations"
    )


def test_the_key_is_a_bearer_token() -> None:
    assert request().headers["Authorization"] == "Bearer xai-1"


def test_without_a_key_nothing_is_sent() -> None:
    with pytest.raises(UpstreamFault) as caught:
        translate(job(), route(**XAI), 1, {})

    assert caught.value.kind == "unauthorized"


def test_there_is_no_mask() -> None:
    assert mask_convention(None) is None
