"""What Schemathesis must know beyond the document: the models, and the form of an image."""

import io
from typing import Any

import schemathesis
from PIL import Image
from schemathesis import GenerationMode

from tintype_testing.edit_requests import data_url


def png(alpha: int) -> bytes:
    """Return a small image of one color and one transparency."""
    file = io.BytesIO()
    Image.new("RGBA", (16, 16), (0, 128, 128, alpha)).save(file, "png")
    return file.getvalue()


IMAGE, MASK = png(255), png(0)


@schemathesis.hook
def before_call(context: Any, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Name the one model of the catalog, and send images, in every body that is meant to be right.

    No schema says what bytes are an image.
    """
    del context, kwargs
    is_meant = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    body: Any = case.body
    if not is_meant or not isinstance(body, dict):
        return
    if isinstance(body.get("model"), str):
        body["model"] = "canvas"
    if "images" in body:
        body["images"] = [data_url(IMAGE)]
    if case.media_type == "multipart/form-data":
        body.pop("image[]", None)
        body["image"] = IMAGE
    if body.get("mask") is not None:
        body["mask"] = data_url(MASK) if "images" in body else MASK
