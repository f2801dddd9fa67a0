"""The schemas of all responses, for the OpenAPI document only. The serializers write responses by
hand, because pydantic would copy images of megabytes."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tintype_gateway.api.operations import OPERATIONS

MicroCredits = Annotated[int, Field(description="Millionths of a credit.")]


class Described(BaseModel):
    """A JSON object with these fields and no others."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ErrorDetail(Described):
    """OpenAI's error object."""

    message: str
    type: str
    param: str | None
    """The invalid field."""

    code: str | None


class FieldError(Described):
    """The problem of one field."""

    param: str
    message: str
    code: str


class Error(Described):
    """OpenAI's envelope."""

    error: ErrorDetail


class FieldErrors(Error):
    """OpenAI's envelope, and all invalid fields."""

    errors: list[FieldError]


class CreditAmounts(Described):
    """The ceiling of a request's cost, and the credits of its account, in micro-credits."""

    required: int
    available: int


class MissingCredits(Error):
    """OpenAI's envelope, and the amounts."""

    credits: CreditAmounts


class Budget(Described):
    """A budget of an account, and what is spent of it in its current window, in micro-credits."""

    window: Literal["day", "week", "month"]
    model: str | None
    """Null: all models together."""

    limit: MicroCredits
    start: str
    """When the window began, in the account's time zone (RFC 3339)."""

    end: str
    spent: MicroCredits
    """What was charged, and the most that running requests can cost."""

    remaining: MicroCredits


class BudgetNeeded(Budget):
    """The budget that a request would exceed."""

    required: MicroCredits
    """The most that the request can cost."""


class ExceededBudget(Error):
    """OpenAI's envelope, and the budget."""

    budget: BudgetNeeded


class TokensDetails(Described):
    """The kinds of tokens in a count. Each kind has its own price."""

    text_tokens: int
    image_tokens: int


class InputTokensDetails(TokensDetails):
    """The kinds of input tokens, and how many of them came from the provider's cache."""

    cached_tokens: int = Field(default=0)
    """Absent if there are none. They may have other prices."""

    cached_tokens_details: TokensDetails | None = Field(default=None)
    """The kinds of these tokens. Absent if there are none."""


class TokenCounts(Described):
    """The delivered images. Tokens are null if the provider counts none."""

    images: int
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    input_tokens_details: InputTokensDetails | None = Field(default=None)
    output_tokens_details: TokensDetails | None = Field(default=None)
    megapixels: float | None
    credits_used: MicroCredits


class Usage(TokenCounts):
    """The delivered images and their cost."""

    credits_remaining: MicroCredits | None
    """Null for an account without a limit."""


class StreamUsage(TokenCounts):
    """The image of one event and its cost."""

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
    """Whether the provider refused the image for its content. Such an image is not charged."""

    flag_reason: str | None = None
    """The provider's reason for the refusal. Only for refused images."""


class ImageError(Described):
    """The reason why one of several images is missing."""

    index: int
    code: str | None
    message: str


class ImagesResponse(Described):
    """Images, and what they cost."""

    created: int
    """The provider's timestamp in Unix seconds, or 0."""

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
    """The fields that all events with an image share."""

    b64_json: str
    created_at: int
    size: str
    quality: str
    background: str
    output_format: str
    index: int
    """The index of the image among those of the request."""


def _event_type(kind: str) -> Any:
    """Return the schema of the event names of a kind."""
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
    """The provider's reason for the refusal. Only for refused images."""

    usage: StreamUsage


class ErrorEvent(Described):
    """The last event of a stream that failed."""

    type: Literal["error"]
    error: ErrorDetail
    errors: list[ImageError] | None = None


def _without_null(schema: dict[str, Any]) -> None:
    """Remove null from the schemas of optional fields."""
    for name, field in schema["properties"].items():
        kinds = [kind for kind in field.pop("anyOf", ()) if kind != {"type": "null"}]
        if kinds:
            del field["default"]
            schema["properties"][name] = field | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


