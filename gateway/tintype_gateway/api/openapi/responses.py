"""The form of every answer, to be described. The answers themselves are written by hand: an image
of megabytes goes through no model."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tintype_gateway.api.operations import OPERATIONS

MicroCredits = Annotated[int, Field(description="Millionths of a credit.")]


class Described(BaseModel):
    """A JSON object with these fields and no others."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ErrorDetail(Described):
    """What went wrong, in OpenAI's four keys."""

    message: str
    type: str
    param: str | None
    """The field at fault."""

    code: str | None


class FieldError(Described):
    """What is wrong with one field."""

    param: str
    message: str
    code: str


class Error(Described):
    """OpenAI's envelope."""

    error: ErrorDetail


class FieldErrors(Error):
    """OpenAI's envelope, and all fields at fault."""

    errors: list[FieldError]


class CreditAmounts(Described):
    """What a request may cost, and what its account has, in micro-credits."""

    required: int
    available: int


class MissingCredits(Error):
    """OpenAI's envelope, and the amounts."""

    credits: CreditAmounts


class TokensDetails(Described):
    """What kinds of tokens make up a count. Each kind has a price of its own."""

    text_tokens: int
    image_tokens: int


class InputTokensDetails(TokensDetails):
    """What kinds of tokens the input had, and how many of them the provider had in its cache."""

    cached_tokens: int = Field(default=0)
    """Left out where there are none. They may have prices of their own."""

    cached_tokens_details: TokensDetails | None = Field(default=None)
    """What kinds of tokens these are. Left out where there are none."""


class TokenCounts(Described):
    """What was delivered. Tokens are null where the provider counts none."""

    images: int
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    input_tokens_details: InputTokensDetails | None = Field(default=None)
    output_tokens_details: TokensDetails | None = Field(default=None)
    megapixels: float | None
    credits_used: MicroCredits


class Usage(TokenCounts):
    """What was delivered, and what it cost."""

    credits_remaining: MicroCredits | None
    """Null for an account that is not limited."""


class StreamUsage(TokenCounts):
    """What one event delivered, and what it cost."""

    credits_remaining: MicroCredits | None = None
    """Only in the last event."""


Watermark = Literal["c2pa", "provenance", "synthid", "none"]


class Image(Described):
    """One image, or its refusal."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None
    seed: int | None
    watermark: Watermark
    flagged: bool
    """Whether the provider withheld the image for its content. It is not charged."""

    flag_reason: str | None = None
    """Why it was withheld, in the provider's words. Only where it was."""


class ImageError(Described):
    """Why one of several images did not come."""

    index: int
    code: str | None
    message: str


class ImagesResponse(Described):
    """Images, and what they cost."""

    created: int
    """The provider's time in Unix seconds, 0 where it gives none."""

    model: str
    """The model as the request named it."""

    data: list[Image]
    background: str | None
    output_format: str | None
    quality: str | None
    size: str | None
    usage: Usage
    errors: list[ImageError] | None = None


class StreamEvent(Described):
    """What all events with an image have."""

    b64_json: str
    created_at: int
    size: str
    quality: str
    background: str
    output_format: str
    index: int
    """Which of several images it is."""


def _event_type(kind: str) -> Any:
    """Return the schema of the names that events of a kind have."""
    names = [operation.event(kind) for operation in OPERATIONS]
    schema: dict[str, Any] = {"const": names[0]} if len(names) == 1 else {"enum": names}
    return Field(json_schema_extra=schema)


class PartialImageEvent(StreamEvent):
    """A preview."""

    type: Annotated[str, _event_type("partial_image")]
    partial_image_index: int


class CompletedEvent(StreamEvent):
    """An image, or, with an empty `b64_json`, its refusal."""

    type: Annotated[str, _event_type("completed")]
    seed: int | None
    revised_prompt: str | None
    watermark: Watermark
    flagged: bool
    flag_reason: str | None = None
    """Why it was withheld, in the provider's words. Only where it was."""

    usage: StreamUsage


class ErrorEvent(Described):
    """The last event of a stream that failed."""

    type: Literal["error"]
    error: ErrorDetail
    errors: list[ImageError] | None = None


def _without_null(schema: dict[str, Any]) -> None:
    """Say of fields that may be left out that they are never null."""
    for name, field in schema["properties"].items():
        kinds = [kind for kind in field.pop("anyOf", ()) if kind != {"type": "null"}]
        if kinds:
            del field["default"]
            schema["properties"][name] = field | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


