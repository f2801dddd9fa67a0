"""Edits to send: a model that is soon done with them, and forms as bytes."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from PIL import Image

from tintype_testing.gateway import canvas
from tintype_testing.manifests import Manifest, changed

OPERATIONS: Mapping[str, Any] = {
    "generation": {},
    "edit": {"mask": "Optional", "inputFormats": ["png"]},
    "variation": {"inputFormats": ["png"], "defaultPrompt": "the same again"},
}
"""What the model `canvas` is asked for: its provider takes one square PNG."""

BOUNDARY = "b-0"


def editing_canvas(**spec: Any) -> list[Manifest]:
    """Return the model `canvas`, which also edits and varies images."""
    model, binding = canvas(**spec)
    return [changed(model, "spec.operations", dict(OPERATIONS)), binding]


def square(color: str = "teal", edge: int = 64) -> bytes:
    """Return a square PNG of one color."""
    return _png(Image.new("RGB", (edge, edge), color))


def hole(edge: int = 64) -> bytes:
    """Return a mask whose left half may change."""
    mask = Image.new("RGBA", (edge, edge), (255, 255, 255, 255))
    mask.paste((255, 255, 255, 0), (0, 0, edge // 2, edge))
    return _png(mask)


def data_url(image: bytes) -> dict[str, str]:
    """Return an image as a JSON body has it."""
    return {"image_url": f"data:image/png;base64,{base64.b64encode(image).decode()}"}


class Part(NamedTuple):
    """A field of a form."""

    name: str
    content: str | bytes
    filename: str | None = None
    """A file has one."""


def form(parts: Sequence[Part], boundary: str = BOUNDARY) -> bytes:
    """Return a form with these parts in their order."""
    pieces = []
    for part in parts:
        file = "" if part.filename is None else f'; filename="{part.filename}"'
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{part.name}"{file}\r\n\r\n'
        content = part.content.encode() if isinstance(part.content, str) else part.content
        pieces += [head.encode(), content, b"\r\n"]
    return b"".join([*pieces, f"--{boundary}--\r\n".encode()])


def media_type(boundary: str = BOUNDARY) -> str:
    """Return the Content-Type of a form."""
    return f"multipart/form-data; boundary={boundary}"


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "png")
    return file.getvalue()
