"""What a gateway asks a policy service, and what that answers: version 1 of the protocol.

The OpenAPI document of the protocol is made from these models, by `guardrails.openapi`. A service
may get more fields in later versions, and has to ignore those that it does not know; the gateway
does the same.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

MAX_MESSAGE_CHARACTERS = 1000
"""The longest reason of a refusal."""

MAX_PROMPT_CHARACTERS = 1_000_000
"""The longest prompt of any model."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class PolicyImage(_Message):
    """An image: its digest, and a preview if the gateway's settings say so."""

    index: int
    """Its place: among the images of the request, or among those that were made."""

    sha256: str
    """The SHA-256 of the file, in hexadecimal."""

    format: str
    """`png`, `jpeg`, `webp`, `heic`, `gif` or `svg`."""

    bytes: int
    """The length of the file."""

    width: int | None = None
    """In pixels, upright; null where an SVG states no size."""

    height: int | None = None
    """In pixels, upright; null where an SVG states no size."""

    preview: str | None = None
    """The base64 of a JPEG whose longer edge has at most 512 pixels, transparent parts in white;
    null without previews, and for images that cannot be drawn (GIF, SVG)."""

    preview_colors: str | None = None
    """The same without transparency: the colors of the file, also of what is transparent. Null for
    an image that is opaque."""

    preview_alpha: str | None = None
    """The transparency alone, in gray: black is transparent, and white opaque. Null for an image
    that is opaque."""


class _Check(_Message):
    request_id: str
    """The id of the request, as the client and the gateway's logs have it."""

    operation: str
    """`image_generation`, `image_edit` or `image_variation`."""

    model: str
    """The id of the model in the catalog."""

    account: str
    """The account that pays."""

    user: str | None = None
    """The end user that the request names, if it does."""

    prompt: str
    """What the provider gets; empty for a request without a prompt."""

    parameters: dict[str, JsonValue] = {}
    """The other values that the provider gets, such as a negative prompt."""

    images: tuple[PolicyImage, ...] = ()
    """The images in question: those of the client, or those that were made."""


class PromptCheck(_Check):
    """May this request be sent to a provider? Nothing is held or charged yet."""

    type: Literal["guardrail.prompt"] = "guardrail.prompt"
    """The type of the question."""


class ImagesCheck(_Check):
    """May the client get these images, which a provider has made?"""

    type: Literal["guardrail.images"] = "guardrail.images"
    """The type of the question."""


class Allow(_Message):
    """The request goes on as it is."""

    verdict: Literal["allow"]


class Deny(_Message):
    """The request is refused: 400 `content_policy`."""

    verdict: Literal["deny"]
    message: Annotated[str, Field(min_length=1, max_length=MAX_MESSAGE_CHARACTERS)]
    """The reason, which the client gets."""


class Replace(_Message):
    """The provider gets another prompt. Only for a prompt that is not empty."""

    verdict: Literal["replace"]
    prompt: Annotated[str, Field(min_length=1, max_length=MAX_PROMPT_CHARACTERS)]
    """What the provider gets instead; no longer than the model takes."""


Verdict = Annotated[Allow | Deny | Replace, Field(discriminator="verdict")]
"""The answer about a prompt."""

ImagesVerdict = Annotated[Allow | Deny, Field(discriminator="verdict")]
"""The answer about images."""

PROMPT_VERDICTS: TypeAdapter[Allow | Deny | Replace] = TypeAdapter(Verdict)
IMAGES_VERDICTS: TypeAdapter[Allow | Deny] = TypeAdapter(ImagesVerdict)
