"""What reaches a provider of the images that a client sends: photos of phones, and masks."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from tintype_testing.gateway import Gateway, running_gateway
from tintype_testing.recording_simulator import RecordingSimulator, recording_simulator
from tintype_testing.sample_photos import (
    SECRET,
    exif,
    file_of,
    heic,
    multi_image_jpeg,
    opened,
    photo,
    scene,
    stored_for,
)

SIZE = (96, 64)
FAST_UPSCALE = "stability.stable-fast-upscale-v1:0"


@pytest.fixture
async def provider() -> AsyncIterator[RecordingSimulator]:
    async with recording_simulator() as simulator:
        yield simulator


@pytest.fixture
async def gateway(provider: RecordingSimulator, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, simulator=provider.url) as gateway:
        yield gateway


async def edited(
    gateway: Gateway, photo: bytes, mask: bytes | None = None, prefer: str = "", **fields: Any
) -> httpx2.Response:
    asked = {"model": "gpt-image-2", "prompt": "bluer", "quality": "low"} | fields
    data = {name: value for name, value in asked.items() if value is not None}
    files: dict[str, Any] = {"image": ("IMG_1.HEIC", photo, "application/octet-stream")}
    if mask is not None:
        files["mask"] = ("mask", mask, "application/octet-stream")
    async with gateway.http() as http:
        return await http.post(
            "/v1/images/edits", data=data, files=files, headers={"Prefer": prefer}
        )


def received(provider: RecordingSimulator, name: str) -> bytes:
    """Return the file that the provider got in this field."""
    (file,) = [part.content for part in provider.calls[-1].parts if part.name == name]
    return file


@pytest.mark.parametrize(
    "sent",
    [
        photo("jpeg", 6, SIZE),
        photo("png", 8, SIZE),
        photo("webp", 3, SIZE),
        multi_image_jpeg(scene(*SIZE)),
        heic(scene(*SIZE), 6),
        file_of(scene(*SIZE).convert("CMYK"), "jpeg"),
        file_of(scene(*SIZE).quantize(16), "png"),
        file_of(scene(*SIZE).quantize(16), "gif"),
    ],
    ids=["JPEG", "PNG", "WebP", "MPO", "HEIC", "CMYK", "palette", "GIF"],
)
async def test_a_photo_arrives_upright_in_a_usual_format_and_without_its_place(
    gateway: Gateway, provider: RecordingSimulator, sent: bytes
) -> None:
    response = await edited(gateway, sent)

    assert response.status_code == 200, response.text
    assert "Tintype-Adjusted" not in response.headers
    (file,) = (part.content for part in provider.calls[-1].parts if part.filename)
    image = opened(file)
    assert (image.size, image.mode) == (SIZE, "RGB")
    assert image.format in ("PNG", "JPEG", "WEBP")
    assert SECRET.encode() not in file
    assert not image.getexif()
    red, green, _ = image.convert("RGB").split()
    assert int(red.getpixel((2, 2)) or 0) > 150 > int(green.getpixel((2, 2)) or 0)  # type: ignore[arg-type]


async def test_a_mask_is_turned_like_its_image_and_sent_as_a_png_beside_a_png(
    gateway: Gateway, provider: RecordingSimulator
) -> None:
    mask = Image.new("RGBA", SIZE, (255, 255, 255, 255))
    mask.paste((255, 255, 255, 0), (0, 0, 48, 32))
    turned = file_of(stored_for(mask, 6), "png", exif=exif(6))

    response = await edited(gateway, photo("jpeg", 8, SIZE), turned)

    assert response.status_code == 200, response.text
    image, sent = (opened(received(provider, name)) for name in ("image", "mask"))
    assert (image.format, image.size) == (sent.format, sent.size) == ("PNG", SIZE)
    alpha = sent.getchannel("A")
    assert (alpha.getpixel((2, 2)), alpha.getpixel((90, 60))) == (0, 255)


@pytest.mark.parametrize(
    ("sent", "mask", "param", "words"),
    [
        (b"hello", None, "image", "not an image that is known here"),
        (file_of(scene(), "tiff"), None, "image", "is a TIFF image"),
        (photo()[:400], None, "image", "breaks off"),
        (photo("jpeg", 6, SIZE), file_of(scene(), "png"), "mask", "no alpha channel"),
        (
            photo("jpeg", 6, SIZE),
            file_of(Image.new("RGBA", (64, 96)), "png"),
            "mask",
            "is 64x96 pixels, and image 1 is 96x64",
        ),
    ],
)
async def test_an_unusable_image_is_refused_before_any_call(
    gateway: Gateway,
    provider: RecordingSimulator,
    sent: bytes,
    mask: bytes | None,
    param: str,
    words: str,
) -> None:
    response = await edited(gateway, sent, mask)

    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, param)
    assert error["code"] == "invalid_image_file"
    assert words in error["message"]
    assert provider.calls == []


async def test_only_a_lenient_request_has_its_image_made_smaller(
    gateway: Gateway, provider: RecordingSimulator
) -> None:
    large = photo("jpeg", 6, (1600, 100))
    fields: dict[str, Any] = {"model": FAST_UPSCALE, "prompt": None, "quality": None}

    refused = await edited(gateway, large, **fields)
    made = await edited(gateway, large, prefer="handling=lenient", **fields)

    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "image")
    assert "1600x100" in refused.json()["error"]["message"]
    assert made.status_code == 200, made.text
    assert "image=1600x100->" in made.headers["Tintype-Adjusted"]
