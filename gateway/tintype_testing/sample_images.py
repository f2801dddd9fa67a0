"""Real images, as providers send them: made by Pillow, in base64."""

import base64
import io
import struct
from typing import Any

from PIL import Image


def encoded(image: bytes) -> bytes:
    """Return the base64 text of an image's bytes."""
    return base64.b64encode(image)


def sample_image(form: str = "png", width: int = 64, height: int = 48, **options: Any) -> bytes:
    """Return an image in base64, where `options` are those of Pillow's writer."""
    return encoded(drawn(form, width, height, **options))


def drawn(form: str, width: int, height: int, *, mode: str = "RGB", **options: Any) -> bytes:
    """Return the bytes of an image of one colour."""
    buffer = io.BytesIO()
    Image.new(mode, (width, height), "teal").save(buffer, form, **options)
    return buffer.getvalue()


def png_chunk(name: bytes, content: bytes = b"") -> bytes:
    """Return a chunk of a PNG, with a checksum of zeros."""
    return struct.pack(">I", len(content)) + name + content + b"\0\0\0\0"
