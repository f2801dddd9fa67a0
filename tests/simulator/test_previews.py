"""GIF and SVG, the formats that OpenAI previews."""

import base64
import io
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import AsyncOpenAI, BadRequestError
from openai.types import ImagesResponse
from PIL import Image

from tests.simulator.edits import plain
from tintype_simulator.painting.previews import animated_gif, vector_image
from tintype_simulator.painting.renderer import ImageSpec
from tintype_testing.simulators import file_of

MODEL = "gpt-image-2.6-flare"


async def generated(client: AsyncOpenAI, **extra: Any) -> ImagesResponse:
    """Return the response to a small generation with these fields."""
    return await client.images.generate(
        model=MODEL, prompt="a red fox", size="1024x640", quality="low", extra_body=extra
    )


async def test_a_gif_has_the_frames_that_were_asked_for(client: AsyncOpenAI) -> None:
    response = await generated(client, output_format="gif", frame_count=3, frame_duration_ms=104)

    assert response.data is not None
    image = Image.open(io.BytesIO(file_of(response.data[0])))
    assert (image.format, image.size) == ("GIF", (1024, 640))
    assert (getattr(image, "n_frames", 1), image.info["duration"]) == (3, 100)
    assert response.output_format == "gif"


def test_the_time_of_a_frame_ends_at_what_a_gif_can_say() -> None:
    image = Image.linear_gradient("L").rotate(90)

    content = animated_gif(image, 2, 2**31 - 1)

    assert Image.open(io.BytesIO(content)).info["duration"] == 655_350


async def test_an_svg_is_one_of_the_requested_size(client: AsyncOpenAI) -> None:
    response = await generated(client, output_format="svg", svg={"model": "author-1"})

    assert response.data is not None
    root = ElementTree.fromstring(file_of(response.data[0]))  # noqa: S314 - we painted it
    assert (root.get("width"), root.get("height")) == ("1024", "640")
    assert response.svg_usage is not None
    assert response.svg_usage.model == "author-1"


async def test_an_edited_svg_shows_the_colors_of_its_inputs(client: AsyncOpenAI) -> None:
    inputs = [("a.png", plain(color, (64, 64)), "image/png") for color in ("red", "blue")]

    response = await client.images.edit(
        model=MODEL, prompt="a red fox", image=inputs, extra_body={"output_format": "svg"}
    )

    assert response.data is not None
    root = ElementTree.fromstring(file_of(response.data[0]))  # noqa: S314 - we painted it
    assert [element.get("fill") for element in root][-2:] == ["#ff0000", "#0000ff"]


@given(st.text(max_size=100))
def test_any_prompt_makes_a_well_formed_svg(prompt: str) -> None:
    content = vector_image(ImageSpec(prompt, prompt, 64, 64))

    assert ElementTree.fromstring(content).tag.endswith("svg")  # noqa: S314 - we painted it


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"output_format": "gif", "frame_count": 17}, "frame_count"),
        ({"output_format": "png", "frame_count": 3}, "frame_count"),
        ({"output_format": "gif", "stream": True}, "stream"),
        ({"output_format": "gif", "output_compression": 50}, "output_compression"),
        ({"output_format": "gif", "background": "transparent"}, "background"),
        ({"output_format": "svg", "n": 2}, "n"),
        ({"output_format": "webp", "svg": {"model": "m"}}, "svg"),
        ({"output_format": "svg", "svg": {}}, "svg.model"),
        ({"output_format": "svg", "svg": {"model": "m", "size": 1}}, "svg.size"),
        (
            {"output_format": "svg", "svg": {"model": "m", "reasoning": {"effort": "most"}}},
            "svg.reasoning.effort",
        ),
    ],
)
async def test_options_that_exclude_previews_are_refused(
    client: AsyncOpenAI, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(BadRequestError) as refused:
        await generated(client, **fields)

    assert refused.value.param == param


async def test_a_gif_takes_no_mask(client: AsyncOpenAI) -> None:
    image = base64.b64encode(plain("red", (64, 64))).decode()
    reference = {"image_url": f"data:image/png;base64,{image}"}
    body = {"model": MODEL, "prompt": "x", "images": [reference], "mask": reference}

    with pytest.raises(BadRequestError, match="GIF"):
        await client.post("/images/edits", body={**body, "output_format": "gif"}, cast_to=object)
