"""Images for the tests: small files of a known size."""

import base64
import io

from PIL import Image


def image(width: int, height: int) -> str:
    """Return a blank PNG in base64."""
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, "png")
    return base64.b64encode(file.getvalue()).decode()
