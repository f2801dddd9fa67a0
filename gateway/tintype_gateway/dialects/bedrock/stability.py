"""Stability's models on AWS Bedrock: text to image, one image a call."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tintype_gateway.dialects.bedrock import common as bedrock
from tintype_gateway.dialects.common import MALFORMED, malformed, plain_base64, reason
from tintype_gateway.dialects.provider_parameters import merge
from tintype_gateway.images import lazy_json as blobs
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest, UpstreamResponse

read_error = bedrock.read_error
"""Errors speak of the call alone: refusals are responses of status 200."""

_PASSED_ON = ("negative_prompt", "seed", "output_format")

_FILTERED = "Filter reason:"
"""How the reason of a refusal begins: of the prompt, or of the image."""


FIRST_IMAGE = re.compile(
    rb'"finish_reasons"\s*+:\s*+\[\s*+null\s*+\]'
    rb"(?:[^{}\[\]]*\[[^{}\[\]]*\]){0,2}"  # seeds, say: bounded, or else it would take ages
    rb'[^{}\[\]]*"images"\s*+:\s*+\[\s*+\Z'
)
"""What stands before the image of a response that has said before that it was not refused."""


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    """Return the call that asks for one of the job's images, whatever `images` says.

    What is ours to say is merged in last, so that no provider parameter can replace it.
    """
    ours: dict[str, object] = {"prompt": job.prompt, "mode": "text-to-image"}
    ours |= {name: job.parameters[name] for name in _PASSED_ON if name in job.parameters}
    if job.size.ratio is not None:
        ours["aspect_ratio"] = job.size.ratio
    return bedrock.invoke(route, merge(job.extras, ours), credentials)


def interpret(response: UpstreamResponse) -> CallResult:
    """Return the image of a response with its seed, or that its content was refused.

    Raises:
        UpstreamFault: The model failed, or the response does not have the form of one.
    """
    try:
        document: Any = blobs.loads(response.body)
        reasons = [each for each in document.get("finish_reasons") or () if each]
        if filtered := [each for each in reasons if each.startswith(_FILTERED)]:
            why = reason(filtered[0])
            return CallResult(images=(), rest_refused=True, refusal_reasons=why)
        if reasons:
            raise UpstreamFault("failed", "the model failed to make the image")
        return CallResult(images=tuple(_images(document)))
    except MALFORMED as error:
        raise malformed() from error


def _images(document: Mapping[str, Any]) -> Iterator[GeneratedImage]:
    seeds = document.get("seeds")
    told = seeds if isinstance(seeds, list) else []
    for index, image in enumerate(document["images"]):
        yield GeneratedImage(base64=plain_base64(image), seed=_seed(told[index : index + 1]))


def _seed(told: list[Any]) -> int | None:
    """Return a seed, documented as a text and seen as a number; an image is worth more than it."""
    try:
        return int(told[0])
    except MALFORMED:
        return None
