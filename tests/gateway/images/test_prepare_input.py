"""An uploaded image as a provider gets it: judged by Pillow, which decodes what is sent."""

import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageCms

from tintype_catalog.operations import OperationRule
from tintype_catalog.sizes import Size
from tintype_gateway.images.converter import Converter
from tintype_gateway.images.input import Prepared, prepare_input
from tintype_gateway.images.input_error import InputImageError
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
    upload,
    xmp,
)

RULE = OperationRule()
ANY = OperationRule(input_formats=("png", "jpeg", "webp"))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def bytes_of(prepared: Prepared) -> bytes:
    content = prepared.image.content
    return content.read(0, content.length)


def prepared_file(data: bytes, rule: OperationRule = RULE, **options: Any) -> bytes:
    return bytes_of(prepare_input(upload(data), rule, **options))


def difference(first: Image.Image, second: Image.Image) -> int:
    """Return the largest difference of a channel of two images of one size."""
    assert first.size == second.size
    channels = ImageChops.difference(first.convert("RGB"), second.convert("RGB")).getextrema()
    return max(int(high) for _, high in channels)  # type: ignore[misc]  # of an RGB image


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_every_orientation_is_made_upright(form: str, orientation: int) -> None:
    prepared = prepare_input(upload(photo(form, orientation)), RULE)
    result = opened(bytes_of(prepared))
    assert prepared.image.size == prepared.sent == Size(48, 32)
    assert difference(result, scene()) < 30
    assert 0x112 not in result.getexif()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_heic_is_converted_upright(orientation: int) -> None:
    prepared = prepare_input(upload(heic(scene(), orientation)), RULE)
    assert prepared.image.format == "jpeg"
    assert difference(opened(bytes_of(prepared)), scene()) < 30


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_no_metadata_reach_a_provider(form: str, orientation: int) -> None:
    data = photo(form, orientation)
    assert SECRET.encode() in data
    result = prepared_file(data, ANY)
    assert SECRET.encode() not in result
    assert not opened(result).getexif()


@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_removing_metadata_leaves_every_pixel_as_it_was(form: str) -> None:
    data = photo(form)
    result = prepared_file(data, ANY)
    assert len(result) < len(data)
    assert opened(result).tobytes() == opened(data).tobytes()


@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_a_color_profile_is_kept(form: str) -> None:
    data = file_of(scene(), form, icc_profile=SRGB, exif=exif())
    assert opened(prepared_file(data, ANY)).info["icc_profile"] == SRGB
    turned = file_of(stored_for(scene(), 6), form, icc_profile=SRGB, exif=exif(6))
    assert opened(prepared_file(turned, ANY)).info["icc_profile"] == SRGB


@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_an_image_without_metadata_is_passed_as_it_is(form: str) -> None:
    sent = upload(file_of(scene(), form))
    assert prepare_input(sent, ANY).image.content is sent.content


def test_bytes_after_the_end_of_an_image_are_removed() -> None:
    for form in ("jpeg", "png", "webp"):
        data = file_of(scene(), form)
        assert prepared_file(data + SECRET.encode(), ANY) == data


def test_text_chunks_of_a_png_are_removed() -> None:
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text("parameters", SECRET)
    texts.add_itxt("XML:com.adobe.xmp", xmp().decode())
    result = prepared_file(file_of(scene(), "png", pnginfo=texts))
    assert SECRET.encode() not in result
    assert result == file_of(scene(), "png")


def test_thumbnails_of_a_jpeg_are_removed() -> None:
    data = photo()
    at = data.index(b"JFIF\0") - 4
    length = int.from_bytes(data[at + 2 : at + 4])
    thumbnail = SECRET.encode().ljust(3 * 3 * 3)
    segment = data[at : at + 2] + (length + 27).to_bytes(2) + data[at + 4 : at + length]
    stuffed = data[:at] + segment + b"\3\3" + thumbnail + data[at + 2 + length :]
    assert opened(stuffed).size == (48, 32)
    result = prepared_file(stuffed)
    assert SECRET.encode() not in result
    assert opened(result).tobytes() == opened(data).tobytes()


