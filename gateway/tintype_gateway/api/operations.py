"""What clients can ask for: one row for each operation. All that depends on which operation a
request is for reads its row, so that another operation is another row."""

from dataclasses import dataclass

from tintype_gateway.api.requests import ImageGenerationRequest, ImageRequest
from tintype_gateway.values.plan import Operation


@dataclass(frozen=True, slots=True)
class ApiOperation(Operation):
    """An operation as the API offers it."""

    path: str
    quote_path: str
    """Where the same body is quoted."""

    request_model: type[ImageRequest]
    media_types: tuple[str, ...]
    """The media types that a body may have."""

    title: str
    """Its name in the operation ids of the OpenAPI document: `create` and `quote` stand before."""

    summary: str


GENERATION = ApiOperation(
    name="image_generation",  # OpenTelemetry's conventions have no word for images: Envoy's
    feature="image_generation",
    event_prefix="image_generation",
    path="/v1/images/generations",
    quote_path="/v1/images/quote",
    request_model=ImageGenerationRequest,
    media_types=("application/json",),
    title="Image",
    summary="Make images",
)

OPERATIONS = (GENERATION,)
