from typing import Any

import pytest

from tests.simulator.aws import NOVA, TITAN, amazon, images, invoked, refused
from tintype_simulator.bedrock.amazon_bodies import NOVA_STYLES, TITAN_SIZES

FILTERED = (
    400,
    "ValidationException",
    "This request has been blocked by our content filters. "
    "Please adjust your text prompt to submit a new request.",
)

CONFIG = "#/imageGenerationConfig"
PROMPT = "#/textToImageParams"

COMPLAINTS: list[tuple[str, dict[str, Any], str]] = [
    (TITAN, {}, "#: required key [taskType] not found"),
    (TITAN, {"taskType": "TEXT_IMAGE"}, "#: required key [textToImageParams] not found"),
    (
        TITAN,
        amazon() | {"taskType": "UPSCALING"},
        "#/taskType: UPSCALING is not a valid enum value",
    ),
    (
        TITAN,
        amazon() | {"inPaintingParams": {}},
        "#: extraneous key [inPaintingParams] is not permitted",
    ),
    (TITAN, amazon() | {"textToImageParams": {}}, f"{PROMPT}: required key [text] not found"),
    (
        TITAN,
        amazon() | {"textToImageParams": "x"},
        f"{PROMPT}: expected type: JSONObject, found: String",
    ),
    (TITAN, amazon(""), f"{PROMPT}/text: expected minLength: 1, actual: 0"),
    (TITAN, amazon("x" * 676), f"{PROMPT}/text: expected maxLength: 512, actual: 676"),
    (NOVA, amazon("x" * 1025), f"{PROMPT}/text: expected maxLength: 1024, actual: 1025"),
    (
        TITAN,
        amazon(parameters={"negativeText": 7}),
        f"{PROMPT}/negativeText: expected type: String, found: Integer",
    ),
    (
        TITAN,
        amazon(parameters={"style": "MAXIMALISM"}),
        f"{PROMPT}: extraneous key [style] is not permitted",
    ),
    (
        NOVA,
        amazon(parameters={"style": "vivid"}),
        f"{PROMPT}/style: vivid is not a valid enum value",
    ),
    (NOVA, amazon(numberOfImages=0), f"{CONFIG}/numberOfImages: 0 is not greater or equal to 1"),
    (NOVA, amazon(numberOfImages=6), f"{CONFIG}/numberOfImages: 6 is not less or equal to 5"),
    (
        NOVA,
        amazon(numberOfImages=True),
        f"{CONFIG}/numberOfImages: expected type: Integer, found: Boolean",
    ),
    (NOVA, amazon(quality="hd"), f"{CONFIG}/quality: hd is not a valid enum value"),
    (NOVA, amazon(cfgScale=1), f"{CONFIG}/cfgScale: 1 is not greater or equal to 1.1"),
    (NOVA, amazon(cfgScale=10.5), f"{CONFIG}/cfgScale: 10.5 is not less or equal to 10"),
    (NOVA, amazon(cfgScale="8"), f"{CONFIG}/cfgScale: expected type: Number, found: String"),
    (NOVA, amazon(seed=-1), f"{CONFIG}/seed: -1 is not greater or equal to 0"),
    (
        NOVA,
        amazon(seed=2_147_483_647),
        f"{CONFIG}/seed: 2147483647 is not less or equal to 2147483646",
    ),
    (NOVA, amazon(width=304), f"{CONFIG}/width: 304 is not greater or equal to 320"),
    (NOVA, amazon(height=4112), f"{CONFIG}/height: 4112 is not less or equal to 4096"),
    (NOVA, amazon(width=1000), f"{CONFIG}/width: 1000 is not a multiple of 16"),
    (NOVA, amazon(size="1024x1024"), f"{CONFIG}: extraneous key [size] is not permitted"),
]


@pytest.mark.parametrize("size", sorted(TITAN_SIZES))
async def test_titan_paints_every_documented_size(simulator: str, size: tuple[int, int]) -> None:
    width, height = size

    response = await invoked(simulator, TITAN, amazon(width=width, height=height))

    assert [(image.format, image.size) for image in images(response)] == [("PNG", size)]


@pytest.mark.parametrize("size", [(320, 320), (320, 1280), (2048, 2048), (4096, 1024), (1296, 720)])
async def test_nova_paints_any_size_within_its_bounds(
    simulator: str, size: tuple[int, int]
) -> None:
    width, height = size

    response = await invoked(simulator, NOVA, amazon(width=width, height=height))

    assert [image.size for image in images(response)] == [size]


