"""Are these the promised pictures?"""

from tintype_catalog.catalog import Model
from tintype_gateway.images.header import read_header
from tintype_gateway.values import (
    FinishedCall,
    FinishedImage,
    GeneratedImage,
    Generation,
    Plan,
    PlannedCall,
    UpstreamFault,
)


async def finish(planned: PlannedCall, generation: Generation, plan: Plan) -> FinishedCall:
    """Return the pictures of a call with their true format and size, read from their first bytes.

    Raises:
        UpstreamFault: There is no picture, or one that is not a picture.
    """
    images = tuple(_finished(image, plan.model) for image in generation.images)
    refused = max(planned.asked - len(images), 0) if generation.rest_refused else 0
    if not images and not refused:
        raise UpstreamFault("outcome_unknown", "the provider's answer has no picture")
    return FinishedCall(planned.first, planned.asked, generation, images, refused)


def _finished(image: GeneratedImage, model: Model) -> FinishedImage:
    try:
        header = read_header(image.base64)
    except ValueError as error:
        message = f"the provider's answer is no picture: {error}"
        raise UpstreamFault("outcome_unknown", message) from error
    return FinishedImage(image, header.format, header.size, model.watermark)
