"""What clients can ask for: one row for each operation. All that depends on which operation a
request is for reads its row, so that another operation is another row."""

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
    """An operation as the API offers it."""

    path: str
    quote_path: str
    """Where the same body is quoted."""

    request_model: type[ImageRequest]
    media_types: tuple[str, ...]
    """The media types that a body may have. Those with images may be forms."""

    title: str
    """Its name in the operation ids of the OpenAPI document: `create` and `quote` stand before."""

    summary: str
    takes_mask: bool = False
    """Whether a body may have a mask."""

    @property
    def takes_images(self) -> bool:
        """Whether a body has images."""
        return FORM in self.media_types


GENERATION = ApiOperation(
    name="image_generation",  # OpenTelemetry's conventions have no word for images: Envoy's
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

OPERATIONS: tuple[ApiOperation, ...] = (GENERATION,)
