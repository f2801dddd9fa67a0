"""The fields of the operations: OpenAI's, `seed` and `negative_prompt`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tintype_catalog.sizes import SIZE
from tintype_gateway.frozen import frozen_value
from tintype_gateway.values.content import Upload


def _size(text: str) -> str:
    if SIZE.fullmatch(text) is None:
        raise ValueError("must be `WIDTHxHEIGHT` in pixels, such as 1024x1024, or `auto`")
    return text


class ImageRequest(BaseModel):
    """The fields that the requests of all operations share."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True
    )

    model: Annotated[str, Field(min_length=1, max_length=256)]
    """The id of the model, optionally behind a provider and a slash: `PROVIDER/ID`."""

    n: Annotated[int, Field(ge=1, le=10)] = 1
    """The number of images."""

    size: Annotated[str, AfterValidator(_size)] | None = None
    """Width and height in pixels as `WIDTHxHEIGHT`, or `auto`."""

    quality: str | None = None
    """The quality of the image."""

    style: str | None = None
    """The look of the image."""

    background: Literal["transparent", "opaque", "auto"] | None = None
    """The background of the image."""

    output_format: Literal["png", "jpeg", "webp", "gif", "svg"] | None = None
    """The format of the image. `gif` and `svg` are for models that make them."""

    output_compression: Annotated[int, Field(ge=0, le=100)] | None = None
    """The quality of a jpeg or webp image, in percent."""

    moderation: Literal["auto", "low"] | None = None
    """How strictly the provider moderates content."""

    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    """The seed, which makes an image reproducible."""

    negative_prompt: Annotated[str, Field(max_length=32_000)] | None = None
    """A description of what the image must not show."""

    user: Annotated[str, Field(max_length=512)] | None = None
    """An id of the end user, for the provider's monitoring of abuse."""

    safety_identifier: Annotated[str, Field(max_length=512)] | None = None
    """An id of the end user, in OpenAI's newer field."""

    response_format: Literal["b64_json", "url"] | None = None
    """Whether the response has base64 or URLs."""

    stream: bool | None = None
    """Whether the response is a stream of events."""

    partial_images: Annotated[int, Field(ge=0, le=3)] | None = None
    """The number of previews of each image in a stream."""

    webhook_url: Annotated[str, Field(min_length=1, max_length=2048)] | None = None
    """The https URL that is told when the job ends. Only with `Prefer: respond-async`."""


class ImageGenerationRequest(ImageRequest):
    """A request for new images. A field that is null counts as left out.

    `quality` and `style` are words here, because which ones there are depends on the catalog.
    """

    prompt: Annotated[str, Field(min_length=1)]
    """A description of the image."""


class ImageEditRequest(ImageRequest):
    """A request to change images, without the images themselves."""

    prompt: Annotated[str, Field(min_length=1)] | None = None
    """What the new image should show, or what should change. Some models need none."""

    input_fidelity: Literal["low", "high"] | None = None
    """How closely the new image keeps to the details of the ones sent."""


class ImageVariationRequest(ImageRequest):
    """A request for images that are like another one, without that one."""


@frozen_value(frozen=True, slots=True)
class ValidRequest:
    """A request whose fields are all known, of the right type and within their limits."""

    fields: ImageRequest
    provider_parameters: Mapping[str, object]
    models_that_accept: Mapping[str, tuple[str, ...]]
    """The ids of the models that accept each of these provider parameters."""

    images: tuple[Upload, ...] = ()
    """The images that the client sent, in its order."""

    mask: Upload | None = None
    """Which part of the first image may change."""

    @property
    def prompt(self) -> str | None:
        """The client's own prompt, None where it sent none."""
        prompt: str | None = getattr(self.fields, "prompt", None)
        return prompt
