"""What is sent to OpenAI to change images: forms, as its SDK sends them."""

from typing import Any

from tintype_catalog.sizes import Size
from tintype_gateway.dialects.openai.images import mask_convention, translate
from tintype_gateway.values.content import BytesContent, InputImage
from tintype_gateway.values.upstream import UpstreamRequest
from tintype_testing.builders import job, route
from tintype_testing.upstream_requests import SentPart, sent_parts

TARGET = InputImage(BytesContent(b"the first image\r\n--not-a-boundary"), "png", Size(64, 48))
REFERENCE = InputImage(BytesContent(b"the second image"), "jpeg", Size(32, 32))
MASK = InputImage(BytesContent(b"the mask"), "png", Size(64, 48))


def request(*images: InputImage, images_asked: int = 1, **asked: Any) -> UpstreamRequest:
    wanted = job(inputs=images, **asked)
    return translate(wanted, route(upstreamModel="gpt-image-2"), images_asked, {"api-key": "sk-1"})


def files(*images: InputImage, **asked: Any) -> list[SentPart]:
    return [part for part in sent_parts(request(*images, **asked)) if part.filename]


def test_an_edit_is_a_form_with_its_length() -> None:
    sent = request(TARGET)

    assert sent.url == "https://api.openai.com/v1/images/edits"
    assert sent.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert not isinstance(sent.body, bytes)
    assert sent.body.length == len(b"".join(sent.body.chunks()))


def test_fields_come_before_files() -> None:
    parts = sent_parts(request(TARGET, images_asked=2, quality="high"))

    assert [(part.name, part.value) for part in parts[:-1]] == [
        ("quality", b"high"),
        ("model", b"gpt-image-2"),
        ("prompt", b"A hedgehog"),
        ("n", b"2"),
        ("size", b"1024x1024"),
    ]


def test_one_image_is_image() -> None:
    assert files(TARGET) == [
        SentPart("image", TARGET.content.read(0, 99), "image-1.png", "image/png")
    ]


def test_several_images_are_a_list_in_their_order() -> None:
    assert [(part.name, part.filename, part.content_type) for part in files(TARGET, REFERENCE)] == [
        ("image[]", "image-1.png", "image/png"),
        ("image[]", "image-2.jpeg", "image/jpeg"),
    ]


def test_the_mask_comes_last() -> None:
    last = files(TARGET, REFERENCE, mask=MASK)[-1]

    assert last == SentPart("mask", b"the mask", "mask.png", "image/png")
    assert mask_convention(None) == "alpha"


def test_nested_provider_parameters_are_named_as_the_sdk_names_them() -> None:
    extras = {"svg": {"model": "x", "layers": [1, 2]}, "complexity": 0.5, "draft": True}

    parts = sent_parts(request(TARGET, extras=extras))

    assert [(part.name, part.value) for part in parts[:5]] == [
        ("svg[model]", b"x"),
        ("svg[layers][]", b"1"),
        ("svg[layers][]", b"2"),
        ("complexity", b"0.5"),
        ("draft", b"true"),
    ]


def test_a_variation_by_its_own_path_has_no_prompt() -> None:
    sent = request(TARGET, task="variations", prompt="")

    assert sent.url.endswith("/v1/images/variations")
    assert "prompt" not in {part.name for part in sent_parts(sent)}
    assert mask_convention("variations") is None


def test_a_stream_is_asked_for_in_the_form() -> None:
    sent = request(TARGET, streamed=True, partial_images=2)

    assert sent.headers["Accept"] == "text/event-stream"
    assert {("stream", b"true"), ("partial_images", b"2")} <= {
        (part.name, part.value) for part in sent_parts(sent)
    }
