"""The spec of an ImageModel: limits, sizes, parameters and lifecycle."""

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
"""The standard parameters, and the parts of `size`, that a provider's own field can map to."""


class OutputModality(Contract):
    """The output of a model."""

    image: bool = True
    """Whether the model makes images."""

    text: bool = False
    """Whether the model writes text."""


class Lifecycle(Contract):
    """The lifecycle dates of a model, each from 00:00 UTC of its day."""

    released_on: datetime.date | None = None
    """The day of its release."""

    deprecated_on: datetime.date | None = None
    """The day from which its provider deprecates it."""

    retires_on: datetime.date | None = None
    """The day from which the gateway no longer serves it."""

    replacement: ModelId | None = None
    """The id of the replacement model."""

    def state(self, today: datetime.date) -> LifecycleState:
        """Return the lifecycle phase of the model on the day `today` (UTC)."""
        if self.retires_on is not None and today >= self.retires_on:
            return "Retired"
        if self.deprecated_on is not None and today >= self.deprecated_on:
            return "Deprecated"
        if self.deprecated_on is not None or self.retires_on is not None:
            return "DeprecationAnnounced"
        return "Active"


class Limits(Contract):
    """The limits of one request."""

    max_images_per_call: Annotated[int, Field(ge=1, le=10)] = 1
    """The most images of one call to the provider. A request for more is divided into calls."""

    max_images_per_request: Annotated[int, Field(ge=1, le=10)] = 10
    """The most images of one request of a client."""

    max_prompt_characters: Annotated[int, Field(ge=1, le=1_000_000)] = 32_000
    """The longest prompt, in characters."""


class ParameterRule(Contract):
    """The handling of one request parameter."""

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
    removes it and reports that, `Reject` responds with status 400."""

    values: Annotated[dict[Word, Word], Field(max_length=32)] = {}
    """The provider's value for each value of a client."""

    otherwise: Literal["Strip", "Reject"] = "Reject"
    """The handling of a value that `values` does not list."""

    minimum: Annotated[int, Field(ge=0, le=2**53)] | None = None
    """The minimum value."""

    maximum: Annotated[int, Field(ge=0, le=2**53)] | None = None
    """The maximum value."""

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
"""The rule of a parameter that a model does not list: removed, and reported to the client."""

REJECTED = ParameterRule(handling="Reject")
"""The rule of a parameter that a model must list, or the request is refused."""


class Parameters(Contract):
    """The rule for each standard parameter, named as in the request."""

    model_config = ConfigDict(alias_generator=None)

    quality: ParameterRule = STRIPPED
    """The quality of the image."""

    style: ParameterRule = STRIPPED
    """The look of the image, such as `vivid` or `natural`."""

    background: ParameterRule = STRIPPED
    """`transparent`, `opaque` or `auto`."""

    output_format: ParameterRule = STRIPPED
    """`png`, `jpeg` or `webp`: the gateway converts formats that the provider lacks. `gif` and
    `svg` are given only by a model that maps them."""

    output_compression: ParameterRule = STRIPPED
    """The quality of a lossy format, in percent. The gateway compresses if the provider does
    not."""

    moderation: ParameterRule = STRIPPED
    """How strictly the provider moderates content: `auto` or `low`."""

    seed: ParameterRule = STRIPPED
    """The seed, which makes an image reproducible."""

    negative_prompt: ParameterRule = STRIPPED
    """A description of what the image must not show."""

    input_fidelity: ParameterRule = REJECTED
    """How closely an edit keeps to the images of the request: `low` or `high`. Unlike the other
    parameters it is refused where it is not listed, since it changes what an edit is."""


class ImageModelSpec(Contract):
    """A model as clients see it, independent of its providers."""

    id: ModelId
    """The value of `model` in requests. Unique among the ids and aliases of all models."""

    aliases: Annotated[tuple[ModelId, ...], Field(max_length=16)] = ()
    """Other ids for the same model, such as a dated snapshot."""

    display_name: Annotated[str, Field(max_length=128)] = ""
    """The display name."""

    owned_by: Word
    """The organization that made the model."""

    output_modality: OutputModality = OutputModality()
    """The output of the model."""

    supported_features: Annotated[tuple[Word, ...], Field(max_length=16)] = ("image_generation",)
    """Further features of the model, such as `streaming`. The features `image_generation`,
    `image_edit`
    and `image_variation` follow from `operations` if a manifest has it."""

    operations: Operations | None = None
    """The operations of the model, with their limits. The gateway refuses requests for others. If
    absent, the model makes images from prompts, if `supportedFeatures` has `image_generation`."""

    watermark: Watermark = "none"
    """The watermark of its images."""

    lifecycle: Lifecycle = Lifecycle()
    """The release date and the end of the model."""

    limits: Limits = Limits()
    """The limits of one request."""

    size: SizeRule = SizeRule()
    """The sizes that the model offers."""

    parameters: Parameters = Parameters()
    """The handling of each standard parameter. Parameters that are not listed are stripped, except
    `input_fidelity`, which is refused."""

    provider_parameters: Annotated[
        dict[FieldName, Annotated[tuple[FieldName, ...], Field(max_length=64)]],
        Field(max_length=64),
        AfterValidator(AtMostBytes(16_384)),
    ] = {}
    """Further top-level fields of requests, each with its allowed sub-fields. At
    most 16384 bytes as JSON."""

    equivalents: Annotated[dict[FieldPath, Meaning], Field(max_length=64)] = {}
    """The standard fields to which these fields and sub-fields map, so that limits and prices apply
    to them: `imageGenerationConfig.quality: quality`."""

    defaults: Annotated[
        dict[FieldName, JsonValue], Field(max_length=64), AfterValidator(AtMostBytes(8192))
    ] = {}
    """Default values of request fields. At most 8192 bytes as JSON."""

    def operation_rule(self, name: OperationName) -> OperationRule | None:
        """Return the model's rule for an operation, or None if it does not support it."""
        if self.operations is not None:
            return self.operations.rule(name)
        told = FEATURES["generation"] in self.supported_features
        return GENERATION_ONLY.rule(name) if told else None

    @property
    def rules(self) -> dict[OperationName, OperationRule]:
        """The rule of each supported operation."""
        rules = {name: self.operation_rule(name) for name in FEATURES}
        return {name: rule for name, rule in rules.items() if rule is not None}

    @property
    def features(self) -> tuple[str, ...]:
        """The features of the model: its operations, such as `image_generation`, then others."""
        own = [FEATURES[name] for name in self.rules]
        others = [word for word in self.supported_features if word not in FEATURES.values()]
        return (*own, *others)