@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_metadata_are_kept_on_request(form: str) -> None:
    assert prepared_file(photo(form), ANY, keep_metadata=True) == photo(form)
    turned = opened(prepared_file(photo(form, 6), ANY, keep_metadata=True)).getexif()
    assert turned[0x10E] == SECRET
    assert 0x112 not in turned


def test_of_a_multi_image_jpeg_the_first_image_is_sent_untouched() -> None:
    data = multi_image_jpeg(scene())
    assert opened(data).format == "MPO"
    for keep_metadata in (False, True):
        result = opened(prepared_file(data, keep_metadata=keep_metadata))
        assert result.format == "JPEG"
        assert result.tobytes() == opened(data).tobytes()


def test_cmyk_becomes_rgb() -> None:
    prepared = prepare_input(upload(file_of(scene().convert("CMYK"), "jpeg", quality=95)), RULE)
    result = opened(bytes_of(prepared))
    assert (prepared.image.format, result.mode) == ("jpeg", "RGB")
    assert difference(result, scene()) < 30


@pytest.mark.parametrize("profile", [b"no profile", SRGB])
def test_cmyk_with_a_useless_profile_becomes_rgb_all_the_same(profile: bytes) -> None:
    data = file_of(scene().convert("CMYK"), "jpeg", quality=95, icc_profile=profile)
    result = opened(prepared_file(data))
    assert difference(result, scene()) < 30
    assert "icc_profile" not in result.info


def test_a_palette_becomes_rgb_or_rgba() -> None:
    plain = scene().quantize(16)
    assert difference(opened(prepared_file(file_of(plain, "png"))), plain.convert("RGB")) == 0
    keyed = opened(prepared_file(file_of(plain, "png", transparency=plain.getpixel((0, 0)))))
    assert keyed.mode == "RGBA"
    assert keyed.getpixel((0, 0))[3] == 0  # type: ignore[index]  # of an RGBA image
    assert keyed.getpixel((47, 31))[3] == 255  # type: ignore[index]


def test_sixteen_bits_of_gray_become_eight() -> None:
    deep = Image.new("I;16", (48, 32), 40_000)
    assert opened(prepared_file(file_of(deep, "png"))).getpixel((5, 5)) == (156, 156, 156)


def test_a_gif_of_one_frame_becomes_a_png() -> None:
    flat = scene().quantize(16)
    prepared = prepare_input(upload(file_of(flat, "gif")), RULE)
    assert prepared.image.format == "png"
    assert difference(opened(bytes_of(prepared)), flat.convert("RGB")) == 0


@pytest.mark.parametrize("form", ["png", "gif", "webp"])
def test_animations_are_refused(form: str) -> None:
    other = scene().transpose(Image.Transpose.ROTATE_180)
    data = file_of(scene(), form, save_all=True, append_images=[other], duration=100)
    with pytest.raises(InputImageError, match="`image` is animated"):
        prepare_input(upload(data), ANY)


def test_transparency_becomes_white_where_the_model_refuses_it_and_is_reported() -> None:
    image = Image.new("RGBA", (48, 32), (0, 0, 255, 0))
    image.paste((255, 0, 0, 255), (0, 0, 24, 32))
    prepared = prepare_input(upload(file_of(image, "png")), OperationRule(opaque=True))
    result = opened(bytes_of(prepared))
    assert result.mode == "RGB"
    assert (result.getpixel((0, 0)), result.getpixel((47, 0))) == ((255, 0, 0), (255, 255, 255))
    assert prepared.adjustments == ("image=transparent->opaque",)


def test_an_opaque_alpha_channel_is_dropped_without_a_word() -> None:
    data = file_of(scene().convert("RGBA"), "png")
    prepared = prepare_input(upload(data), OperationRule(opaque=True))
    assert prepared.adjustments == ()
    assert opened(bytes_of(prepared)).mode == "RGB"


def test_lenient_handling_makes_a_photo_smaller() -> None:
    rule = OperationRule(max_edge=400)
    data = photo("jpeg", 6, size=(800, 600))
    with pytest.raises(InputImageError, match="is 800x600 pixels"):
        prepare_input(upload(data), rule)
    prepared = prepare_input(upload(data, "image[1]"), rule, lenient=True)
    assert prepared.adjustments == ("image[1]=800x600->400x300",)
    assert (prepared.sent, prepared.image.size) == (Size(800, 600), Size(400, 300))
    assert difference(opened(bytes_of(prepared)), scene(400, 300)) < 30


