"""OpenAI's image models, and what each takes.

Retired models are offered like the others, since clients, price tables and tests still name them.
Sources: the OpenAPI description of OpenAI's API and the types of its Python SDK 3.52.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log

from tintype_simulator.openai import tokens

AUTO_SIZES = ("1024x1024", "1536x1024", "1024x1536")
"""What `auto` becomes: the first for a generation, and for an edit the one whose shape is nearest
to the first input image. How OpenAI chooses is not published: only the response says."""


@dataclass(frozen=True)
class ListedSizes:
    """The sizes of the models with a fixed list; the first is the default."""

    sizes: tuple[str, ...]

    @property
    def default(self) -> str:
        """Return the size of a request that names none."""
        return self.sizes[0]

    def problem(self, size: str) -> str | None:
        """Return why the size is refused, or None."""
        return None if size in self.sizes else unsupported(size, self.sizes)


@dataclass(frozen=True)
class FreeSizes:
    """The sizes of the models that paint any size within bounds (edges and areas in pixels)."""

    default: str = "auto"
    multiple_of: int = 16
    longest_edge: int = 3840
    smallest_area: int = 655_360
    largest_area: int = 8_294_400
    largest_ratio: int = 3

    def problem(self, size: str) -> str | None:
        """Return why the size is refused, or None."""
        if size == "auto":
            return None
        if not re.fullmatch(r"[1-9]\d{0,4}x[1-9]\d{0,4}", size, re.ASCII):
            return f"Invalid size '{size}'. Expected 'auto' or WIDTHxHEIGHT."
        width, height = pixels(size)
        if width % self.multiple_of or height % self.multiple_of:
            return f"Invalid size '{size}'. Both edges must be multiples of {self.multiple_of}."
        if max(width, height) > self.longest_edge:
            return f"Invalid size '{size}'. The longest edge is {self.longest_edge} pixels."
        if max(width, height) > self.largest_ratio * min(width, height):
            return f"Invalid size '{size}'. The aspect ratio must be 3:1 at most."
        if not self.smallest_area <= width * height <= self.largest_area:
            bounds = f"{self.smallest_area} to {self.largest_area}"
            return f"Invalid size '{size}'. The image must have {bounds} pixels."
        return None


@dataclass(frozen=True)
class Family:
    """What a generation of models takes. A field that no entry names is unknown to it."""

    prompt_characters: int
    sizes: ListedSizes | FreeSizes
    choices: Mapping[str, tuple[str, ...]]
    """The values of each field that has a list of them; the first is the default."""

    integers: Mapping[str, tuple[int, int, int]]
    """The lowest value, the highest and the default of each field that is a number."""

    auto_quality: str
    """What the quality `auto` becomes: as with sizes, OpenAI does not say how it chooses."""

    output_tokens: tokens.OutputTokens | None
    """None for the DALL-E models, which are paid by the image."""

    edits: "EditRules | None" = None
    """None where the models do not edit images."""

    @property
    def is_dall_e(self) -> bool:
        """Whether these models are the older ones: no streams, no usage, other refusals."""
        return self.output_tokens is None


@dataclass(frozen=True)
class EditRules:
    """What a generation of models takes in an edit, beside the fields of a generation."""

    input_tokens: tokens.InputTokens | None = None
    """None for dall-e-2, which is paid by the image."""

    input_fidelity: tuple[str, ...] = ()
    """The values of the field, the first the default; empty where the models refuse the field."""

    markup: bool = False
    """Whether the models take an overlay that guides the edit."""

    max_images: int = 16
    max_image_bytes: int = 50 * 1024 * 1024
    """The size of a file must be below this."""

    requires_square_png: bool = False
    """Whether the one input image must be a square PNG, whose own alpha is the mask where the
    request has none."""


@dataclass(frozen=True)
class Model:
    """One model of the list."""

    id: str
    family: Family
    created: int
    """Unix time in seconds; of the newer models only the day is known."""

    shutdown_date: str | None = None


def pixels(size: str) -> tuple[int, int]:
    """Return width and height of a size such as `1024x1536`."""
    width, height = size.split("x")
    return int(width), int(height)


def auto_size(sizes: ListedSizes | FreeSizes, source: tuple[int, int] | None) -> str:
    """Return the size of an image whose size is left to the model.

    Args:
        sizes: What the model paints.
        source: Width and height of the image to edit, or None for a generation. A model of free
            sizes keeps them where it can.
    """
    if source is None:
        return AUTO_SIZES[0]
    width, height = source
    if isinstance(sizes, FreeSizes) and sizes.problem(f"{width}x{height}") is None:
        return f"{width}x{height}"

    def distance(size: str) -> float:
        across, down = pixels(size)
        return abs(log(across / down) - log(width / height))

    return min(AUTO_SIZES, key=distance)


def unsupported(value: str, supported: tuple[str, ...]) -> str:
    """Return OpenAI's sentence for a value that is not on its list."""
    *others, last = (f"'{choice}'" for choice in supported)
    listed = f"{', '.join(others)}, and {last}" if others else last
    return f"Invalid value: '{value}'. Supported values are: {listed}."


