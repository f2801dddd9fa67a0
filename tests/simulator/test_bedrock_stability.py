from typing import Any

import pytest

from tests.simulator.aws import CORE, images, invoked, refused
from tintype_simulator.bedrock.models import MODELS, STABILITY
from tintype_simulator.bedrock.stability_bodies import RATIOS

ULTRA = "stability.stable-image-ultra-v1:0"
SD35 = "stability.sd3-5-large-v1:0"
GENERATORS = [
    model.id for model in MODELS.values() if model.provider == STABILITY and not model.service
]

FOX = {"prompt": "a red fox"}

COMPLAINTS: list[tuple[str, dict[str, Any], str]] = [
    (CORE, {}, "#: required key [prompt] not found"),
    (CORE, {"prompt": None}, "#/prompt: expected type: String, found: Null"),
    (CORE, {"prompt": "x" * 10_001}, "#/prompt: expected maxLength: 10000, actual: 10001"),
    (
        CORE,
        FOX | {"negative_prompt": []},
        "#/negative_prompt: expected type: String, found: JSONArray",
    ),
    (CORE, FOX | {"aspect_ratio": "4:3"}, "#/aspect_ratio: 4:3 is not a valid enum value"),
    (CORE, FOX | {"mode": "image-to-image"}, "#/mode: image-to-image is not a valid enum value"),
    (CORE, FOX | {"image": "AAAA"}, "#: extraneous key [image] is not permitted"),
    (CORE, FOX | {"n": 2}, "#: extraneous key [n] is not permitted"),
    (CORE, FOX | {"style_preset": "anime"}, "#: extraneous key [style_preset] is not permitted"),
    (CORE, FOX | {"seed": -1}, "#/seed: -1 is not greater or equal to 0"),
    (CORE, FOX | {"seed": "7"}, "#/seed: expected type: Integer, found: String"),
    (ULTRA, FOX | {"seed": 4_294_967_296}, "#/seed: 4294967296 is not less or equal to 4294967295"),
    (SD35, FOX | {"seed": 4_294_967_295}, "#/seed: 4294967295 is not less or equal to 4294967294"),
    (CORE, FOX | {"output_format": "webp"}, "#/output_format: webp is not a valid enum value"),
    (SD35, FOX | {"output_format": "gif"}, "#/output_format: gif is not a valid enum value"),
]


@pytest.mark.parametrize("model", GENERATORS)
async def test_every_model_paints_one_square_png_and_returns_its_seed(
    simulator: str, model: str
) -> None:
    response = await invoked(simulator, model, FOX)

    assert [(image.format, image.size) for image in images(response)] == [("PNG", (1024, 1024))]
    assert response["finish_reasons"] == [None]
    (seed,) = response["seeds"]
    assert 0 < seed < 2**32


@pytest.mark.parametrize("ratio", RATIOS)
async def test_an_image_has_the_requested_aspect_ratio(simulator: str, ratio: str) -> None:
    response = await invoked(simulator, CORE, FOX | {"aspect_ratio": ratio})

    (image,) = images(response)
    wide, high = map(int, ratio.split(":"))
    assert image.size == RATIOS[ratio]
    assert image.width / image.height == pytest.approx(wide / high, rel=0.05)
    assert {640 <= edge <= 1536 for edge in image.size} == {True}


@pytest.mark.parametrize(
    ("model", "output_format", "expected"),
    [
        (CORE, "png", "PNG"),
        (CORE, "JPEG", "JPEG"),
        (ULTRA, "jpeg", "JPEG"),
        (SD35, "webp", "WEBP"),
    ],
)
async def test_an_image_has_the_requested_format_in_any_case(
    simulator: str, model: str, output_format: str, expected: str
) -> None:
    response = await invoked(simulator, model, FOX | {"output_format": output_format})

    assert [image.format for image in images(response)] == [expected]


async def test_a_seed_repeats_the_image_and_another_seed_changes_it(
    simulator: str,
) -> None:
    first, again, other = [
        await invoked(simulator, CORE, FOX | {"seed": seed}) for seed in (7, 7, 8)
    ]

    assert first == again
    assert (first["seeds"], other["seeds"]) == ([7], [8])
    assert first["images"] != other["images"]


async def test_each_request_without_a_seed_gets_another_seed(simulator: str) -> None:
    first, second = [await invoked(simulator, CORE, FOX) for _ in range(2)]

    assert first["seeds"] != second["seeds"]
    assert first["images"] != second["images"]


async def test_the_returned_seed_repeats_the_image(simulator: str) -> None:
    silent, zero = [await invoked(simulator, CORE, FOX | fields) for fields in ({}, {"seed": 0})]

    again = await invoked(simulator, CORE, FOX | {"seed": silent["seeds"][0]})

    assert silent == zero == again


async def test_another_prompt_has_another_seed(simulator: str) -> None:
    responses = [
        await invoked(simulator, CORE, body)
        for body in (FOX, {"prompt": "a blue fox"}, FOX | {"negative_prompt": "snow"})
    ]

    assert len({response["seeds"][0] for response in responses}) == 3
    assert len({response["images"][0] for response in responses}) == 3


@pytest.mark.parametrize("prompt", ["", "x" * 10_000, "狐 \ud83e"])
async def test_any_prompt_up_to_its_limit_is_painted(simulator: str, prompt: str) -> None:
    assert len(images(await invoked(simulator, CORE, {"prompt": prompt}))) == 1


@pytest.mark.parametrize(("model", "body", "complaint"), COMPLAINTS)
async def test_a_body_that_breaks_the_schema_is_refused_by_pointer(
    simulator: str, model: str, body: dict[str, Any], complaint: str
) -> None:
    message = f"Malformed input request: {complaint}, please reformat your input and try again."

    assert await refused(simulator, model, body) == (400, "ValidationException", message)


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("a forbidden fox", "Filter reason: prompt"),
        ("a flagged fox", "Filter reason: output image"),
        ("a half-flagged fox", "Filter reason: output image"),
    ],
)
async def test_a_refusal_is_a_success_without_seeds_and_images(
    simulator: str, prompt: str, reason: str
) -> None:
    assert await invoked(simulator, CORE, {"prompt": prompt}) == {"finish_reasons": [reason]}