def noise(width: int = 160, height: int = 120) -> Image.Image:
    return Image.merge("RGB", [Image.effect_noise((width, height), 90) for _ in range(3)])


def test_lenient_handling_makes_files_of_too_many_bytes_smaller() -> None:
    data = file_of(noise(), "png")
    rule = OperationRule(max_bytes=4000, input_formats=("png",))
    with pytest.raises(InputImageError, match="this model takes at most 4000"):
        prepare_input(upload(data), rule)
    prepared = prepare_input(upload(data), rule, lenient=True)
    assert prepared.image.content.length <= 4000
    assert prepared.adjustments == (f"image=160x120->{prepared.image.size}",)


def test_a_reencoded_file_uses_a_lower_quality_before_it_is_refused() -> None:
    data = file_of(noise(), "webp", lossless=True)
    best = len(prepared_file(data, OperationRule(input_formats=("jpeg",))))
    prepared = prepare_input(upload(data), OperationRule(max_bytes=best * 85 // 100))
    assert prepared.image.format == "jpeg"
    assert prepared.image.size == Size(160, 120)


def test_a_file_that_never_becomes_small_enough_is_refused() -> None:
    rule = OperationRule(max_bytes=300, min_edge=100)
    with pytest.raises(InputImageError, match="too many bytes"):
        prepare_input(upload(file_of(noise(), "png")), rule, lenient=True)


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "gif", "heic"])
def test_damaged_pixels_are_concealed_or_refused(form: str) -> None:
    source = noise()
    whole = heic(source) if form == "heic" else file_of(source, form)
    at = len(whole) // 3
    damaged = whole[:at] + bytes(len(whole) // 3) + whole[at + len(whole) // 3 :]
    rule = OperationRule(max_edge=100)
    with suppress(InputImageError):
        prepared = prepare_input(upload(damaged), rule, lenient=True)
        assert prepared.image.size == Size(100, 75)  # decoders conceal some damage


def test_a_heic_that_lies_about_its_size_is_refused() -> None:
    small, large = (64).to_bytes(4) * 2, (128).to_bytes(4) * 2
    data = heic(scene(128, 128)).replace(large, small)
    with pytest.raises(InputImageError, match="damaged"):
        prepare_input(upload(data), RULE)


async def test_work_is_done_in_the_converter_s_threads() -> None:
    converter = Converter(1)
    try:
        prepared = await converter.run(prepare_input, upload(photo(orientation=3)), RULE)
    finally:
        converter.close()
    assert difference(opened(bytes_of(prepared)), scene()) < 30


@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_decoding_takes_no_more_memory_than_was_computed(form: str) -> None:
    program = f"""
import io, resource
from PIL import Image
from tintype_catalog.operations import OperationRule
from tintype_gateway.images.input import apply, inspect_input, plan_input
from tintype_gateway.images.input_plan import bytes_to_decode
from tintype_testing.sample_photos import exif, file_of, photo, upload
apply_once = lambda sent: apply(
    sent, inspect_input(sent), plan_input(inspect_input(sent), RULE, param="image"), RULE
)
RULE = OperationRule(input_formats=("png",))
apply_once(upload(photo({form!r}, 6)))
tile = Image.merge("RGBA", [Image.effect_noise((200, 200), 90) for _ in range(4)])
image = Image.new("RGBA", (1800, 1400))
for x in range(0, 1800, 200):
    for y in range(0, 1400, 200):
        image.paste(tile, (x, y))
options = {{"jpeg": {{"quality": 80}}, "png": {{"compress_level": 1}}}}
options["webp"] = {{"lossless": True, "quality": 0, "method": 0}}
if {form!r} == "jpeg":
    image = image.convert("RGB")
sent = upload(file_of(image, {form!r}, exif=exif(6), **options[{form!r}]))
facts = inspect_input(sent)
preparation = plan_input(facts, RULE, param="image")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
def peak(): return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
before = peak()
apply(sent, facts, preparation, RULE)
print(bytes_to_decode(facts, preparation) - (peak() - before))
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) >= 0
