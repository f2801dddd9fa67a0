"""The job of a request: what the gateway asks a provider for."""

from collections.abc import Mapping
from typing import Literal, get_args

from tintype_catalog.sizes import DEFAULT, Size, SizeChoice
from tintype_gateway.frozen import frozen_value
from tintype_gateway.values.content import InputImage

ConvertibleFormat = Literal["png", "jpeg", "webp"]
"""What the gateway converts images to."""

ImageFormat = Literal["png", "jpeg", "webp", "gif", "svg"]
"""What clients may ask for."""


@frozen_value(frozen=True, slots=True)
class Encoding:
    """The format of the images for the client."""

    format: ImageFormat
    compression: int | None = None
    """The quality of a jpeg or webp in percent; None: the best one."""

    by_provider: bool = False
    """Whether the provider makes this format, so that an image of the format needs no
    conversion."""

    @property
    def is_convertible(self) -> bool:
        """Whether the gateway can make images of the format, where the provider does not."""
        return self.format in get_args(ConvertibleFormat)

    def is_met_by(self, form: str) -> bool:
        """Return whether an image of this format needs no conversion."""
        recompressed = self.compression is not None and not self.by_provider
        return not recompressed and form == self.format


@frozen_value(frozen=True, slots=True)
class Job:
    """The request to a provider, in the model's own values."""

    prompt: str
    images: int
    size: SizeChoice
    parameters: Mapping[str, str | int]
    """The standard parameters that the model accepts, such as quality or seed."""

    extras: Mapping[str, object]
    """The provider parameters of the request."""

    adjustments: tuple[str, ...]
    """The adjustments: stripped, mapped or clamped values, such as `quality=standard->medium`."""

    streamed: bool = False
    """Whether the gateway asks for a stream of events, with one call for each image."""

    partial_images: int = 0
    """The requested number of previews of each image. The provider may send fewer."""

    encoding: Encoding | None = None
    """The format for the client; None: the provider's format."""

    task: str | None = None
    """The provider's name of the task, or None if its model has only one."""

    inputs: tuple[InputImage, ...] = ()
    """The input images; the first one is the one to change."""

    default_size: Size = DEFAULT
    """What the size `auto` means for a provider that does not know the word."""

    mask: InputImage | None = None
    """The area of the first input to change, in the dialect's mask convention."""

    def images_per_call(self, most: int) -> int:
        """Return the number of images of one call, for a model with this maximum.

        OpenAI streams one image a call, and makes one SVG a call.
        """
        is_svg = self.encoding is not None and self.encoding.format == "svg"
        return 1 if self.streamed or is_svg else most

    @property
    def quality(self) -> str | None:
        """The provider's name of the quality, or None for the provider's default."""
        quality = self.parameters.get("quality")
        return None if quality is None else str(quality)
