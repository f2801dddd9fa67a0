"""Whether a provider's pictures are what was promised."""

import pytest

from tests.gateway.builders import plan
from tests.gateway.pictures import picture
from tintype_catalog.sizes import Size
from tintype_gateway.stages.finish import finish
from tintype_gateway.values import (
    FinishedCall,
    GeneratedImage,
    Generation,
    PlannedCall,
    UpstreamFault,
    UpstreamRequest,
)


def generation(*texts: bytes, rest_refused: bool = False) -> Generation:
    return Generation(tuple(map(GeneratedImage, texts)), rest_refused=rest_refused)


async def finished(first: int, asked: int, made: Generation) -> FinishedCall:
    upstream = UpstreamRequest("http://127.0.0.1", {}, b"", 1)
    return await finish(PlannedCall(first, asked, upstream), made, plan())


async def fault(made: Generation) -> UpstreamFault:
    with pytest.raises(UpstreamFault) as caught:
        await finished(0, 2, made)
    return caught.value


async def test_format_and_size_are_those_of_the_picture_itself() -> None:
    call = await finished(4, 2, generation(picture("webp", 30, 20), picture("png", 10, 40)))
    assert (call.first, call.asked, call.refused) == (4, 2, 0)
    found = [(image.format, image.size) for image in call.images]
    assert found == [("webp", Size(30, 20)), ("png", Size(10, 40))]


async def test_a_picture_passes_through_untouched() -> None:
    made = generation(picture())
    call = await finished(0, 1, made)
    assert call.generation is made
    assert call.images[0].image is made.images[0]


async def test_an_answer_without_a_picture_is_a_fault() -> None:
    assert (await fault(generation())).kind == "outcome_unknown"


@pytest.mark.parametrize("text", [b"", b"AAA", b"AAAA" * 20, b"iVBORw0KGgo=", picture()[:24]])
async def test_an_answer_with_something_else_is_a_fault_even_beside_a_picture(text: bytes) -> None:
    broken = await fault(generation(picture(), text))
    assert (broken.kind, broken.unprocessed) == ("outcome_unknown", False)
    assert "is no picture" in broken.message


@pytest.mark.parametrize(("given", "refused"), [(0, 3), (1, 2), (3, 0), (4, 0)])
async def test_what_is_not_there_was_refused_where_the_provider_says_so(
    given: int, refused: int
) -> None:
    call = await finished(0, 3, generation(*[picture()] * given, rest_refused=True))
    assert isinstance(call, FinishedCall)
    assert (len(call.images), call.refused) == (given, refused)
