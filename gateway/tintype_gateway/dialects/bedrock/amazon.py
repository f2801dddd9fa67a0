"""Amazon's own image models on AWS Bedrock, Titan v2 and Nova Canvas: their task `TEXT_IMAGE`."""

import re
from collections.abc import Mapping
from typing import Any

from tintype_gateway.dialects.bedrock import common as bedrock
from tintype_gateway.dialects.common import MALFORMED, malformed, plain_base64, reason
from tintype_gateway.dialects.provider_parameters import merge
from tintype_gateway.images import lazy_json as blobs
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest, UpstreamResponse

read_error = bedrock.read_error
"""A refused prompt is an error, whose message speaks of content filters."""

_PROMPT = {"negative_prompt": "negativeText", "style": "style"}
_CONFIG = {"quality": "quality", "seed": "seed"}


FIRST_IMAGE = re.compile(rb'"images"\s*:\s*\[\s*\Z')
"""What stands before the first image of a response."""


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    """Return the call that asks for so many of the job's images.

    What is ours to say is merged in last, so that no provider parameter can replace it.
    """
    config: dict[str, object] = {"numberOfImages": images, **_renamed(job, _CONFIG)}
    if job.size.size is not None:
        config |= {"width": job.size.size.width, "height": job.size.size.height}
    ours = {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": job.prompt, **_renamed(job, _PROMPT)},
        "imageGenerationConfig": config,
    }
    return bedrock.invoke(route, merge(job.extras, ours), credentials)


def interpret(response: UpstreamResponse) -> CallResult:
    """Return the images of a response; a truthy `error` says that the others were filtered.

    The field may also be null, empty or missing where nothing was.

    Raises:
        UpstreamFault: The response is not JSON, or has something else for an image.
    """
    try:
        document: Any = blobs.loads(response.body)
        return CallResult(
            images=tuple(
                GeneratedImage(base64=plain_base64(image)) for image in document.get("images") or ()
            ),
            rest_refused=bool(document.get("error")),
            refusal_reasons=reason(document.get("error")),
        )
    except MALFORMED as error:
        raise malformed() from error


def _renamed(job: Job, names: Mapping[str, str]) -> dict[str, object]:
    """Return the job's parameters by Amazon's names, without empty texts, which it refuses."""
    return {
        theirs: job.parameters[ours]
        for ours, theirs in names.items()
        if job.parameters.get(ours, "") != ""
    }
