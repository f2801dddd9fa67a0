"""Images on their path from a provider to a client."""

from collections.abc import AsyncGenerator
from dataclasses import field
from decimal import Decimal
from typing import NamedTuple

from tintype_catalog.costs import TokenUsage
from tintype_catalog.image_model import Watermark
from tintype_catalog.sizes import Size
from tintype_gateway.frozen import frozen_value


@frozen_value(frozen=True, slots=True)
class GeneratedImage:
    """One image from a provider: base64 text, which is not decoded unless it must be converted."""

    base64: bytes | memoryview = field(repr=False)
    revised_prompt: str | None = None
    seed: int | None = None
    url: str | None = None
    """The URL of an image that is still to be fetched, whose base64 is empty."""


@frozen_value(frozen=True, slots=True)
class Preview:
    """A preview of an unfinished image from a provider."""

    base64: bytes | memoryview = field(repr=False)
    created: int = 0
    """The provider's timestamp in Unix seconds, or 0."""

    background: str | None = None
    quality: str | None = None


class CallResult(NamedTuple):
    """The result of one call to a provider."""

    images: tuple[GeneratedImage, ...]
    created: int = 0
    """The provider's timestamp in Unix seconds, or 0."""

    usage: TokenUsage | None = None
    usage_unusable: bool = False
    """Whether the provider reported token counts that cannot be priced."""

    background: str | None = None
    quality: str | None = None
    rest_refused: bool = False
    """Whether the provider refused the missing images for their content."""

    refusals_charged: bool = False
    """Whether the provider charges for images that it made and refused."""

    refusal_reasons: tuple[str, ...] = ()
    """The provider's reasons for the refusals; the last one applies to all remaining images."""

    partial_images: int = 0
    """The number of previews before the images."""

    milliseconds: int = 0
    """The time that the gateway waited for the provider, without any for a slow client."""

    provider_milliseconds: int | None = None
    """The time that the provider says it took. None if it does not say."""

    cost_usd: Decimal | None = None
    """What the provider says that it charges for the call, in USD, unchecked. None if it does not
    say."""


@frozen_value(frozen=True, slots=True)
class FinishedImage:
    """One image for the client."""

    image: GeneratedImage
    format: str
    size: Size | None
    """In pixels; None for an SVG that states none."""

    watermark: Watermark
    """The watermark in these bytes; a conversion may have removed some marks."""

    url: str | None = None
    """The URL of the image, in place of its base64."""

    name: str | None = None
    """Its name in the image store, if it is stored."""


@frozen_value(frozen=True, slots=True)
class PassingImage:
    """An image that passes through: the header has arrived, and the other bytes follow."""

    format: str
    size: Size
    pieces: AsyncGenerator[bytes | memoryview, None] = field(repr=False)
    """The base64. It ends early if the provider's response does; the next event is the failure."""

    milliseconds: int = 0
    """The time that the gateway has waited for the provider so far."""

    longest: int | None = None
    """The most bytes of the base64 of a first image: what remains of the response, if that is
    known."""


@frozen_value(frozen=True, slots=True)
class PassedThrough:
    """An image that was passed through."""

    placeholder: bytes = field(repr=False)
    """The placeholder for its base64 in the rest of the provider's response."""

    format: str
    size: Size
    watermark: Watermark
