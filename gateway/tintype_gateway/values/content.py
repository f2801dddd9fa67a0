"""Bytes of images that may be too many for memory: what a client uploads, and what a provider gets.

They stay where the request's spool put them, and are read in steps, by threads.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tintype_catalog.sizes import Size


class Content(Protocol):
    """Bytes that do not change, in memory or in a file."""

    @property
    def length(self) -> int:
        """How many bytes it has."""

    @property
    def sha256(self) -> str:
        """The SHA-256 of its bytes, in hexadecimal."""

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset` on: fewer only where the content ends before.

        It may block: call it in a thread.

        Raises:
            ValueError: The request that it belongs to has ended.
            OSError: Its file cannot be read.
        """


@dataclass(frozen=True, slots=True)
class BytesContent:
    """Content in memory."""

    data: bytes = field(repr=False)
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha256", hashlib.sha256(self.data).hexdigest())

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset` on."""
        return self.data[offset : offset + length]


@dataclass(frozen=True, slots=True)
class Upload:
    """An image as the client sent it, of any format, and not yet looked at."""

    content: Content
    param: str
    """Its field in the request, for messages: `image`, `image[2]` or `mask`; in a JSON body
    `images[2].image_url` or `mask.image_url`."""


@dataclass(frozen=True, slots=True)
class InputImage:
    """An image as the provider gets it: upright, in a format that it takes, without metadata."""

    content: Content
    format: str
    """`png`, `jpeg`, `webp` or `heic`."""

    size: Size
    """In pixels, upright."""


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A body without images: the text of a JSON document."""

    text: bytes = field(repr=False)

    @property
    def images(self) -> tuple[Upload, ...]:
        """Its images: none."""
        return ()

    @property
    def mask(self) -> Upload | None:
        """Its mask: none."""
        return None

    @property
    def digest(self) -> str:
        """A digest of the body, in hexadecimal."""
        return hashlib.sha256(self.text).hexdigest()


@dataclass(frozen=True, slots=True)
class UploadedForm:
    """A multipart body: its texts as they came, and its files."""

    texts: tuple[tuple[str, str], ...] = field(repr=False)
    """Names and texts of the fields, in their order."""

    images: tuple[Upload, ...]
    mask: Upload | None
    digest: str
    """See `digest_of`."""


@dataclass(frozen=True, slots=True)
class UploadedDocument:
    """A body with images, whichever form it came in: its other fields as JSON values, and files."""

    fields: Mapping[str, object] = field(repr=False)
    images: tuple[Upload, ...]
    mask: Upload | None
    digest: str
    """See `digest_of`."""


RequestBody = JsonBody | UploadedDocument
"""What the body of a request holds, read to its end."""


def digest_of(
    fields: Iterable[tuple[str, str]], images: Sequence[Upload], mask: Upload | None
) -> str:
    """Return a digest of what a body says, in hexadecimal.

    It depends on texts, on images and their order, and on which of them is the mask. It does not
    depend on the boundary, on names and types of files, or on the order of fields of different
    names, so that it is the same for a request that is sent again.
    """
    told = {
        "fields": sorted(fields, key=lambda each: each[0]),  # stable: `a[]` keep their order
        "images": [image.content.sha256 for image in images],
        "mask": mask and mask.content.sha256,
    }
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
