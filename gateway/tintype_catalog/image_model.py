"""What an image model is: its limits, sizes, parameters and life."""

import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, model_validator

from tintype_catalog.contract import (
    AtMostBytes,
    Contract,
    FieldName,
    FieldPath,
    ModelId,
    Word,
    cel,
    filled,
)
from tintype_catalog.operations import (
    FEATURES,
    GENERATION_ONLY,
    OperationName,
    OperationRule,
    Operations,
)
from tintype_catalog.sizes import SizeRule

Watermark = Literal["c2pa", "provenance", "synthid", "none"]
LifecycleState = Literal["Active", "DeprecationAnnounced", "Deprecated", "Retired"]


Meaning = Literal[
    "quality",
    "style",
    "output_format",
    "output_compression",
    "seed",
    "negative_prompt",
    "width",
    "height",
    "aspect_ratio",
    "resolution",
]
"""What a provider's own field can mean: a standard parameter, or a part of `size`."""


class OutputModality(Contract):
    """What a model gives back."""

    image: bool = True
    """Whether it makes images."""

    text: bool = False
    """Whether it writes text."""


class Lifecycle(Contract):
    """The dates of a model's life, each counting from 00:00 UTC of its day."""

    released_on: datetime.date | None = None
    """The day of its release."""

    deprecated_on: datetime.date | None = None
    """The day from which its provider advises against it."""

    retires_on: datetime.date | None = None
    """The day from which it is served no more."""

    replacement: ModelId | None = None
    """The id of the model to use instead."""

    def state(self, today: datetime.date) -> LifecycleState:
        """Return where in its life the model is on the day `today` (UTC)."""
        if self.retires_on is not None and today >= self.retires_on:
            return "Retired"
        if self.deprecated_on is not None and today >= self.deprecated_on:
            return "Deprecated"
        if self.deprecated_on is not None or self.retires_on is not None:
            return "DeprecationAnnounced"
        return "Active"


class Limits(Contract):
    """How much one request may ask for."""

    max_images_per_call: Annotated[int, Field(ge=1, le=10)] = 1
    """The most images of one call to the provider. More are made by several calls."""

    max_images_per_request: Annotated[int, Field(ge=1, le=10)] = 10
    """The most images of one request of a client."""

    max_prompt_characters: Annotated[int, Field(ge=1, le=1_000_000)] = 32_000
    """The longest prompt, in characters."""


class ParameterRule(Contract):
    """What happens to one request parameter on its way to the model."""

    model_config = cel(
        (f"(self.handling == 'Map') == {filled('values')}", "`values` goes with handling Map"),
        (
            "self.handling == 'Clamp' ? has(self.minimum) && has(self.maximum) : "
            "!has(self.minimum) && !has(self.maximum)",
            "`minimum` and `maximum` go with handling Clamp",
        ),
        (
            "!has(self.minimum) || !has(self.maximum) || self.minimum <= self.maximum",
            "`minimum` must be at most `maximum`",
        ),
    )

    handling: Literal["Accept", "Map", "Clamp", "Strip", "Reject"]
    """`Accept` forwards it, `Map` translates its value, `Clamp` moves it into a range, `Strip`
    leaves it out and says so, `Reject` answers 400."""

    values: Annotated[dict[Word, Word], Field(max_length=32)] = {}
    """The provider's value for each value of a client."""

    otherwise: Literal["Strip", "Reject"] = "Reject"
    """What happens to a value that `values` does not list."""

    minimum: Annotated[int, Field(ge=0, le=2**53)] | None = None
    """The least value."""

    maximum: Annotated[int, Field(ge=0, le=2**53)] | None = None
    """The greatest value."""

    @model_validator(mode="after")
    def _fields_fit_the_handling(self) -> Self:
        if (self.handling == "Map") != bool(self.values):
            raise ValueError("`values` goes with handling Map")
        if {self.minimum is not None, self.maximum is not None} != {self.handling == "Clamp"}:
            raise ValueError("`minimum` and `maximum` go with handling Clamp")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("`minimum` must be at most `maximum`")
        return self


STRIPPED = ParameterRule(handling="Strip")
"""The rule of a parameter that a model is silent about: left out, and the client is told."""

REJECTED = ParameterRule(handling="Reject")
"""The rule of a parameter that a model must know, or the request is refused."""


