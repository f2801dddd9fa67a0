"""Are these the promised pictures?"""

from tintype_gateway.images.header import read_header
from tintype_gateway.values import FinishedCall, FinishedImage, Generation, UpstreamFault


def finish(first: int, asked: int, generation: Generation) -> FinishedCall:
    """Return the pictures of a call with their true format and size, read from their first bytes.

    Raises:
        UpstreamFault: There is no picture, or one that is not a picture.
    """
    if not generation.images:
        raise UpstreamFault("outcome_unknown", "the provider's answer has no picture")
    images = []
    for image in generation.images:
        try:
            header = read_header(image.base64)
        except ValueError as error:
            raise UpstreamFault(
                "outcome_unknown", f"the provider's answer is no picture: {error}"
            ) from error
        images.append(FinishedImage(image, header.format, header.size))
    return FinishedCall(first, asked, generation, tuple(images))
