"""OpenAI's image edits, asked by OpenAI's own client."""

import asyncio
import base64
import io
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, NotFoundError, OpenAI
from openai.types import (
    Image,
    ImageEditCompletedEvent,
    ImageEditPartialImageEvent,
    ImagesResponse,
)
from PIL import Image as PillowImage

from tests.simulator.edits import HOLE, SIZE, changed_box, file, mask, mean_color, nearest, plain
from tintype_simulator.openai.models import MODELS
from tintype_simulator.painting.edits import stripe_boxes
from tintype_simulator.painting.references import marked_band
from tintype_testing.recording_simulator import RecordingSimulator, recording_simulator
from tintype_testing.simulators import file_of, opened

COLORS = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}
EDITING = [name for name, model in MODELS.items() if model.family.edits]


def png(content: bytes, name: str = "photo.png") -> tuple[str, bytes, str]:
    """Return a file as the client takes one whose type is declared."""
    return name, content, "image/png"


async def edited(client: AsyncOpenAI, **fields: Any) -> ImagesResponse:
    """Return the response to an edit with gpt-image-2, unless the fields name another model."""
    given = {"model": "gpt-image-2", "prompt": "make it dusk", "quality": "low"} | fields
    response: ImagesResponse = await client.images.edit(**given)
    return response


def image_of(response: ImagesResponse) -> PillowImage.Image:
    """Return the one image of a response."""
    assert response.data is not None
    [entry] = response.data
    return opened(file_of(entry))


@pytest.mark.parametrize("model", EDITING)
async def test_every_editing_model_returns_an_image_like_its_input(
    client: AsyncOpenAI, model: str
) -> None:
    response = await edited(
        client, model=model, image=png(plain("red", (256, 256))), size="1024x1024", quality="auto"
    )

    image = image_of(response)
    assert (image.format, image.size) == ("PNG", (1024, 1024))
    assert nearest(mean_color(image), COLORS) == "red"


