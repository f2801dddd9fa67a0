"""Images as they pass from a provider to a client."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from tintype_catalog.costs import TokenUsage
from tintype_catalog.image_model import Watermark
from tintype_catalog.sizes import Size


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """One image as a provider gave it: base64 text that is never decoded on the way."""

    base64: bytes | memoryview = field(repr=False)
    revised_prompt: str | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """An image that is still being made, as a provider showed it."""

    base64: bytes | memoryview = field(repr=False)
    created: int = 0
    """The provider's own time stamp in Unix seconds, 0 where it gives none."""

    background: str | None = None
    quality: str | None = None


@dataclass(frozen=True, slots=True)
class CallResult:
    """What one call to a provider gave."""

    images: tuple[GeneratedImage, ...]
    created: int = 0
    """The provider's own time stamp in Unix seconds, 0 where it gives none."""

    usage: TokenUsage | None = None
    usage_unusable: bool = False
    """Whether the provider counts tokens, and not in a way that a price can be meant for."""

    background: str | None = None
    quality: str | None = None
    rest_refused: bool = False
    """Whether the images that were asked for and are not here were refused for their content."""

    refusal_reasons: tuple[str, ...] = ()
    """Why they were refused, in the provider's words: the last reason is that of all the rest."""

    partial_images: int = 0
    """How many previews came before the images."""


@dataclass(frozen=True, slots=True)
class FinishedImage:
    """One image as the client gets it."""

    image: GeneratedImage
    format: str
    size: Size
    watermark: Watermark
    """What these very bytes carry, which a conversion may have taken from the provider's."""

    url: str | None = None
    """Where the image can be fetched, in the place of its base64."""

    name: str | None = None
    """Its name in the image store, if it is there."""


@dataclass(frozen=True, slots=True)
class PassingImage:
    """An image whose header has arrived, and whose other bytes follow."""

    format: str
    size: Size
    pieces: AsyncGenerator[bytes, None] = field(repr=False)
    """Its base64. It ends early where the provider's response does: how that ended comes next."""


@dataclass(frozen=True, slots=True)
class PassedThrough:
    """An image that was handed on while it was read."""

    placeholder: bytes = field(repr=False)
    """Stands for its base64 in what is left of the provider's response."""

    format: str
    size: Size
    watermark: Watermark
