"""Stability's image services and image-to-image, measured by the pixels that they change."""

import base64
from typing import Any

import pytest
from PIL import Image, ImageChops

from tests.simulator.aws import images, invoked
from tests.simulator.edited import changed, is_box, mask, photo, share_changed, text
from tintype_simulator.bedrock.models import SERVICE_REGIONS
from tintype_simulator.bedrock.stability_bodies import SERVICES

SIZE = (96, 128)
BOX = (20, 30, 60, 100)
PHOTO = photo(SIZE)
WHITE_BOX = mask("white", BOX, "black", SIZE)
SD35 = "stability.sd3-5-large-v1:0"
MAGENTA = Image.new("RGB", SIZE, "magenta")

EVERY_FIELD: dict[str, dict[str, Any]] = {
    "stable-image-inpaint": {"prompt": "a door", "mask": text(WHITE_BOX), "grow_mask": 0},
    "stable-image-erase-object": {"mask": text(WHITE_BOX), "grow_mask": 20, "seed": 7},
    "stable-outpaint": {
        "left": 8,
        "right": 0,
        "up": 2000,
        "down": 16,
        "prompt": "a beach",
        "creativity": 0.1,
        "style_preset": "anime",
        "seed": 7,
    },
    "stable-image-search-replace": {
        "prompt": "a cat",
        "search_prompt": "the dog",
        "grow_mask": 5,
        "negative_prompt": "fog",
        "style_preset": "origami",
    },
    "stable-image-search-recolor": {
        "prompt": "blue",
        "select_prompt": "the car",
        "grow_mask": 5,
        "seed": 4_294_967_294,
    },
    "stable-image-remove-background": {},
    "stable-image-control-sketch": {"prompt": "a castle", "control_strength": 0.7},
    "stable-image-control-structure": {"prompt": "a castle", "control_strength": 1},
    "stable-image-style-guide": {"prompt": "a castle", "aspect_ratio": "16:9", "fidelity": 0.5},
    "stable-style-transfer": {
        "style_image": text(photo((64, 64))),
        "prompt": "a statue",
        "composition_fidelity": 0.9,
        "style_strength": 1,
        "change_strength": 0.9,
        "negative_prompt": "fog",
        "seed": 1,
    },
    "stable-creative-upscale": {"prompt": "a cat", "creativity": 0.5, "style_preset": "anime"},
    "stable-conservative-upscale": {"prompt": "a cat", "creativity": 0.35, "seed": 3},
    "stable-fast-upscale": {},
}
"""Fields beside the image, for each service."""

SIZES = {
    "stable-outpaint": (104, 2144),
    "stable-image-style-guide": (1344, 768),
    "stable-creative-upscale": (2660, 3547),
    "stable-conservative-upscale": (2660, 3547),
    "stable-fast-upscale": (384, 512),
}
"""The sizes of outputs that are not those of the inputs."""


def profile(service: str) -> str:
    """Return the id of a service's inference profile."""
    return f"us.stability.{service}-v1:0"


async def responded(simulator: str, service: str, **body: Any) -> dict[str, Any]:
    """Return the response of a service to a body."""
    return await invoked(simulator, profile(service), body)


async def edited(simulator: str, service: str, **body: Any) -> Image.Image:
    """Return the one image of a response."""
    (image,) = images(await responded(simulator, service, **body))
    return image


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_takes_all_its_fields_and_gives_one_image(
    simulator: str, service: str
) -> None:
    name = "init_image" if service == "stable-style-transfer" else "image"
    body = {name: text(PHOTO), "output_format": "jpeg", **EVERY_FIELD[service]}

    response = await responded(simulator, service, **body)

    (image,) = images(response)
    assert (image.format, image.size) == ("JPEG", SIZES.get(service, SIZE))
    assert response["finish_reasons"] == [None]
    assert len(response["seeds"]) == 1


@pytest.mark.parametrize("region", SERVICE_REGIONS)
@pytest.mark.parametrize("prefix", ["us.", "arn:aws:bedrock:us-east-2:1234:inference-profile/us."])
async def test_a_profile_can_be_called_from_three_regions(
    simulator: str, region: str, prefix: str
) -> None:
    model = f"{prefix}stability.stable-image-erase-object-v1:0"

    response = await invoked(simulator, model, {"image": text(PHOTO)}, region=region)

    assert len(response["images"]) == 1


@pytest.mark.parametrize(
    ("service", "fields"),
    [("stable-image-inpaint", {"prompt": "a door"}), ("stable-image-erase-object", {})],
)
async def test_a_mask_changes_white_pixels(
    simulator: str, service: str, fields: dict[str, str]
) -> None:
    image = await edited(simulator, service, image=text(PHOTO), mask=text(WHITE_BOX), **fields)

    assert is_box(changed(PHOTO, image), BOX)


