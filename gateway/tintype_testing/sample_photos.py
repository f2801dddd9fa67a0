"""Photos and masks as people upload them: made by Pillow, with all that cameras and editors add."""

import io
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, Image

from tintype_gateway.values.content import BytesContent, Upload

SECRET = "Rue de la Paix 5"
"""A text in all metadata of these photos."""


def scene(width: int = 48, height: int = 32) -> Image.Image:
    """Return an image whose every corner has another color, so that a turn shows."""
    image = Image.new("RGB", (2, 2))
    for at, color in zip(
        ((0, 0), (1, 0), (0, 1), (1, 1)),
        ((200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30)),
        strict=True,
    ):
        image.putpixel(at, color)
    return image.resize((width, height), Image.Resampling.BILINEAR)


def exif(orientation: int = 1) -> Image.Exif:
    """Return metadata with this orientation, a place and an address."""
    data = Image.Exif()
    data[ExifTags.Base.Orientation] = orientation
    data[ExifTags.Base.ImageDescription] = SECRET
    place = data.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef] = "N"
    place[ExifTags.GPS.GPSLatitude] = (48.0, 52.0, 7.0)
    return data


def file_of(image: Image.Image, form: str, **options: Any) -> bytes:
    """Return the file of an image, where `options` are those of Pillow's writer."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def stored_for(image: Image.Image, orientation: int) -> Image.Image:
    """Return what a camera stores, so that a viewer that turns it by `orientation` sees `image`."""
    transpose = Image.Transpose
    turned: Mapping[int, Image.Transpose] = {
        2: transpose.FLIP_LEFT_RIGHT,
        3: transpose.ROTATE_180,
        4: transpose.FLIP_TOP_BOTTOM,
        5: transpose.TRANSPOSE,
        6: transpose.ROTATE_90,
        7: transpose.TRANSVERSE,
        8: transpose.ROTATE_270,
    }
    return image.transpose(turned[orientation]) if orientation in turned else image


def photo(form: str = "jpeg", orientation: int = 1, size: tuple[int, int] = (48, 32)) -> bytes:
    """Return a photo with EXIF and other metadata, which shows `scene` upright."""
    options: dict[str, Any] = {"exif": exif(orientation)}
    match form:
        case "jpeg":
            options |= {"quality": 95, "comment": SECRET, "xmp": xmp()}
        case "webp":
            options |= {"lossless": True, "xmp": xmp()}
    return file_of(stored_for(scene(*size), orientation), form, **options)


def xmp() -> bytes:
    """Return XMP metadata with the address."""
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{SECRET}</x:xmpmeta>'.encode()


def heic(image: Image.Image, orientation: int = 1) -> bytes:
    """Return a photo in HEIC, with the box by which phones say how to turn it."""
    import pillow_heif  # of the tests only: its wheels have an encoder

    file = io.BytesIO()
    stored = pillow_heif.from_pillow(stored_for(image, orientation))
    stored.info["exif"] = exif(orientation).tobytes()
    stored.save(file, quality=95)
    return file.getvalue()


def multi_image_jpeg(image: Image.Image) -> bytes:
    """Return a JPEG that a smaller second image follows, as phones write them (MPO)."""
    options = {"save_all": True, "append_images": [image.resize((8, 8))], "exif": exif()}
    return file_of(image, "mpo", quality=95, **options)


def upload(data: bytes, param: str = "image") -> Upload:
    """Return a file as a request has it."""
    return Upload(BytesContent(data), param)


def opened(data: bytes) -> Image.Image:
    """Return the image of a file, decoded."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
