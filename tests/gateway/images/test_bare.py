"""Text that a server embeds in an image is cut out, and its pixels stay as they are."""

import base64
import io

import pytest
from PIL import Image, PngImagePlugin

from tintype_gateway.images.bare import without_metadata
from tintype_testing.sample_images import encoded, sample_image

SECRET = "a fox that no reader of the image may know of"


def written(form: str) -> bytes:
    """Return an image in base64 with its prompt, as servers write it."""
    image, file = Image.effect_noise((32, 24), 50).convert("RGB"), io.BytesIO()
    if form == "png":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("parameters", SECRET)
        texts.add_text("workflow", SECRET, zip=True)
        texts.add_itxt("prompt", SECRET)
        image.save(file, form, pnginfo=texts)
    else:
        exif = Image.Exif()
        exif[0x010E] = SECRET
        image.save(file, form, exif=exif.tobytes(), comment=SECRET)
    return encoded(file.getvalue())


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_texts_are_gone_and_the_pixels_are_the_same(form: str) -> None:
    before = written(form)

    after = base64.b64decode(without_metadata(before))

    assert SECRET.encode() in base64.b64decode(before)
    assert SECRET.encode() not in after
    opened = [Image.open(io.BytesIO(file)) for file in (base64.b64decode(before), after)]
    assert opened[0].tobytes() == opened[1].tobytes()
    assert not {"exif", "comment", "parameters", "workflow", "prompt"} & opened[1].info.keys()


def test_an_image_without_texts_stays_as_it_is() -> None:
    image = sample_image()

    assert without_metadata(image) is image


@pytest.mark.parametrize("text", [b"bm8gaW1hZ2U=", b"?", sample_image()[:-40]])
def test_what_is_no_whole_image_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        without_metadata(text)
