"""The operations of the API, one row each. All code that depends on the operation of a request
reads its row, so that a new operation is a new row."""

from dataclasses import dataclass

from tintype_gateway.api.requests import (
    ImageEditRequest,
    ImageGenerationRequest,
    ImageRequest,
    ImageVariationRequest,
)
from tintype_gateway.values.plan import Operation

JSON = "application/json"
FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class ApiOperation(Operation):
    """An operation of the API."""

    path: str
    quote_path: str
    """The path of its quote."""

    request_model: type[ImageRequest]
    media_types: tuple[str, ...]
    """The accepted media types of a body. A body with images may be multipart."""

    title: str
    """Its name in OpenAPI operation ids, after `create` or `quote`."""

    summary: str
    takes_mask: bool = False
    """Whether a body may have a mask."""

    @property
    def takes_images(self) -> bool:
        """Whether a body has images."""
        return FORM in self.media_types


GENERATION = ApiOperation(
    # OpenTelemetry's conventions have no name for image operations; this is Envoy's
    name="image_generation",
    rule="generation",
    feature="image_generation",
    event_prefix="image_generation",
    path="/v1/images/generations",
    quote_path="/v1/images/quote",
    request_model=ImageGenerationRequest,
    media_types=(JSON,),
    title="Image",
    summary="Make images",
)

EDIT = ApiOperation(
    name="image_edit",
    rule="edit",
    feature="image_edit",
    event_prefix="image_edit",
    path="/v1/images/edits",
    quote_path="/v1/images/edits/quote",
    request_model=ImageEditRequest,
    media_types=(FORM, JSON),
    title="ImageEdit",
    summary="Change images",
    takes_mask=True,
)

VARIATION = ApiOperation(
    name="image_variation",
    rule="variation",
    feature="image_variation",
    event_prefix="image_variation",
    path="/v1/images/variations",
    quote_path="/v1/images/variations/quote",
    request_model=ImageVariationRequest,
    media_types=(FORM, JSON),
    title="ImageVariation",
    summary="Make images that are like another one",
)

OPERATIONS = (GENERATION, EDIT, VARIATION)