class OpenAIs(Described):
    """A JSON object of the profile `openai`, in which nothing is null."""

    model_config = ConfigDict(json_schema_extra=_without_null)


class OpenAIUsage(OpenAIs):
    """What was delivered, and what it cost. Tokens are 0 where the provider counts none."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens_details: TokensDetails
    images: int
    megapixels: float | None = None
    credits_used: MicroCredits
    credits_remaining: MicroCredits | None = None
    """Left out for an account that is not limited, and in all events but the last."""


class OpenAIImage(OpenAIs):
    """An image that was delivered."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None
    seed: int | None = None
    watermark: Watermark


class OpenAIImagesResponse(OpenAIs):
    """Images in the profile `openai`: unknown values are left out, never null."""

    created: int
    """The provider's time in Unix seconds, or else ours."""

    model: str
    """The model as the request named it."""

    data: list[OpenAIImage]
    background: Literal["transparent", "opaque"] | None = None
    output_format: Literal["png", "jpeg", "webp"]
    quality: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    size: Literal["1024x1024", "1024x1536", "1536x1024"] | None = None
    usage: OpenAIUsage
    errors: list[ImageError] | None = None
    """Images that failed, or that the provider withheld: `moderation_blocked`."""


class OpenAIStreamEvent(OpenAIs):
    """What all events of an image have in the profile `openai`."""

    b64_json: str
    created_at: int
    size: Literal["1024x1024", "1024x1536", "1536x1024", "auto"]
    quality: Literal["low", "medium", "high", "xhigh", "max", "auto"]
    background: Literal["transparent", "opaque", "auto"]
    output_format: Literal["png", "jpeg", "webp"]
    index: int
    """Which of several images it is."""


class OpenAIPartialImageEvent(OpenAIStreamEvent):
    """A preview in the profile `openai`."""

    type: Annotated[str, _event_type("partial_image")]
    partial_image_index: int


class OpenAICompletedEvent(OpenAIStreamEvent):
    """An image in the profile `openai`."""

    type: Annotated[str, _event_type("completed")]
    seed: int | None = None
    revised_prompt: str | None = None
    watermark: Watermark
    usage: OpenAIUsage


class QuotedRoute(Described):
    """Who would serve the request."""

    provider: str
    region: str
    binding: str


class Quote(Described):
    """What a request would get, and cost."""

    object: Literal["image.quote"]
    model: str
    route: QuotedRoute
    n: int
    size: str
    parameters: dict[str, Any]
    partial_images: int
    provider_parameters: dict[str, Any]
    adjustments: list[str]
    credits_ceiling: MicroCredits
    """What would be held."""

    credits_expected: MicroCredits | None
    """Null where the provider chooses what decides the price."""

    catalog_revision: str


class Lifecycle(Described):
    """Where a model is in its life."""

    state: str
    released_on: str | None
    deprecated_on: str | None
    retires_on: str | None
    replacement: str | None


class Provider(Described):
    """One way to serve a model."""

    provider: str
    binding: str
    active: bool
    regions: list[str]
    cost: dict[str, Any] | None


class Model(Described):
    """A model: OpenAI's fields, and what the catalog knows besides."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    shutdown_date: str | None
    display_name: str
    aliases: list[str]
    active: bool
    """Whether a request would be served today."""

    supported_features: list[str]
    operations: dict[str, dict[str, Any]]
    """What the model takes for each of `generation`, `edit` and `variation` that it has."""

    output_modality: dict[str, bool]
    watermark: Watermark
    limits: dict[str, int | None]
    size: dict[str, Any]
    parameters: dict[str, Any]
    provider_parameters: dict[str, list[str]]
    defaults: dict[str, Any]
    lifecycle: Lifecycle
    cost: dict[str, Any] | None
    """The price at the first binding, in decimal strings."""

    providers: list[Provider]


class ModelList(Described):
    """All models that the caller may use."""

    object: Literal["list"]
    data: list[Model]


class ModelUsage(Described):
    """What an account used of one model."""

    model: str
    requests: int
    images: int
    credits_used: MicroCredits


class UsageSince(Described):
    """What an account used since a day."""

    since: str
    models: list[ModelUsage]


class Credits(Described):
    """What the caller's account has, and used this month."""

    object: Literal["credits"]
    account: str
    unlimited: bool
    balance: MicroCredits
    held: MicroCredits
    credits_remaining: MicroCredits | None
    micro_credits_per_usd: int
    calls_per_minute: int
    usage: UsageSince
