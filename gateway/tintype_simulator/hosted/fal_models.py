"""Some models at fal, by the last published schemas of their endpoints (https://fal.ai/models)."""

from collections.abc import Mapping
from typing import Literal

from PIL import Image
from pydantic import BaseModel, Field
from typing_extensions import override

from tintype_simulator.hosted.inputs import HostedInput

NAMED_SIZES = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}

SizeName = Literal[
    "square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"
]


class ImageSize(BaseModel):
    """A size in pixels."""

    width: int = Field(512, gt=0, le=14142)
    height: int = Field(512, gt=0, le=14142)


class FalInput(HostedInput):
    """The fields that all these models have."""

    COUNT = "num_images"

    num_images: int = Field(1, ge=1, le=4)
    output_format: Literal["jpeg", "png"] = "jpeg"
    sync_mode: bool = False


class Sized(FalInput):
    """A model that is asked for a size."""

    image_size: ImageSize | SizeName | None = "landscape_4_3"
    enable_safety_checker: bool = True

    @override
    def size(self, images: tuple[Image.Image, ...]) -> tuple[int, int]:
        if isinstance(self.image_size, ImageSize):
            return self.image_size.width, self.image_size.height
        return NAMED_SIZES[self.image_size] if self.image_size else super().size(images)


class Schnell(Sized):
    """FLUX.1 [schnell]."""

    num_inference_steps: int = Field(4, ge=1, le=12)


class Dev(Sized):
    """FLUX.1 [dev]."""

    num_inference_steps: int = Field(28, ge=1, le=50)
    guidance_scale: float = Field(3.5, ge=1, le=20)


class Flux2(Sized):
    """FLUX.2 [dev]."""

    output_format: Literal["jpeg", "png", "webp"] = "png"  # type: ignore[assignment]
    num_inference_steps: int = Field(28, ge=4, le=50)
    guidance_scale: float = Field(2.5, ge=0, le=20)


class Flux2Edit(Flux2):
    """FLUX.2 [dev] with images, whose size is that of the first one if none is asked for."""

    image_size: ImageSize | SizeName | None = None
    image_urls: list[str] = Field(min_length=1, max_length=4)

    @override
    def urls(self) -> tuple[str, ...]:
        return tuple(self.image_urls)


class Fill(FalInput):
    """FLUX.1 [pro] Fill, which paints what is white in a mask."""

    image_url: str
    mask: str = Field(alias="mask_url")
    safety_tolerance: Literal["1", "2", "3", "4", "5", "6"] = "2"

    @override
    def urls(self) -> tuple[str, ...]:
        return (self.image_url,)

    @override
    def mask_url(self) -> str:
        return self.mask


MODELS: Mapping[str, type[FalInput]] = {
    "fal-ai/flux/schnell": Schnell,
    "fal-ai/flux/dev": Dev,
    "fal-ai/flux-2": Flux2,
    "fal-ai/flux-2/edit": Flux2Edit,
    "fal-ai/flux-pro/v1/fill": Fill,
}
"""The models by their ids."""
