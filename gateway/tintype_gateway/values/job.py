"""What a provider is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tintype_catalog.sizes import SizeChoice
from tintype_gateway.values.content import InputImage

ImageFormat = Literal["png", "jpeg", "webp"]


MaskConvention = Literal["alpha", "black_edits", "white_edits", "luminance_edits"]
"""How a provider reads a mask: what it changes is transparent, black, white, or the more the
lighter it is."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """The format that a client asked for."""

    format: ImageFormat
    compression: int | None = None
    """How much of the image a jpeg or webp keeps, in percent; None: all that it can."""

    by_provider: bool = False
    """Whether the provider was asked for all this, so that an image of the format is left as it
    came."""

    def is_met_by(self, form: str) -> bool:
        """Return whether an image that came in this format is left as it is."""
        recompressed = self.compression is not None and not self.by_provider
        return not recompressed and form == self.format


@dataclass(frozen=True, slots=True)
class Job:
    """What a provider is asked for, in the model's own values."""

    prompt: str
    images: int
    size: SizeChoice
    parameters: Mapping[str, str | int]
    """The standard parameters that the model takes, such as quality or seed."""

    extras: Mapping[str, object]
    """The provider parameters of the request."""

    adjustments: tuple[str, ...]
    """What was stripped, mapped or clamped, such as `quality=standard->medium`."""

    streamed: bool = False
    """Whether the provider is asked for a stream of events, each image by a call of its own."""

    partial_images: int = 0
    """How many previews of each image the provider is asked for, which may give fewer."""

    encoding: Encoding | None = None
    """The format that the client gets; None: whatever the provider gives."""

    task: str | None = None
    """The provider's name of what it does, None where its model does one thing."""

    inputs: tuple[InputImage, ...] = ()
    """The images that the new ones are made from, the first one being changed."""

    mask: InputImage | None = None
    """Where the first input changes, in the convention that the dialect names."""

    def images_per_call(self, most: int) -> int:
        """Return how many images a call asks for, where the model gives at most so many."""
        return 1 if self.streamed else most

    @property
    def quality(self) -> str | None:
        """The provider's name of the quality, None where it is left to the provider."""
        quality = self.parameters.get("quality")
        return None if quality is None else str(quality)