async def test_a_mask_of_another_size_is_resized(simulator: str) -> None:
    half = WHITE_BOX.resize((SIZE[0] // 2, SIZE[1] // 2), Image.Resampling.NEAREST)

    image = await edited(
        simulator,
        "stable-image-erase-object",
        image=text(PHOTO),
        mask=text(half, "webp", lossless=True),
    )

    differing = changed(PHOTO, image).getbbox()
    assert differing is not None
    assert all(abs(a - b) <= 2 for a, b in zip(differing, BOX, strict=True))


async def test_a_gray_mask_changes_the_more_the_lighter_it_is(simulator: str) -> None:
    changes = []
    for shade in (0, 64, 128, 255):
        gray = Image.new("L", SIZE, shade)
        image = await edited(
            simulator, "stable-image-erase-object", image=text(PHOTO), mask=text(gray), seed=1
        )
        difference = ImageChops.difference(PHOTO, image).convert("L")
        changes.append(difference.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))

    assert changes[0] == 0
    assert changes == sorted(set(changes))  # type: ignore[type-var]


async def test_without_a_mask_the_transparent_pixels_of_the_image_change(simulator: str) -> None:
    holed = PHOTO.convert("RGBA")
    holed.putalpha(mask("black", BOX, "white", SIZE).convert("L"))

    image = await edited(simulator, "stable-image-inpaint", prompt="a door", image=text(holed))

    assert is_box(changed(PHOTO, image), BOX)


async def test_a_mask_wins_over_the_alpha_of_the_image(simulator: str) -> None:
    clear = PHOTO.convert("RGBA")
    clear.putalpha(0)

    image = await edited(
        simulator, "stable-image-erase-object", image=text(clear), mask=text(WHITE_BOX)
    )

    assert is_box(changed(PHOTO, image), BOX)


async def test_outpaint_keeps_the_image_and_grows_its_sides(simulator: str) -> None:
    image = await edited(
        simulator, "stable-outpaint", image=text(PHOTO), left=10, right=20, up=30, down=40
    )

    assert image.size == (SIZE[0] + 30, SIZE[1] + 70)
    assert changed(PHOTO, image.crop((10, 30, 10 + SIZE[0], 30 + SIZE[1]))).getbbox() is None


@pytest.mark.parametrize(
    ("service", "fields"),
    [
        ("stable-image-search-replace", {"search_prompt": "the dog"}),
        ("stable-image-search-recolor", {"select_prompt": "the dog"}),
    ],
)
async def test_a_search_changes_only_the_found_object(
    simulator: str, service: str, fields: dict[str, str]
) -> None:
    image = await edited(simulator, service, prompt="a cat", image=text(PHOTO), **fields)

    assert 0.1 < share_changed(PHOTO, image) < 0.25


@pytest.mark.parametrize("output_format", ["png", "webp"])
async def test_remove_background_leaves_transparent_pixels(
    simulator: str, output_format: str
) -> None:
    image = await edited(
        simulator,
        "stable-image-remove-background",
        image=text(PHOTO),
        output_format=output_format,
    )

    assert image.mode == "RGBA"
    assert image.getpixel((0, 0))[3] == 0  # type: ignore[index]


async def test_style_transfer_follows_its_style_image(simulator: str) -> None:
    red, blue = [
        await edited(
            simulator,
            "stable-style-transfer",
            init_image=text(PHOTO),
            style_image=text(Image.new("RGB", (64, 64), color)),
            seed=1,
        )
        for color in ("red", "blue")
    ]

    assert red.size == blue.size == SIZE
    assert share_changed(red, blue) > 0.9


async def test_fast_upscale_gives_files_as_large_as_real_ones(simulator: str) -> None:
    source = text(photo((768, 768)), "jpeg")

    response = await responded(simulator, "stable-fast-upscale", image=source)

    (image,) = images(response)
    assert image.size == (3072, 3072)
    assert len(response["images"][0]) > 10_000_000


@pytest.mark.parametrize(
    ("size", "expected"), [((1280, 720), (4096, 2304)), ((64, 64), (3072, 3072))]
)
async def test_the_other_upscalers_give_4k(
    simulator: str, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    image = await edited(
        simulator,
        "stable-conservative-upscale",
        prompt="a cat",
        image=text(photo(size), "jpeg"),
        output_format="jpeg",
    )

    assert image.size == expected


async def test_image_to_image_changes_the_more_the_higher_its_strength(simulator: str) -> None:
    source = photo((640, 704))
    body = {"prompt": "a cat", "mode": "image-to-image", "image": text(source), "seed": 1}

    unchanged, half, new = [
        images(await invoked(simulator, SD35, body | {"strength": strength}))[0]
        for strength in (0, 0.5, 1)
    ]

    assert unchanged.size == half.size == new.size == source.size
    assert changed(source, unchanged).getbbox() is None
    assert share_changed(source, half) > 0.99
    assert changed(half, new).getbbox() is not None


@pytest.mark.parametrize(
    ("fields", "stage"),
    [
        ({"prompt": "a forbidden door"}, "prompt"),
        ({"prompt": "a flagged door"}, "output image"),
        ({"prompt": "a door", "image": text(MAGENTA)}, "input image"),
        ({"prompt": "a door", "image": text(MAGENTA, "jpeg")}, "input image"),
    ],
)
async def test_a_refusal_is_a_success_without_seeds_and_images(
    simulator: str, fields: dict[str, str], stage: str
) -> None:
    body = {"image": text(PHOTO), "mask": text(WHITE_BOX)} | fields

    response = await responded(simulator, "stable-image-inpaint", **body)

    assert response == {"finish_reasons": [f"Filter reason: {stage}"]}


async def test_a_seed_repeats_an_image(simulator: str) -> None:
    body = {"prompt": "a door", "image": text(PHOTO), "mask": text(WHITE_BOX)}
    first = await responded(simulator, "stable-image-inpaint", **body)
    second = await responded(simulator, "stable-image-inpaint", **body)

    again = await responded(simulator, "stable-image-inpaint", **body, seed=first["seeds"][0])

    assert first["images"] != second["images"]
    assert base64.b64decode(again["images"][0]) == base64.b64decode(first["images"][0])
