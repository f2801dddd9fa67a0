"""Some models at Replicate, by the published schemas of their inputs (https://replicate.com)."""

from collections.abc import Mapping
from typing import Literal

from PIL import Image
from pydantic import Field
from typing_extensions import override

from tintype_simulator.hosted.inputs import HostedInput

RATIOS = {
    "1:1": (1024, 1024),
    "16:9": (1344, 768),
    "21:9": (1536, 640),
    "3:2": (1216, 832),
    "2:3": (832, 1216),
    "4:5": (896, 1088),
    "5:4": (1088, 896),
    "3:4": (896, 1152),
    "4:3": (1152, 896),
    "9:16": (768, 1344),
    "9:21": (640, 1536),
}
"""The size of each aspect ratio, at one megapixel."""

Ratio = Literal["1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21"]


class Flux(HostedInput):
    """FLUX.1 [schnell] and [dev]."""

    COUNT = "num_outputs"

    num_outputs: int = Field(1, ge=1, le=4)
    aspect_ratio: Ratio = "1:1"
    megapixels: Literal["1", "0.25"] = "1"
    output_format: Literal["webp", "jpg", "png"] = "webp"
    output_quality: int = Field(80, ge=0, le=100)
    disable_safety_checker: bool = False
    go_fast: bool = True

    @override
    def size(self, images: tuple[Image.Image, ...]) -> tuple[int, int]:
        width, height = RATIOS[self.aspect_ratio]
        return (width, height) if self.megapixels == "1" else (width // 2, height // 2)


class Schnell(Flux):
    """FLUX.1 [schnell]."""

    num_inference_steps: int = Field(4, ge=1, le=4)


class Dev(Flux):
    """FLUX.1 [dev], which also changes an image."""

    num_inference_steps: int = Field(28, ge=1, le=50)
    guidance: float = Field(3, ge=0, le=10)
    image: str | None = None
    prompt_strength: float = Field(0.8, ge=0, le=1)

    @override
    def urls(self) -> tuple[str, ...]:
        return () if self.image is None else (self.image,)


class Kontext(HostedInput):
    """FLUX.1 Kontext [pro], whose result is as its input if no ratio is asked for."""

    input_image: str | None = None
    aspect_ratio: Literal["match_input_image"] | Ratio = "match_input_image"
    output_format: Literal["jpg", "png"] = "png"
    safety_tolerance: int = Field(2, ge=0, le=6)

    @override
    def size(self, images: tuple[Image.Image, ...]) -> tuple[int, int]:
        if self.aspect_ratio == "match_input_image":
            return super().size(images)
        return RATIOS[self.aspect_ratio]

    @override
    def urls(self) -> tuple[str, ...]:
        return () if self.input_image is None else (self.input_image,)


class Flux2(HostedInput):
    """FLUX.2 [pro]."""

    input_images: list[str] = Field([], max_length=8)
    aspect_ratio: Literal["match_input_image"] | Ratio = "1:1"
    resolution: Literal["0.5 MP", "1 MP", "2 MP", "4 MP"] = "1 MP"
    output_format: Literal["webp", "jpg", "png"] = "webp"
    safety_tolerance: int = Field(2, ge=1, le=5)

    @override
    def size(self, images: tuple[Image.Image, ...]) -> tuple[int, int]:
        if self.aspect_ratio == "match_input_image":
            return super().size(images)
        return RATIOS[self.aspect_ratio]

    @override
    def urls(self) -> tuple[str, ...]:
        return tuple(self.input_images)


class Sdxl(HostedInput):
    """SDXL, which also changes an image, and of it what is white in a mask."""

    COUNT = "num_outputs"

    prompt: str = "An astronaut riding a rainbow unicorn"
    negative_prompt: str = ""
    width: int = 1024
    height: int = 1024
    num_outputs: int = Field(1, ge=1, le=4)
    num_inference_steps: int = Field(50, ge=1, le=500)
    guidance_scale: float = Field(7.5, ge=1, le=50)
    image: str | None = None
    mask: str | None = None
    prompt_strength: float = Field(0.8, ge=0, le=1)
    disable_safety_checker: bool = False
    replicate_weights: str | None = None

    @property
    @override
    def format(self) -> str:
        return "png"

    @override
    def size(self, images: tuple[Image.Image, ...]) -> tuple[int, int]:
        return images[0].size if images else (self.width, self.height)

    @override
    def urls(self) -> tuple[str, ...]:
        return () if self.image is None else (self.image,)

    @override
    def mask_url(self) -> str | None:
        return self.mask


SDXL_VERSION = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc"

MODELS: Mapping[str, type[HostedInput]] = {
    "black-forest-labs/flux-schnell": Schnell,
    "black-forest-labs/flux-dev": Dev,
    "black-forest-labs/flux-kontext-pro": Kontext,
    "black-forest-labs/flux-2-pro": Flux2,
    "stability-ai/sdxl": Sdxl,
}
"""The models by their names."""

VERSIONS: Mapping[str, str] = {SDXL_VERSION: "stability-ai/sdxl"}
"""The model of each version."""

DEPLOYMENTS: Mapping[str, str] = {"tintype/flux": "black-forest-labs/flux-schnell"}
"""The model that each deployment runs."""
