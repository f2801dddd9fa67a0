"""Google's image models: which there are, and what each takes.

Retired models are offered like the others, since clients, price tables and tests still name them.
Sources: Google's image-generation guide and price list of 2026, and for Imagen the model cards in
the documentation of Vertex AI. Figures that Google does not publish are marked as such.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Pixels = tuple[int, int]
"""Width and height."""

SCALES = {"512": (1, 2), "1K": (1, 1), "2K": (2, 1), "4K": (4, 1)}
"""Each edge of an image compared with the one at 1K: numerator and denominator."""

SQUARE = "1:1"

GEMINI_3_SIZES: Mapping[str, Pixels] = {
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
}
"""The pixels of the newer Gemini models at 1K."""

GEMINI_3_1_SIZES: Mapping[str, Pixels] = {
    **GEMINI_3_SIZES,
    "1:4": (512, 2048),
    "4:1": (2048, 512),
    "1:8": (384, 3072),
    "8:1": (3072, 384),
}
"""The same with the extreme ratios that Gemini 3.1 Flash Image brought."""

GEMINI_2_5_SIZES: Mapping[str, Pixels] = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (864, 1184),
    "4:3": (1184, 864),
    "4:5": (896, 1152),
    "5:4": (1152, 896),
    "9:16": (768, 1344),
    "16:9": (1344, 768),
    "21:9": (1536, 672),
}
"""The pixels of Gemini 2.5 Flash Image, as resellers quote Google's table."""

IMAGEN_SIZES: Mapping[str, Pixels] = {
    "1:1": (1024, 1024),
    "3:4": (896, 1280),
    "4:3": (1280, 896),
    "9:16": (768, 1408),
    "16:9": (1408, 768),
}
"""The pixels of Imagen at 1K."""


@dataclass(frozen=True)
class Model:
    """One model of the list."""

    id: str
    display_name: str
    method: Literal["generateContent", "predict"]
    sizes: Mapping[str, Pixels]
    """The pixels of each aspect ratio at 1K."""

    resolutions: Mapping[str, int]
    """The output tokens of an image at each resolution; 0 where the image is the unit."""

    task: Literal["generate", "edit", "upscale"] = "generate"
    """What the model does. Only Vertex AI has models for the other two."""

    names_resolution: bool = True
    """Whether a request may name one, even the only one."""

    thinks: bool = False
    """Whether it thinks before it paints, which takes tokens of its own."""

    max_references: int = 0
    """The most images that a prompt may carry."""

    reference_tokens: int = 0
    """The input tokens of each of them."""

    detail: int = 1024
    """How crisp its images are: `ImageSpec.detail`."""

    input_tokens: int = 480
    """The longest prompt, in tokens."""

    output_tokens: int = 8192
    """The most tokens of one response."""

    def pixels(self, ratio: str, resolution: str) -> Pixels:
        """Return width and height of an image."""
        width, height = self.sizes[ratio]
        numerator, denominator = SCALES[resolution]
        return width * numerator // denominator, height * numerator // denominator


GEMINI_2_5_FLASH = Model(
    "gemini-2.5-flash-image",
    "Nano Banana",
    "generateContent",
    GEMINI_2_5_SIZES,
    {"1K": 1290},
    names_resolution=False,
    max_references=3,
    reference_tokens=258,  # of Gemini 2.5 in general: Google does not say it of this model
    input_tokens=32_768,
    output_tokens=32_768,
)
GEMINI_3_PRO = Model(
    "gemini-3-pro-image",
    "Nano Banana Pro",
    "generateContent",
    GEMINI_3_SIZES,
    {"1K": 1120, "2K": 1120, "4K": 2000},
    thinks=True,
    max_references=14,
    reference_tokens=560,
    detail=1536,
    input_tokens=65_536,
    output_tokens=32_768,
)
GEMINI_3_1_FLASH = replace(
    GEMINI_3_PRO,
    id="gemini-3.1-flash-image",
    display_name="Nano Banana 2",
    sizes=GEMINI_3_1_SIZES,
    # Google publishes prices of 2K and 4K, and a guide has other counts.
    resolutions={"1K": 1120, "512": 747, "2K": 1680, "4K": 2520},
    reference_tokens=1120,  # follows from Google's price of an input image, as 560 does
    detail=1024,
    input_tokens=131_072,
)
IMAGEN_4 = Model("imagen-4.0-generate-001", "Imagen 4", "predict", IMAGEN_SIZES, {"1K": 0, "2K": 0})
IMAGEN_4_FAST = replace(
    IMAGEN_4,
    id="imagen-4.0-fast-generate-001",
    display_name="Imagen 4 Fast",
    resolutions={"1K": 0},
    detail=768,
)

IMAGEN_EDIT = replace(
    IMAGEN_4_FAST, id="imagen-3.0-capability-001", display_name="Imagen 3 Capability", task="edit"
)
IMAGEN_UPSCALE = replace(
    IMAGEN_4_FAST, id="imagen-4.0-upscale-preview", display_name="Imagen 4 Upscale", task="upscale"
)

MODELS: Mapping[str, Model] = {
    model.id: model
    for model in (
        GEMINI_2_5_FLASH,
        replace(GEMINI_2_5_FLASH, id="gemini-2.5-flash-image-preview"),
        GEMINI_3_PRO,
        replace(GEMINI_3_PRO, id="gemini-3-pro-image-preview"),
        GEMINI_3_1_FLASH,
        replace(GEMINI_3_1_FLASH, id="gemini-3.1-flash-image-preview"),
        replace(
            GEMINI_3_1_FLASH,
            id="gemini-3.1-flash-lite-image",
            display_name="Nano Banana 2 Lite",
            sizes=GEMINI_3_SIZES,
            resolutions={"1K": 1120},
            detail=768,
            input_tokens=65_536,
        ),
        replace(
            GEMINI_3_1_FLASH,
            id="gemini-nano-banana-2.1",
            display_name="Nano Banana 2.1",
            resolutions={"1K": 1120, "2K": 1680, "4K": 2520},
            detail=1280,
        ),
        IMAGEN_4,
        IMAGEN_4_FAST,
        replace(
            IMAGEN_4,
            id="imagen-4.0-ultra-generate-001",
            display_name="Imagen 4 Ultra",
            detail=1536,
        ),
        replace(
            IMAGEN_4,
            id="imagen-3.0-generate-002",
            display_name="Imagen 3",
            resolutions={"1K": 0},
        ),
        IMAGEN_EDIT,
        IMAGEN_UPSCALE,
    )
}
"""Every model by its id."""