DALL_E_FORMAT = {"response_format": ("b64_json",)}
"""OpenAI's own default was `url`; the simulator keeps no images that a URL could name."""

DALL_E_2 = Family(
    prompt_characters=1000,
    sizes=ListedSizes(("1024x1024", "512x512", "256x256")),
    choices={"quality": ("auto", "standard"), **DALL_E_FORMAT},
    integers={"n": (1, 10, 1)},
    auto_quality="standard",
    output_tokens=None,
    edits=EditRules(max_images=1, max_image_bytes=4 * 1024 * 1024, requires_square_png=True),
)
DALL_E_3 = Family(
    prompt_characters=4000,
    sizes=ListedSizes(("1024x1024", "1792x1024", "1024x1792")),
    choices={
        "quality": ("auto", "standard", "hd"),
        "style": ("vivid", "natural"),
        **DALL_E_FORMAT,
    },
    integers={"n": (1, 1, 1)},
    auto_quality="standard",
    output_tokens=None,
)
GPT_IMAGE_1 = Family(
    prompt_characters=32_000,
    sizes=ListedSizes(("auto", "1024x1024", "1536x1024", "1024x1536")),
    choices={
        "quality": ("auto", "low", "medium", "high"),
        "background": ("auto", "opaque", "transparent"),
        "moderation": ("auto", "low"),
        "output_format": ("png", "jpeg", "webp"),
        "complexity": ("medium", "low", "high"),
    },
    integers={
        "n": (1, 10, 1),
        "output_compression": (0, 100, 100),
        "partial_images": (0, 3, 0),
    },
    auto_quality="medium",
    output_tokens=tokens.tabulated,
    edits=EditRules(tokens.input_tiles, ("low", "high")),
)
GPT_IMAGE_1_MINI = replace(GPT_IMAGE_1, edits=EditRules(tokens.input_tiles, ("low",)))
GPT_IMAGE_2 = replace(
    GPT_IMAGE_1,
    sizes=FreeSizes(),
    output_tokens=tokens.by_formula(tokens.GPT_IMAGE_2),
    edits=EditRules(tokens.input_patches),
)
GPT_IMAGE_2_5 = replace(
    GPT_IMAGE_2,
    choices={
        **GPT_IMAGE_2.choices,
        "quality": ("auto", "low", "medium", "high", "xhigh", "max"),
    },
    output_tokens=tokens.by_formula(tokens.GPT_IMAGE_2_5),
    edits=EditRules(tokens.input_patches, markup=True),
)
GPT_IMAGE_2_6 = replace(
    GPT_IMAGE_2_5,
    choices={**GPT_IMAGE_2_5.choices, "output_format": ("png", "jpeg", "webp", "gif", "svg")},
    integers={
        **GPT_IMAGE_2_5.integers,
        "frame_count": (2, 16, 9),
        "frame_duration_ms": (1, 2**31 - 1, 200),
    },
)
"""GIF and SVG are previews that OpenAI opens to chosen accounts. That these models have them is
known from third parties only; for everything else the simulator takes them for 2.5."""

MODELS: Mapping[str, Model] = {
    model.id: model
    for model in (
        Model("dall-e-2", DALL_E_2, 1698798177, "2026-05-12"),
        Model("dall-e-3", DALL_E_3, 1698785189, "2026-05-12"),
        Model("gpt-image-1", GPT_IMAGE_1, 1745517030, "2026-10-23"),
        Model("gpt-image-1-mini", GPT_IMAGE_1_MINI, 1758845821, "2026-12-01"),
        Model("gpt-image-1.5", GPT_IMAGE_1, 1764030620, "2026-12-01"),
        Model("chatgpt-image-latest", GPT_IMAGE_1, 1765925279, "2026-12-01"),
        Model("gpt-image-2", GPT_IMAGE_2, 1776729600),
        Model("gpt-image-2-2026-04-21", GPT_IMAGE_2, 1776729600),
        Model("gpt-image-2.5-sunburst", GPT_IMAGE_2_5, 1788825600),
        Model("gpt-image-2.5-sunburst-2026-09-08", GPT_IMAGE_2_5, 1788825600),
        Model("gpt-image-2.5-flare", GPT_IMAGE_2_5, 1788825600),
        Model("gpt-image-2.5-flare-2026-09-08", GPT_IMAGE_2_5, 1788825600),
        Model("gpt-image-2.6-sunburst", GPT_IMAGE_2_6, 1793491200),
        Model("gpt-image-2.6-flare", GPT_IMAGE_2_6, 1793491200),
    )
}
"""Every model by its id."""
