"""The operations of a model, and their limits."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tintype_catalog.contract import AtMostBytes, Contract, Word, cel
from tintype_catalog.sizes import Edge

OperationName = Literal["generation", "edit", "variation"]
"""The names of operations."""

FEATURES: Mapping[OperationName, str] = {
    "generation": "image_generation",
    "edit": "image_edit",
    "variation": "image_variation",
}
"""The feature of each operation."""

InputFormat = Literal["png", "jpeg", "webp", "heic"]
"""A format of input images."""

MAX_INPUT_IMAGES = 16
"""The most images of one request, as OpenAI allows."""

InputImages = Annotated[int, Field(ge=0, le=MAX_INPUT_IMAGES)]
Pixels = Annotated[int, Field(ge=1, le=2**32)]
Ratio = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,2}(\.[0-9]{1,3})?$", max_length=7)]
"""A number from 1 as a decimal string, because a float cannot hold it."""

_MASK_NEEDS_IMAGE = "a `mask` needs an image: `maxImages` must be at least 1"
_DEFAULT_PROMPT_IS_USED = "`defaultPrompt` goes with prompt Optional or None"
_FORMATS_DIFFER = "`inputFormats` must name each format once"


def _at_most(low: str, high: str) -> tuple[str, str]:
    """Return the CEL, and its message, for two optional bounds of which one is the lower one."""
    rule = f"!has(self.{low}) || !has(self.{high}) || self.{low} <= self.{high}"
    return rule, f"`{low}` must be at most `{high}`"


class OperationRule(Contract):
    """The rule of one operation: the provider's task, and the limits of its inputs."""

    model_config = cel(
        _at_most("minImages", "maxImages"),
        _at_most("minEdge", "maxEdge"),
        _at_most("minPixels", "maxPixels"),
        (
            "!has(self.mask) || self.mask == 'None' || self.maxImages > 0",
            _MASK_NEEDS_IMAGE,
        ),
        (
            "!has(self.defaultPrompt) || self.prompt != 'Required'",
            _DEFAULT_PROMPT_IS_USED,
        ),
        (
            "!has(self.inputFormats) || self.inputFormats.all(format, "
            "self.inputFormats.exists_one(other, other == format))",
            _FORMATS_DIFFER,
        ),
    )

    task: Word | None = None
    """The provider's name of the task, such as `INPAINTING`. Absent if there is only one."""

    min_images: InputImages = 1
    """The fewest images of a request."""

    max_images: InputImages = 1
    """The most images of a request, without the mask."""

    mask: Literal["None", "Optional", "Required"] = "None"
    """Whether a request may or must have a mask: the area of the first image to change."""

    prompt: Literal["Required", "Optional", "None"] = "Required"
    """Whether the provider requires, accepts or refuses a prompt."""

    default_prompt: (
        Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(AtMostBytes(2048))]
        | None
    ) = None
    """The prompt of requests without one. At most 2048 bytes as JSON."""

    input_formats: Annotated[tuple[InputFormat, ...], Field(min_length=1, max_length=4)] = (
        "png",
        "jpeg",
    )
    """The formats that the provider accepts. The gateway converts images of other formats."""

    opaque: bool = False
    """Whether the provider refuses transparency, which the gateway then removes."""

    min_edge: Edge = 1
    """The shortest edge of an image, in pixels."""

    max_edge: Edge | None = None
    """The longest edge of an image, in pixels."""

    min_pixels: Pixels = 1
    """The fewest pixels of an image."""

    max_pixels: Pixels | None = None
    """The most pixels of an image."""

    max_aspect_ratio: Ratio | None = None
    """The maximum ratio of the longer edge to the shorter one: `2.5` allows 5:2 and 2:5."""

    max_bytes: Annotated[int, Field(ge=1, le=2**32)] | None = None
    """The most bytes of one encoded image file."""

    @property
    def longest_ratio(self) -> Decimal | None:
        """The maximum ratio of the longer edge to the shorter one, or None."""
        return None if self.max_aspect_ratio is None else Decimal(self.max_aspect_ratio)

    @model_validator(mode="after")
    def _fields_go_together(self) -> Self:
        for low, least, high, most in (
            ("minImages", self.min_images, "maxImages", self.max_images),
            ("minEdge", self.min_edge, "maxEdge", self.max_edge),
            ("minPixels", self.min_pixels, "maxPixels", self.max_pixels),
        ):
            if most is not None and least > most:
                raise ValueError(f"`{low}` must be at most `{high}`: {least} is more than {most}")
        if self.mask != "None" and self.max_images == 0:
            raise ValueError(_MASK_NEEDS_IMAGE)
        if self.default_prompt is not None and self.prompt == "Required":
            raise ValueError(_DEFAULT_PROMPT_IS_USED)
        if len(set(self.input_formats)) < len(self.input_formats):
            raise ValueError(_FORMATS_DIFFER)
        return self


NoImages = Annotated[int, Field(ge=0, le=0)]


class GenerationRule(OperationRule):
    """The rule for images from a prompt."""

    min_images: NoImages = 0
    """The fewest images of a request: none."""

    max_images: NoImages = 0
    """The most images of a request: none."""


class VariationRule(OperationRule):
    """The rule for variations of an image. A request has neither prompt nor mask."""

    mask: Literal["None"] = "None"
    """Whether a request has a mask: never."""

    prompt: Literal["None"] = "None"
    """Whether a request has a prompt: never. The gateway sends `defaultPrompt` instead."""


class Operations(Contract):
    """The names of operations. An operation that is left out is one that it does not have."""

    model_config = cel(
        (
            "has(self.generation) || has(self.edit) || has(self.variation)",
            "at least one of `generation`, `edit` and `variation`",
        )
    )

    generation: GenerationRule | None = None
    """Images from a prompt: `POST /v1/images/generations`."""

    edit: OperationRule | None = None
    """Images from images and a prompt: `POST /v1/images/edits`."""

    variation: VariationRule | None = None
    """Variations of an image: `POST /v1/images/variations`."""

    @model_validator(mode="after")
    def _at_least_one(self) -> Self:
        if not (self.generation or self.edit or self.variation):
            raise ValueError("at least one of `generation`, `edit` and `variation`")
        return self

    def rule(self, name: OperationName) -> OperationRule | None:
        """Return the rule of an operation, or None if the model does not support it."""
        rule: OperationRule | None = getattr(self, name)
        return rule


GENERATION_RULE = GenerationRule()
"""The default rule for images from a prompt."""

GENERATION_ONLY = Operations(generation=GENERATION_RULE)
"""The operations of a model whose manifest has none."""