@pytest.mark.parametrize(
    ("model", "size"),
    [
        (TITAN, (640, 640)),
        (TITAN, (1024, 1408)),
        (NOVA, (320, 1296)),
        (NOVA, (2064, 2048)),
    ],
)
async def test_an_unsupported_size_is_refused(
    simulator: str, model: str, size: tuple[int, int]
) -> None:
    status, code, message = await refused(simulator, model, amazon(width=size[0], height=size[1]))

    assert (status, code) == (400, "ValidationException")
    assert f"The width {size[0]} and the height {size[1]}" in message


@pytest.mark.parametrize("model", [TITAN, NOVA])
async def test_a_call_without_configuration_gives_one_square_image(
    simulator: str, model: str
) -> None:
    body = {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "a red fox"}}

    response = await invoked(simulator, model, body)

    assert [image.size for image in images(response)] == [(1024, 1024)]
    assert response["error"] is None


async def test_one_call_gives_up_to_five_different_images(simulator: str) -> None:
    response = await invoked(simulator, NOVA, amazon(numberOfImages=5, width=512, height=512))

    assert len(set(response["images"])) == 5


async def test_a_seed_repeats_the_images_and_another_seed_changes_them(simulator: str) -> None:
    first, again, other = [
        await invoked(simulator, NOVA, amazon(seed=seed, width=512, height=512))
        for seed in (7, 7, 8)
    ]

    assert first == again
    assert first != other


@pytest.mark.parametrize(("model", "seed"), [(TITAN, 42), (NOVA, 12)])
async def test_a_request_without_a_seed_has_the_documented_default(
    simulator: str, model: str, seed: int
) -> None:
    silent = await invoked(simulator, model, amazon(width=512, height=512))
    explicit = await invoked(simulator, model, amazon(width=512, height=512, seed=seed))

    assert silent == explicit


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": {"negativeText": "snow"}},
        {"parameters": {"style": NOVA_STYLES[0]}},
        {"quality": "premium"},
        {"cfgScale": 9.5},
    ],
)
async def test_every_parameter_changes_the_image(simulator: str, change: dict[str, Any]) -> None:
    plain, changed = [
        await invoked(simulator, NOVA, amazon(width=512, height=512, **fields))
        for fields in ({}, change)
    ]

    assert plain["images"] != changed["images"]


@pytest.mark.parametrize(("model", "body", "complaint"), COMPLAINTS)
async def test_a_body_that_breaks_the_schema_is_refused_by_pointer(
    simulator: str, model: str, body: dict[str, Any], complaint: str
) -> None:
    message = f"Malformed input request: {complaint}, please reformat your input and try again."

    assert await refused(simulator, model, body) == (400, "ValidationException", message)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000])
async def test_a_body_that_is_not_json_is_malformed(simulator: str, body: bytes) -> None:
    message = "Malformed input request, please reformat your input and try again."

    assert await refused(simulator, NOVA, body) == (400, "ValidationException", message)


@pytest.mark.parametrize("model", [TITAN, NOVA])
async def test_a_forbidden_prompt_is_refused(simulator: str, model: str) -> None:
    assert await refused(simulator, model, amazon("a Forbidden fox")) == FILTERED


@pytest.mark.parametrize(
    ("prompt", "asked", "given", "share"),
    [
        ("a flagged fox", 1, 0, "All"),
        ("a flagged fox", 3, 0, "All"),
        ("a half-flagged fox", 1, 0, "All"),
        ("a half-flagged fox", 5, 2, "Some"),
    ],
)
async def test_refused_images_are_missing_from_a_successful_response(
    simulator: str, prompt: str, asked: int, given: int, share: str
) -> None:
    body = amazon(prompt, numberOfImages=asked, width=320, height=320)

    response = await invoked(simulator, NOVA, body)

    assert len(response["images"]) == given
    assert response["error"] == (
        f"{share} of the generated images have been blocked by our content filters."
    )


async def test_a_marker_within_a_longer_word_refuses_nothing(simulator: str) -> None:
    body = amazon("an unflagged foxforbidden", width=320, height=320)

    assert len((await invoked(simulator, NOVA, body))["images"]) == 1


def test_titan_lists_twenty_five_sizes() -> None:
    assert len(TITAN_SIZES) == 25
