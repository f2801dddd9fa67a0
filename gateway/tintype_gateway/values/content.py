"""Image files that may be too large for memory: uploads of clients, and inputs for providers.

Their bytes stay in the request's spool. Threads read them in steps.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Protocol

from tintype_catalog.sizes import Size
from tintype_gateway.frozen import frozen_value


class Content(Protocol):
    """Immutable bytes, in memory or in a file."""

    @property
    def length(self) -> int:
        """The number of bytes."""

    @property
    def is_in_memory(self) -> bool:
        """Whether to read it does not block."""

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset` on: fewer only at the end of the content.

        Unless it is in memory, this blocks: call it in a thread.

        Raises:
            ValueError: The request of this content has ended.
            UnavailableError: Its file cannot be read.
        """


STEP_BYTES = 256 * 1024
"""The bytes that are read at once to hash them."""


def sha256_of(content: Content) -> str:
    """Return the SHA-256 of all bytes of a content, in hexadecimal. It reads them, and may block.

    Raises:
        ValueError: See `Content.read`, and so for UnavailableError.
    """
    digest = hashlib.sha256()
    for offset in range(0, content.length, STEP_BYTES):
        digest.update(content.read(offset, STEP_BYTES))
    return digest.hexdigest()


@frozen_value(frozen=True, slots=True)
class BytesContent:
    """Content in memory."""

    data: bytes = field(repr=False)

    @property
    def length(self) -> int:
        """The number of bytes."""
        return len(self.data)

    @property
    def is_in_memory(self) -> bool:
        """Whether to read it does not block: always."""
        return True

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset` on."""
        return self.data[offset : offset + length]


Keep = Callable[[bytes], Awaitable[Content]]
"""Keeps the bytes of a new image until the request ends."""


async def keep_in_memory(data: bytes) -> Content:
    """Return content in memory."""
    return BytesContent(data)


@frozen_value(frozen=True, slots=True)
class Upload:
    """An image as the client sent it, of any format, before any inspection."""

    content: Content
    param: str
    """Its field in the request, for messages: `image`, `image[2]` or `mask`; in a JSON body
    `images[2].image_url` or `mask.image_url`."""

    sha256: str = ""
    """The SHA-256 of its bytes, in hexadecimal; empty where nobody needs the body's digest."""


@frozen_value(frozen=True, slots=True)
class InputImage:
    """An image as the provider gets it: upright, in a format that it accepts, without metadata."""

    content: Content
    format: str
    """`png`, `jpeg`, `webp` or `heic`."""

    size: Size
    """The size in pixels, upright."""


@frozen_value(frozen=True, slots=True)
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
    def keep(self) -> Keep:
        """Keeps images that were made of its images, of which there are none."""
        return keep_in_memory

    @property
    def digest(self) -> str:
        """A digest of the body, in hexadecimal."""
        return hashlib.sha256(self.text).hexdigest()


@frozen_value(frozen=True, slots=True)
class UploadedForm:
    """A multipart body: its text fields as sent, and its files."""

    texts: tuple[tuple[str, str], ...] = field(repr=False)
    """Names and texts of the fields, in order."""

    images: tuple[Upload, ...]
    mask: Upload | None
    digest: str
    """See `digest_of`; empty where nobody needs it."""


@frozen_value(frozen=True, slots=True)
class UploadedDocument:
    """A body with images, from JSON or multipart: other fields as JSON values, and files."""

    fields: Mapping[str, object] = field(repr=False)
    images: tuple[Upload, ...]
    mask: Upload | None
    digest: str
    """See `digest_of`; empty where nobody needs it."""

    keep: Keep = field(default=keep_in_memory, repr=False)
    """Keeps an image that was made anew of one of these, where these are."""


RequestBody = JsonBody | UploadedDocument
"""The content of a request body, read to its end."""


def digest_of(
    fields: Iterable[tuple[str, str]], images: Sequence[Upload], mask: Upload | None
) -> str:
    """Return a digest of the meaning of a body, in hexadecimal.

    It depends on texts, on images and their order, and on which of them is the mask. It does not
    depend on the boundary, on names and types of files, or on the order of fields of different
    names, so that a repeated request has the same digest.
    """
    digested = {
        "fields": sorted(fields, key=lambda each: each[0]),  # a stable sort: `a[]` keep their order
        "images": [image.sha256 for image in images],
        "mask": mask and mask.sha256,
    }
    return hashlib.sha256(json.dumps(digested).encode()).hexdigest()
