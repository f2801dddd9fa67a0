"""The manifests in images of OpenAI's GPT models."""

import io

import pytest
from PIL import Image

from tintype_simulator.painting.content_credentials import with_manifest
from tintype_simulator.painting.renderer import ImageSpec, encode, paint


@pytest.fixture(scope="module")
def image() -> Image.Image:
    return paint(ImageSpec(seed="s", caption="a red fox", width=64, height=48))


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_an_image_with_a_manifest_shows_the_same(image: Image.Image, form: str) -> None:
    plain = encode(image, form)
    marked = with_manifest(plain, form)

    assert b"c2pa" in marked
    with Image.open(io.BytesIO(marked)) as opened, Image.open(io.BytesIO(plain)) as expected:
        assert opened.format == form.upper()
        assert opened.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("form", "name", "pixels"), [("png", b"caBX", b"IDAT"), ("jpeg", b"\xff\xeb", b"\xff\xda")]
)
def test_a_manifest_stands_before_the_pixels(
    image: Image.Image, form: str, name: bytes, pixels: bytes
) -> None:
    marked = with_manifest(encode(image, form), form)

    assert 0 < marked.index(name) < marked.index(pixels)


def test_a_webp_tells_its_new_length(image: Image.Image) -> None:
    marked = with_manifest(encode(image, "webp"), "webp")

    assert int.from_bytes(marked[4:8], "little") == len(marked) - 8
    assert marked.rindex(b"C2PA") > marked.index(b"VP8")
