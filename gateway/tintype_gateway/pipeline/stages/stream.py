"""Does the answer come as a stream, and is it the provider's?"""

from dataclasses import replace

from tintype_gateway.api.requests import ImageRequest
from tintype_gateway.errors import UnsupportedParameterError
from tintype_gateway.values import Job


def stream(job: Job, fields: ImageRequest, *, native: bool, strict: bool) -> Job:
    """Return the job as a stream asks for it, where `native` says whether the provider streams.

    Every model's images can come in a stream; previews are only relayed, never invented.

    Raises:
        UnsupportedParameterError: Previews are asked for, and handling is strict.
    """
    partial_images = fields.partial_images or 0
    if not fields.stream:
        return job
    if native:
        return replace(job, streamed=True, partial_images=partial_images)
    if partial_images == 0:
        return job
    if strict:
        raise UnsupportedParameterError(
            "`partial_images`: the model gives no previews, and handling is strict",
            param="partial_images",
        )
    return replace(job, adjustments=(*job.adjustments, "partial_images=stripped"))