class Parameters(Contract):
    """The rule for each standard parameter, named as in the request."""

    model_config = ConfigDict(alias_generator=None)

    quality: ParameterRule = STRIPPED
    """How much effort the image is worth."""

    style: ParameterRule = STRIPPED
    """The look of the image, such as `vivid` or `natural`."""

    background: ParameterRule = STRIPPED
    """`transparent`, `opaque` or `auto`."""

    output_format: ParameterRule = STRIPPED
    """`png`, `jpeg` or `webp`: what the provider does not make, the gateway converts. `gif` and
    `svg` are given only by a model that maps them."""

    output_compression: ParameterRule = STRIPPED
    """The quality of a lossy format, in percent. The gateway compresses, where the provider does
    not."""

    moderation: ParameterRule = STRIPPED
    """How strictly the provider judges: `auto` or `low`."""

    seed: ParameterRule = STRIPPED
    """The number that makes an image repeatable."""

    negative_prompt: ParameterRule = STRIPPED
    """What the image should not show."""

    input_fidelity: ParameterRule = REJECTED
    """How closely an edit keeps to the images of the request: `low` or `high`. Unlike the other
    parameters it is refused where it is not listed, since it changes what an edit is."""


class ImageModelSpec(Contract):
    """A model as clients see it, independent of its providers."""

    id: ModelId
    """What clients write in `model`. Unique, together with the aliases of all models."""

    aliases: Annotated[tuple[ModelId, ...], Field(max_length=16)] = ()
    """Other ids for the same model, such as a dated snapshot."""

    display_name: Annotated[str, Field(max_length=128)] = ""
    """The name for people."""

    owned_by: Word
    """The organization that made the model."""

    output_modality: OutputModality = OutputModality()
    """What the model gives back."""

    supported_features: Annotated[tuple[Word, ...], Field(max_length=16)] = ("image_generation",)
    """What else the model can do, such as `streaming`. The words `image_generation`, `image_edit`
    and `image_variation` follow from `operations`, where a manifest has them."""

    operations: Operations | None = None
    """What it can be asked for, each with its limits. The gateway refuses requests for others. Left
    out, it makes images from prompts, if `supportedFeatures` holds `image_generation`."""

    watermark: Watermark = "none"
    """The mark of origin that its images carry."""

    lifecycle: Lifecycle = Lifecycle()
    """When it was released, and when it goes."""

    limits: Limits = Limits()
    """How much one request may ask for."""

    size: SizeRule = SizeRule()
    """The sizes it offers."""

    parameters: Parameters = Parameters()
    """What happens to each standard parameter. One that is not listed is stripped, and
    `input_fidelity` refused."""

    provider_parameters: Annotated[
        dict[FieldName, Annotated[tuple[FieldName, ...], Field(max_length=64)]],
        Field(max_length=64),
        AfterValidator(AtMostBytes(16_384)),
    ] = {}
    """Further top-level fields that a request may carry, each with the sub-fields it may hold. At
    most 16384 bytes as JSON."""

    equivalents: Annotated[dict[FieldPath, Meaning], Field(max_length=64)] = {}
    """Which of these fields and sub-fields mean a standard one, so that limits and prices hold for
    them too: `imageGenerationConfig.quality: quality`."""

    defaults: Annotated[
        dict[FieldName, JsonValue], Field(max_length=64), AfterValidator(AtMostBytes(8192))
    ] = {}
    """Values for request fields that a client left out. At most 8192 bytes as JSON."""

    def operation_rule(self, name: OperationName) -> OperationRule | None:
        """Return how the model carries out an operation, None where it does not have it."""
        if self.operations is not None:
            return self.operations.rule(name)
        told = FEATURES["generation"] in self.supported_features
        return GENERATION_ONLY.rule(name) if told else None

    @property
    def rules(self) -> dict[OperationName, OperationRule]:
        """The rule of each operation that the model has."""
        rules = {name: self.operation_rule(name) for name in FEATURES}
        return {name: rule for name, rule in rules.items() if rule is not None}

    @property
    def features(self) -> tuple[str, ...]:
        """What the model can do: its operations, as `image_generation`, then anything else."""
        own = [FEATURES[name] for name in self.rules]
        others = [word for word in self.supported_features if word not in FEATURES.values()]
        return (*own, *others)
