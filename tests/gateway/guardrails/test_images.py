"""What a policy service learns of an image: its digest, and what it looks like."""

import base64
import hashlib
import io
from collections.abc import Callable

import pytest
from PIL import Image

from tintype_catalog.sizes import Size
from tintype_gateway.guardrails.images import (
    Previews,
    input_previews,
    output_described,
    preview_bytes,
)
from tintype_gateway.images.input_inspection import inspect_input
from tintype_gateway.values.content import BytesContent, Upload
from tintype_gateway.values.images import FinishedImage, GeneratedImage


def file_of(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def finished(content: bytes, form: str, size: Size | None) -> FinishedImage:
    return FinishedImage(GeneratedImage(base64.b64encode(content)), form, size, "none")


def opened(preview: str | None) -> Image.Image:
    assert preview is not None
    image = Image.open(io.BytesIO(base64.b64decode(preview)))
    image.load()
    return image


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_an_output_image_is_shown_small(form: str) -> None:
    content = file_of(Image.new("RGB", (1200, 600), "red"), form)

    described = output_described(3, finished(content, form, Size(1200, 600)), with_preview=True)

    preview = opened(described.preview)
    assert (preview.format, preview.size) == ("JPEG", (512, 256))
    red, green, _ = preview.getpixel((100, 100))  # type: ignore[misc]
    assert red > 240
    assert green < 16
    assert (described.index, described.bytes) == (3, len(content))
    assert described.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_image_is_not_copied_whole(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def copy(image: Image.Image) -> Image.Image:
        raise AssertionError("a copy of the whole image")

    content = file_of(Image.new(mode, (1200, 600), "red"), "png")
    monkeypatch.setattr(Image.Image, "copy", copy)

    described = output_described(3, finished(content, "png", Size(1200, 600)), with_preview=True)

    assert opened(described.preview).size == (512, 256)


def test_a_small_image_is_not_enlarged() -> None:
    content = file_of(Image.new("RGB", (64, 32), "red"), "png")

    described = output_described(0, finished(content, "png", Size(64, 32)), with_preview=True)

    assert opened(described.preview).size == (64, 32)


def test_what_is_transparent_is_white() -> None:
    content = file_of(Image.new("RGBA", (64, 64), (255, 0, 0, 0)), "png")

    described = output_described(0, finished(content, "png", Size(64, 64)), with_preview=True)

    assert opened(described.preview).getpixel((5, 5)) == (255, 255, 255)


def test_a_preview_has_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a planted heron"
    content = file_of(Image.new("RGB", (64, 64)), "jpeg", exif=exif)

    described = output_described(0, finished(content, "jpeg", Size(64, 64)), with_preview=True)

    assert described.preview is not None
    assert b"heron" in content
    assert b"heron" not in base64.b64decode(described.preview)


@pytest.mark.parametrize(
    ("content", "form", "size"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg", None),
        (file_of(Image.new("P", (16, 16)), "gif"), "gif", Size(16, 16)),
    ],
    ids=["svg", "gif"],
)
def test_an_image_that_cannot_be_drawn_has_a_digest_alone(
    content: bytes, form: str, size: Size | None
) -> None:
    described = output_described(0, finished(content, form, size), with_preview=True)

    assert (described.format, described.preview) == (form, None)
    assert described.sha256 == hashlib.sha256(content).hexdigest()


def test_without_previews_nothing_is_decoded() -> None:
    described = output_described(
        0, finished(b"not an image", "png", Size(1, 1)), with_preview=False
    )

    assert described.preview is None


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_an_input_image_of_any_mode_is_shown_small_within_its_memory(mode: str) -> None:
    content = BytesContent(file_of(Image.new(mode, (1000, 2000)), "png"))
    facts = inspect_input(Upload(content, "image"))

    assert opened(input_previews(content, facts).preview).size == (256, 512)
    assert preview_bytes(facts) > 1000 * 2000 * 4


def described_output(image: Image.Image) -> Previews:
    content = file_of(image, "png")
    made = output_described(0, finished(content, "png", Size(*image.size)), with_preview=True)
    return Previews(made.preview, made.preview_colors, made.preview_alpha)


def described_input(image: Image.Image) -> Previews:
    content = BytesContent(file_of(image, "png"))
    return input_previews(content, inspect_input(Upload(content, "image")))


def shade(preview: str | None, place: tuple[int, int]) -> int:
    """The brightness of a pixel of a preview, of which the edges of a JPEG's blocks are blurred."""
    value = opened(preview).convert("L").getpixel(place)
    assert isinstance(value, int)
    return value


both_ways = pytest.mark.parametrize("described", [described_input, described_output])


@both_ways
@pytest.mark.parametrize("edge", [64, 1024])
def test_colors_that_transparency_hides_are_shown(
    described: Callable[[Image.Image], Previews], edge: int
) -> None:
    image = Image.new("RGBA", (edge, edge), (255, 255, 255, 0))
    image.paste((0, 0, 0, 0), (0, 0, edge // 2, edge))

    previews = described(image)

    shown = min(edge, 512)
    hidden, background = (shown // 4, shown // 2), (3 * shown // 4, shown // 2)
    assert opened(previews.preview_colors).size == (shown, shown)
    assert shade(previews.preview, hidden) == shade(previews.preview, background) == 255
    assert shade(previews.preview_colors, hidden) < 16
    assert shade(previews.preview_colors, background) > 240


@both_ways
def test_what_transparency_alone_draws_is_shown(
    described: Callable[[Image.Image], Previews],
) -> None:
    image = Image.new("RGBA", (1024, 1024), (255, 255, 255, 0))
    image.paste((255, 255, 255, 255), (0, 0, 512, 1024))

    previews = described(image)

    assert shade(previews.preview, (128, 256)) == shade(previews.preview, (384, 256)) == 255
    assert shade(previews.preview_alpha, (128, 256)) > 240
    assert shade(previews.preview_alpha, (384, 256)) < 16


@both_ways
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_opaque_image_has_one_preview(
    described: Callable[[Image.Image], Previews], mode: str
) -> None:
    previews = described(Image.new(mode, (64, 64), "red"))

    assert previews.preview is not None
    assert (previews.preview_colors, previews.preview_alpha) == (None, None)
