"""The models of Black Forest Labs' API: fields, sizes and prices, by https://docs.bfl.ai.

How megapixels are rounded, and the sizes of aspect ratios, are guesses.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Literal, NamedTuple, Self

from PIL import Image
from pydantic import Field, model_validator
from typing_extensions import override

from tintype_simulator.hosted.inputs import HostedInput

MEGAPIXEL = 1024 * 1024

Size = tuple[int, int]


class Price(NamedTuple):
    """Credits, of which one is a cent, for the megapixels of an image."""

    first: str
    further: str = "0"
    taken: str = "0"
    """For each megapixel of input images."""

    def credits(self, size: Size, inputs: tuple[Size, ...]) -> Decimal:
        """Return the cost of one image."""
        further, taken = megapixels(size) - 1, sum(map(megapixels, inputs))
        return Decimal(self.first) + further * Decimal(self.further) + taken * Decimal(self.taken)


def megapixels(size: Size) -> int:
    """Return the megapixels of an image, rounded up."""
    return -(-size[0] * size[1] // MEGAPIXEL)


class BflInput(HostedInput):
    """The fields that all models have."""

    IMAGES: ClassVar[tuple[str, ...]] = ()
    """The fields for images, in their order."""

    safety_tolerance: int = Field(2, ge=0, le=5)
    output_format: Literal["jpeg", "png"] = "jpeg"

    @override
    def urls(self) -> tuple[str, ...]:
        given = (getattr(self, name) for name in self.IMAGES)
        return tuple(image for image in given if image is not None)


def numbered(name: str, count: int) -> tuple[str, ...]:
    """Return the names of fields for a number of images."""
    return (name, *(f"{name}_{number}" for number in range(2, count + 1)))


class Flux2(BflInput):
    """FLUX.2, which is asked for pixels, and for as many as the first image has by default."""

    IMAGES = numbered("input_image", 8)

    width: int = Field(0, ge=0, multiple_of=16)
    height: int = Field(0, ge=0, multiple_of=16)
    input_image: str | None = None
    input_image_2: str | None = None
    input_image_3: str | None = None
    input_image_4: str | None = None
    input_image_5: str | None = None
    input_image_6: str | None = None
    input_image_7: str | None = None
    input_image_8: str | None = None

    @override
    def size(self, images: tuple[Image.Image, ...]) -> Size:
        own = images[0].size if images else (1024, 1024)
        return self.width or max(64, own[0] // 16 * 16), self.height or max(64, own[1] // 16 * 16)

    @model_validator(mode="after")
    def _has_a_possible_size(self) -> Self:
        if any(0 < edge < 64 for edge in (self.width, self.height)):
            raise ValueError("width and height must be at least 64")
        if self.width * self.height > 4 * MEGAPIXEL:
            raise ValueError("Image size exceeds 4 megapixels")
        return self


class Flex(Flux2):
    """FLUX.2 [flex], whose steps and guidance can be chosen."""

    steps: int = Field(50, ge=1, le=50)
    guidance: float = Field(4.5, ge=1.5, le=10)


class Klein(Flux2):
    """FLUX.2 [klein], which takes four images."""

    IMAGES = numbered("input_image", 4)


class Pro11(BflInput):
    """FLUX1.1 [pro], which is asked for pixels, and takes no images to edit."""

    width: int = Field(1024, ge=256, le=1440, multiple_of=32)
    height: int = Field(768, ge=256, le=1440, multiple_of=32)
    prompt_upsampling: bool = False

    @override
    def size(self, images: tuple[Image.Image, ...]) -> Size:
        return self.width, self.height


class Ultra(BflInput):
    """FLUX1.1 [pro] ultra, which is asked for an aspect ratio of about four megapixels."""

    SIZES: ClassVar[Mapping[str, Size]] = {
        "1:1": (2048, 2048),
        "4:3": (2368, 1792),
        "3:4": (1792, 2368),
        "3:2": (2496, 1664),
        "2:3": (1664, 2496),
        "16:9": (2752, 1536),
        "9:16": (1536, 2752),
        "21:9": (3136, 1344),
        "9:21": (1344, 3136),
    }

    aspect_ratio: Literal["1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9", "9:21"] = (
        "16:9"
    )
    raw: bool = False

    @override
    def size(self, images: tuple[Image.Image, ...]) -> Size:
        return self.SIZES[self.aspect_ratio]


class Kontext(BflInput):
    """FLUX.1 Kontext, which is asked for an aspect ratio of about one megapixel."""

    IMAGES = numbered("input_image", 4)
    SIZES: ClassVar[Mapping[str, Size]] = {
        "1:1": (1024, 1024),
        "4:3": (1184, 880),
        "3:4": (880, 1184),
        "3:2": (1248, 832),
        "2:3": (832, 1248),
        "16:9": (1392, 752),
        "9:16": (752, 1392),
        "21:9": (1568, 672),
        "9:21": (672, 1568),
    }

    aspect_ratio: (
        Literal["1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9", "9:21"] | None
    ) = None
    input_image: str | None = None
    input_image_2: str | None = None
    input_image_3: str | None = None
    input_image_4: str | None = None
    prompt_upsampling: bool = False

    @override
    def size(self, images: tuple[Image.Image, ...]) -> Size:
        if self.aspect_ratio is not None or not images:
            return self.SIZES[self.aspect_ratio or "1:1"]
        return images[0].size


class Fill(BflInput):
    """FLUX.1 Fill [pro], which paints what is white in a mask."""

    IMAGES = ("image",)

    image: str
    mask: str | None = None
    steps: int = Field(50, ge=15, le=50)
    guidance: float = Field(60, ge=1.5, le=100)
    prompt_upsampling: bool = False

    @override
    def mask_url(self) -> str | None:
        return self.mask


class Model(NamedTuple):
    """A model: its fields and its price."""

    fields: type[BflInput]
    price: Price


MODELS: Mapping[str, Model] = {
    "flux-2-klein-4b": Model(Klein, Price("1.4", "0.1", "0.1")),
    "flux-2-klein-9b": Model(Klein, Price("1.5", "0.2", "0.2")),
    "flux-2-pro": Model(Flux2, Price("3", "1.5", "1.5")),
    "flux-2-flex": Model(Flex, Price("5", "5", "5")),
    "flux-2-max": Model(Flux2, Price("7", "3", "3")),
    "flux-pro-1.1": Model(Pro11, Price("4")),
    "flux-pro-1.1-ultra": Model(Ultra, Price("6")),
    "flux-kontext-pro": Model(Kontext, Price("4")),
    "flux-kontext-max": Model(Kontext, Price("8")),
    "flux-pro-1.0-fill": Model(Fill, Price("5")),
}
"""Every model, by its name in paths."""
