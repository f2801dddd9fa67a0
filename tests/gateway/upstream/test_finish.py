"""Whether a provider's images are what was promised."""

from dataclasses import replace
from typing import Any

import pytest

from tintype_catalog.sizes import Size
from tintype_gateway.images.container import read_header
from tintype_gateway.storage.image_tools import ImageTools
from tintype_gateway.upstream.finish import finish, inspect, needs_finish
from tintype_gateway.values.events import FinishedCall
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_gateway.values.job import Encoding
from tintype_gateway.values.upstream import PlannedCall
from tintype_simulator.painting.content_credentials import with_manifest
from tintype_testing.builders import plan, route
from tintype_testing.sample_images import drawn, encoded, sample_image

TOOLS = ImageTools()


def result_of(*texts: bytes, rest_refused: bool = False) -> CallResult:
    return CallResult(tuple(map(GeneratedImage, texts)), rest_refused=rest_refused)


async def finished(
    first: int, asked: int, made: CallResult, encoding: Encoding | None = None, **options: Any
) -> FinishedCall:
    bought = plan(**options)
    bought = replace(bought, job=replace(bought.job, encoding=encoding))
    planned = PlannedCall(first, asked, bought.job)
    inspected = await inspect(planned, route(), made, bought, TOOLS)
    return await finish(inspected, bought, TOOLS) if needs_finish(bought) else inspected


async def fault(made: CallResult) -> UpstreamFault:
    with pytest.raises(UpstreamFault) as caught:
        await finished(0, 2, made)
    return caught.value


async def test_format_and_size_are_those_of_the_image_itself() -> None:
    call = await finished(
        4, 2, result_of(sample_image("webp", 30, 20), sample_image("png", 10, 40))
    )
    assert (call.first, call.asked, call.refused) == (4, 2, 0)
    found = [(image.format, image.size) for image in call.images]
    assert found == [("webp", Size(30, 20)), ("png", Size(10, 40))]


async def test_an_image_passes_through_untouched() -> None:
    made = result_of(sample_image())
    call = await finished(0, 1, made)
    assert call.result is made
    assert call.images[0].image is made.images[0]


async def test_an_image_without_a_conversion_is_not_decoded() -> None:
    whole = sample_image("png", 640, 480)
    middle = len(whole) // 8 * 4
    opaque = whole[:middle] + b"!" * 400 + whole[middle:]
    call = await finished(0, 1, result_of(opaque))
    assert call.images[0].image.base64 is opaque


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
async def test_an_image_that_breaks_off_is_a_fault(form: str) -> None:
    whole = sample_image(form)
    broken = await fault(result_of(whole[: len(whole) // 8 * 4]))
    assert broken.kind == "outcome_unknown"


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
async def test_the_watermark_tells_whether_there_is_a_manifest(form: str) -> None:
    plain = drawn(form, 64, 48)
    made = result_of(encoded(with_manifest(plain, form)), encoded(plain))
    call = await finished(0, 2, made, of={"watermark": "c2pa"})
    assert [image.watermark for image in call.images] == ["c2pa", "none"]


async def test_usual_images_take_no_thread_and_unusual_ones_do() -> None:
    tools = ImageTools()
    tools.converter.close()
    bought = plan(watermark="c2pa")
    planned = PlannedCall(0, 1, bought.job)
    usual = [drawn(form, 64, 48) for form in ("png", "jpeg", "webp")]
    unusual = usual[1][:20] + b"junk" + usual[1][20:]

    call = await inspect(planned, route(), result_of(*map(encoded, usual)), bought, tools)
    assert [image.format for image in call.images] == ["png", "jpeg", "webp"]
    with pytest.raises(RuntimeError, match="after shutdown"):
        await inspect(planned, route(), result_of(encoded(unusual)), bought, tools)
    assert (await finished(0, 1, result_of(encoded(unusual)))).images[0].size == (64, 48)


@pytest.mark.parametrize("mark", ["synthid", "provenance", "none"])
async def test_of_marks_in_the_pixels_the_model_tells(mark: str) -> None:
    call = await finished(0, 1, result_of(sample_image()), of={"watermark": mark})
    assert call.images[0].watermark == mark


@pytest.mark.parametrize(
    ("mark", "left"), [("c2pa", "none"), ("synthid", "synthid"), ("provenance", "provenance")]
)
async def test_a_conversion_costs_an_image_its_manifest_and_no_other_mark(
    mark: str, left: str
) -> None:
    marked = encoded(with_manifest(drawn("png", 64, 48), "png"))
    encoding = Encoding("jpeg")
    call = await finished(0, 1, result_of(marked), encoding, of={"watermark": mark})
    (image,) = call.images
    assert (image.format, image.size, image.watermark) == ("jpeg", Size(64, 48), left)
    assert read_header(image.image.base64).format == "jpeg"


@pytest.mark.parametrize("encoding", [Encoding("jpeg"), Encoding("jpeg", 50, by_provider=True)])
async def test_an_image_that_has_the_format_already_passes_through(encoding: Encoding) -> None:
    text = sample_image("jpeg")
    call = await finished(0, 1, result_of(text), encoding)
    assert call.images[0].image.base64 is text


async def test_an_image_that_the_provider_did_not_compress_is_compressed() -> None:
    text = sample_image("jpeg", quality=100)
    call = await finished(0, 1, result_of(text), Encoding("jpeg", 10))
    assert len(call.images[0].image.base64) < len(text)


async def test_a_provider_that_ignores_the_format_is_no_reason_to_fail() -> None:
    call = await finished(0, 1, result_of(sample_image("png")), Encoding("webp", by_provider=True))
    assert call.images[0].format == "webp"


async def test_a_response_without_an_image_is_a_fault() -> None:
    assert (await fault(result_of())).kind == "outcome_unknown"


@pytest.mark.parametrize("text", [b"", b"AAA", b"AAAA" * 20, b"iVBORw0KGgo=", sample_image()[:24]])
async def test_a_response_with_something_else_is_a_fault_even_beside_an_image(text: bytes) -> None:
    broken = await fault(result_of(sample_image(), text))
    assert broken.kind == "outcome_unknown"
    assert "is not an image" in broken.message


@pytest.mark.parametrize(("given", "refused"), [(0, 3), (1, 2), (3, 0), (4, 0)])
async def test_a_missing_image_counts_as_refused_if_the_provider_says_so(
    given: int, refused: int
) -> None:
    call = await finished(0, 3, result_of(*[sample_image()] * given, rest_refused=True))
    assert isinstance(call, FinishedCall)
    assert (len(call.images), call.refused) == (given, refused)