@pytest.mark.parametrize("kind", ["path", "file", "named stream", "tuple"])
async def test_an_image_may_come_in_every_form_that_names_a_type(
    client: AsyncOpenAI, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(plain("red"))
    stream = io.BytesIO(plain("red"))
    stream.name = "photo.png"

    with path.open("rb") as open_file:
        given = {"path": path, "file": open_file, "named stream": stream}
        response = await edited(client, image=given.get(kind, png(plain("red"))))

    assert image_of(response).size == SIZE


async def test_the_synchronous_client_is_served_as_well(simulator: str) -> None:
    def ask() -> PillowImage.Image:
        with OpenAI(base_url=f"{simulator}/v1", api_key="key", max_retries=0) as client:
            return image_of(
                client.images.edit(
                    model="gpt-image-2", prompt="make it dusk", image=png(plain("red"))
                )
            )

    assert (await asyncio.to_thread(ask)).size == SIZE


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
async def test_an_image_may_have_every_format_that_openai_names(
    client: AsyncOpenAI, form: str
) -> None:
    upload = (f"photo.{form}", plain("red", form=form), f"image/{form}")

    assert nearest(mean_color(image_of(await edited(client, image=upload))), COLORS) == "red"


async def test_with_a_mask_only_its_transparent_region_changes(client: AsyncOpenAI) -> None:
    source = plain("red")

    image = image_of(await edited(client, image=png(source), mask=png(mask())))

    assert changed_box(image, opened(source)) == HOLE


@pytest.mark.parametrize("under", ["black", "white", "lime"])
async def test_only_the_alpha_of_a_mask_counts(client: AsyncOpenAI, under: str) -> None:
    source = plain("red")

    image = image_of(await edited(client, image=png(source), mask=png(mask(under=under))))

    assert changed_box(image, opened(source)) == HOLE


async def test_several_inputs_leave_their_marks_in_order(client: AsyncOpenAI) -> None:
    order = ["blue", "red", "lime", "white"]

    image = image_of(await edited(client, image=[png(plain(color)) for color in order]))

    assert shown_in(image, stripe_boxes(marked_band((0, 0, *SIZE)), 4)) == order
    assert nearest(mean_color(image), COLORS) == "blue"


async def test_with_a_mask_the_marks_are_in_its_region(client: AsyncOpenAI) -> None:
    order = ["blue", "red", "lime"]

    image = image_of(
        await edited(client, image=[png(plain(color)) for color in order], mask=png(mask()))
    )

    assert shown_in(image, stripe_boxes(marked_band(HOLE), 3)) == order
    assert changed_box(image, opened(plain("blue"))) == HOLE


def shown_in(image: PillowImage.Image, boxes: list[tuple[int, int, int, int]]) -> list[str]:
    """Return the names of the colors in these boxes."""
    return [nearest(mean_color(image, box), COLORS) for box in boxes]


async def test_sixteen_images_are_taken(client: AsyncOpenAI) -> None:
    small = png(plain("red", (32, 32)))

    response = await edited(client, image=[png(plain("red")), *[small] * 15])

    assert response.usage is not None
    assert response.usage.input_tokens_details.image_tokens == 640 + 15 * 4


@pytest.mark.parametrize(
    ("model", "source", "size"),
    [
        ("gpt-image-2", (1040, 640), "1040x640"),
        ("gpt-image-2", (300, 200), "1536x1024"),
        ("gpt-image-1", (1200, 1600), "1024x1536"),
        ("gpt-image-1", (500, 500), "1024x1024"),
    ],
)
async def test_a_size_that_is_left_open_follows_the_first_image(
    client: AsyncOpenAI, model: str, source: tuple[int, int], size: str
) -> None:
    response = await edited(client, model=model, image=png(plain("red", source)))

    assert response.size == size


async def test_the_response_reports_image_and_text_tokens(client: AsyncOpenAI) -> None:
    response = await edited(
        client,
        model="gpt-image-1.5",
        image=[png(plain("red", (1024, 1024))), png(plain("red", (1536, 1024)))],
        size="1024x1024",
    )

    assert response.usage is not None
    details = response.usage.input_tokens_details
    assert (details.text_tokens, details.image_tokens) == (3 + 30, 194 + 323)
    assert response.usage.input_tokens == 3 + 30 + 194 + 323
    assert response.usage.total_tokens == response.usage.input_tokens + 272


@pytest.mark.parametrize(("fidelity", "tokens"), [("low", 194), ("high", 4354)])
async def test_high_input_fidelity_costs_more(
    client: AsyncOpenAI, fidelity: str, tokens: int
) -> None:
    response = await edited(
        client,
        model="gpt-image-1",
        image=png(plain("red", (1024, 1024))),
        input_fidelity=fidelity,
        size="1024x1024",
    )

    assert response.usage is not None
    assert response.usage.input_tokens_details.image_tokens == tokens


async def test_the_input_is_counted_for_each_image(client: AsyncOpenAI) -> None:
    single = await edited(client, image=png(plain("red")))
    double = await edited(client, image=png(plain("red")), n=2)

    assert single.usage is not None
    assert double.usage is not None
    assert double.usage.input_tokens == 2 * single.usage.input_tokens


async def test_a_prompt_with_the_word_cached_reports_cached_tokens(client: AsyncOpenAI) -> None:
    response = await edited(client, prompt="a cached fox", image=png(plain("red")))

    assert response.usage is not None
    assert response.usage.to_dict()["cached_tokens_details"] == {
        "cached_text_tokens": (3 + 16) // 2,
        "cached_image_tokens": 640 // 2,
    }


async def test_the_fields_of_generations_apply(client: AsyncOpenAI) -> None:
    response = await edited(
        client,
        model="gpt-image-1.5",
        image=png(plain("red")),
        n=2,
        size="1024x1024",
        background="transparent",
        output_format="webp",
        output_compression=40,
        user="u-1",
        extra_body={"complexity": "low", "moderation": "low"},
    )

    assert response.data is not None
    first, second = (opened(file_of(entry)) for entry in response.data)
    assert first.tobytes() != second.tobytes()
    assert (first.format, first.mode) == ("WEBP", "RGBA")
    assert (response.background, response.output_format) == ("transparent", "webp")
    assert response.safety_identifier == "u-1"


@pytest.mark.parametrize("partial_images", [0, 2])
async def test_an_edit_can_be_streamed(client: AsyncOpenAI, partial_images: int) -> None:
    stream = await client.images.edit(
        model="gpt-image-2",
        prompt="make it dusk",
        image=png(plain("red")),
        quality="low",
        stream=True,
        partial_images=partial_images,
    )
    *partials, last = [event async for event in stream]

    assert [event.type for event in partials] == ["image_edit.partial_image"] * partial_images
    assert all(isinstance(event, ImageEditPartialImageEvent) for event in partials)
    assert isinstance(last, ImageEditCompletedEvent)
    assert last.type == "image_edit.completed"
    assert opened(file_of(Image(b64_json=last.b64_json))).size == SIZE
    assert last.usage.input_tokens_details.image_tokens == 640


async def test_an_overlay_guides_what_changes(client: AsyncOpenAI) -> None:
    source = plain("red")
    overlay = PillowImage.new("RGBA", SIZE)
    overlay.paste((0, 0, 0, 255), HOLE)

    image = image_of(
        await edited(
            client, model="gpt-image-2.5-flare", image=png(source), markup=png(file(overlay))
        )
    )

    assert changed_box(image, opened(source)) == HOLE


async def test_without_a_mask_dall_e_2_takes_the_alpha_of_the_image(client: AsyncOpenAI) -> None:
    source = mask((512, 512), under="red")

    image = image_of(
        await edited(client, model="dall-e-2", image=png(source), size="512x512", quality="auto")
    )

    assert changed_box(image, PillowImage.new("RGB", (512, 512), "red")) == HOLE


async def test_a_json_body_holds_images_as_data_urls(client: AsyncOpenAI) -> None:
    def url(content: bytes) -> dict[str, str]:
        return {"image_url": f"data:image/png;base64,{base64.b64encode(content).decode()}"}

    body = {
        "model": "gpt-image-2",
        "prompt": "make it dusk",
        "images": [url(plain("red")), url(plain("blue"))],
        "mask": url(mask()),
        "quality": "low",
        "moderation": "low",
    }

    response = await client.post("/images/edits", body=body, cast_to=ImagesResponse)

    assert changed_box(image_of(response), opened(plain("red"))) == HOLE


async def test_variations_respond_as_a_retired_endpoint(client: AsyncOpenAI) -> None:
    with (
        pytest.warns(DeprecationWarning, match="deprecated"),
        pytest.raises(NotFoundError, match="deprecated") as refused,
    ):
        await client.images.create_variation(image=plain("red", (256, 256)))

    assert refused.value.code == "model_not_found"


@pytest.fixture
async def recording() -> Any:
    """A simulator that records what arrives."""
    async with recording_simulator() as running:
        yield running


async def test_a_recording_holds_the_parts_of_a_form_in_their_order(
    recording: RecordingSimulator,
) -> None:
    async with AsyncOpenAI(base_url=f"{recording.url}/v1", api_key="k", max_retries=0) as client:
        first, second = plain("red"), plain("blue", form="jpeg")
        await edited(
            client, image=[png(first), ("b.jpg", second, "image/jpeg")], mask=png(mask(), "m.png")
        )

    [call] = recording.calls
    assert call.content_length == len(call.body)
    texts = [part.name for part in call.parts if part.filename is None]
    files = [part for part in call.parts if part.filename is not None]
    assert texts == ["prompt", "model", "quality"]
    assert [(part.name, part.filename, part.content_type) for part in files] == [
        ("image[]", "photo.png", "image/png"),
        ("image[]", "b.jpg", "image/jpeg"),
        ("mask", "m.png", "image/png"),
    ]
    assert [part.content for part in files] == [first, second, mask()]