class OpenAIs(Described):
    """A JSON object of the profile `openai`, in which nothing is null."""

    model_config = ConfigDict(json_schema_extra=_without_null)


class OpenAIUsage(OpenAIs):
    """The delivered images and their cost. Tokens are 0 if the provider counts none."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens_details: TokensDetails
    images: int
    megapixels: float | None = None
    credits_used: MicroCredits
    credits_remaining: MicroCredits | None = None
    """Absent for an account without a limit, and in all events except the last."""


class OpenAIImage(OpenAIs):
    """An image that was delivered."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None
    seed: int | None = None
    watermark: Watermark


class OpenAIImagesResponse(OpenAIs):
    """Images in the profile `openai`: unknown values are absent, never null."""

    created: int
    """The provider's timestamp in Unix seconds, or the gateway's."""

    model: str
    """The model as the request named it."""

    data: list[OpenAIImage]
    background: Literal["transparent", "opaque"] | None = None
    output_format: Literal["png", "jpeg", "webp", "gif", "svg"]
    quality: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    size: Literal["1024x1024", "1024x1536", "1536x1024"] | None = None
    usage: OpenAIUsage
    errors: list[ImageError] | None = None
    """Images that failed, or that the provider refused: `moderation_blocked`."""


class OpenAIStreamEvent(OpenAIs):
    """The fields that all events with an image share in the profile `openai`."""

    b64_json: str
    created_at: int
    size: Literal["1024x1024", "1024x1536", "1536x1024", "auto"]
    quality: Literal["low", "medium", "high", "xhigh", "max", "auto"]
    background: Literal["transparent", "opaque", "auto"]
    output_format: Literal["png", "jpeg", "webp", "gif", "svg"]
    index: int
    """The index of the image among those of the request."""


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
    """The route that would serve the request."""

    provider: str
    region: str
    binding: str


class Quote(Described):
    """The route, the adjustments and the cost of a request."""

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
    """The amount of the hold, in micro-credits."""

    credits_expected: MicroCredits | None
    """Null if the provider chooses what decides the price."""

    budget_remaining: MicroCredits | None
    """What the tightest budget would have left after the ceiling; null without a budget."""

    catalog_revision: str


class Lifecycle(Described):
    """The lifecycle of a model."""

    state: str
    released_on: str | None
    deprecated_on: str | None
    retires_on: str | None
    replacement: str | None


class Provider(Described):
    """One route to a model."""

    provider: str
    binding: str
    active: bool
    regions: list[str]
    cost: dict[str, Any] | None
    next_cost: dict[str, Any] | None


class Model(Described):
    """A model: OpenAI's fields, and further ones from the catalog."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    shutdown_date: str | None
    display_name: str
    aliases: list[str]
    active: bool
    """Whether the gateway would serve a request today."""

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
    """The price at the first binding, in decimal strings. It has `valid_from` if it came in the
    place of an earlier one."""

    next_cost: dict[str, Any] | None
    """The next price at the first binding, from its `valid_from` on. Null if none is announced."""

    providers: list[Provider]


class ModelList(Described):
    """All models that the caller may use."""

    object: Literal["list"]
    data: list[Model]


class ModelUsage(Described):
    """The usage of one model by an account."""

    model: str
    requests: int
    images: int
    credits_used: MicroCredits


class UsageSince(Described):
    """The usage of an account since a day."""

    since: str
    models: list[ModelUsage]


class Credits(Described):
    """The credits of the caller's account, and its usage in this month."""

    object: Literal["credits"]
    account: str
    unlimited: bool
    balance: MicroCredits
    held: MicroCredits
    credits_remaining: MicroCredits | None
    micro_credits_per_usd: int
    calls_per_minute: int
    time_zone: str
    """The time zone of the windows of budgets (IANA)."""

    budgets: list[Budget]
    usage: UsageSince
