"""What is sent to Gemini to change images: the images before the prompt, in their order."""

import base64

from tintype_catalog.sizes import Size
from tintype_gateway.dialects.google.generate_content import mask_convention, translate
from tintype_gateway.values.content import BytesContent, InputImage
from tintype_testing.builders import job, route
from tintype_testing.upstream_requests import sent_json

IMAGES = (
    InputImage(BytesContent(b"the first image"), "png", Size(64, 48)),
    InputImage(BytesContent(b"the second image"), "heic", Size(32, 32)),
)


def test_images_are_parts_before_the_prompt() -> None:
    sent = translate(
        job(inputs=IMAGES), route(dialect="google-generate-content"), 1, {"api-key": "k"}
    )

    assert sent_json(sent)["contents"] == [
        {
            "role": "user",
            "parts": [
                {"inlineData": {"mimeType": "image/png", "data": _encoded(b"the first image")}},
                {"inlineData": {"mimeType": "image/heic", "data": _encoded(b"the second image")}},
                {"text": "A hedgehog"},
            ],
        }
    ]


def test_there_is_no_mask() -> None:
    assert mask_convention(None) is None


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
