"""What Imagen is asked for by `predict`, and what it responds, wherever it runs."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tintype_gateway.dialects.base import next_image_pattern
from tintype_gateway.dialects.common import MALFORMED, malformed, reason, text
from tintype_gateway.dialects.google import errors
from tintype_gateway.dialects.google.standard_base64 import standard_base64
from tintype_gateway.dialects.provider_parameters import merge
from tintype_gateway.images import lazy_json as blobs
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_gateway.values.job import Job
from tintype_gateway.values.upstream import UpstreamResponse

_REFUSAL = re.compile(r"prompt could not be submitted|violate", re.IGNORECASE)
"""How Imagen refuses a prompt by its words: an error like any other but for its message."""


_REASON = "raiFilteredReason"
"""The field of an entry that stands for a filtered image, and says why it was."""

FIRST_IMAGE = re.compile(rb'"predictions"\s*:\s*\[\s*\{[^{}\[\]]*"bytesBase64Encoded"\s*:\s*\Z')
"""The text before the first image of a response that begins with one."""

_TYPE = rb'"mimeType"\s*+:\s*+"[a-z/]*+"\s*+'

NEXT_IMAGE = next_image_pattern(
    before=rb"\{\s*+(?:" + _TYPE + rb',\s*+)?+"bytesBase64Encoded"\s*+:\s*+',
    after=rb"\s*+(?:,\s*+" + _TYPE + rb")?+\}\s*+,\s*+",
)


def body_of(job: Job, images: int) -> Mapping[str, object]:
    """Return the body that asks for a number of the job's images.

    The gateway's own fields are merged in last, so that no provider parameter can replace them.
    """
    parameters = merge(merge(_output_options(job), job.extras), _decided(job, images))
    return {"instances": [{"prompt": job.prompt}], "parameters": parameters}


def interpret(response: UpstreamResponse) -> CallResult:
    """Return the images that were not filtered: filtered ones are reasons, or simply missing.

    Raises:
        UpstreamFault: The response is not JSON, or has entries that are neither.
    """
    try:
        document: Any = blobs.loads(response.body)
        predictions = [] if document == {} else document["predictions"]
        images = tuple(_image(entry) for entry in predictions if not _is_remark(entry))
        remarks = filter(_is_remark, predictions)
        reasons = tuple(each for entry in remarks for each in reason(entry.get(_REASON)))
        return CallResult(images=images, rest_refused=True, refusal_reasons=reasons)
    except MALFORMED as error:
        raise malformed() from error


def read_error(response: UpstreamResponse) -> UpstreamFault:
    """Return the fault of a status other than 200."""
    fault = errors.read_error(response)
    if fault.kind == "invalid" and _REFUSAL.search(fault.message):
        return replace(fault, kind="refused")
    return fault


def _output_options(job: Job) -> dict[str, object]:
    """Return the format and the compression that the job names."""
    options: dict[str, object] = {}
    if "output_format" in job.parameters:
        options["mimeType"] = f"image/{job.parameters['output_format']}"
    if "output_compression" in job.parameters:
        options["compressionQuality"] = job.parameters["output_compression"]
    return {"outputOptions": options} if options else {}


def _decided(job: Job, images: int) -> dict[str, object]:
    """Return the parameters that are no provider parameters, and never may be."""
    decided: dict[str, object] = {"sampleCount": images, "includeRaiReason": True}
    if job.size.ratio is not None:
        decided["aspectRatio"] = job.size.ratio
    if job.size.resolution is not None:
        decided["sampleImageSize"] = job.size.resolution
    return decided


def _image(entry: Mapping[str, Any]) -> GeneratedImage:
    return GeneratedImage(
        base64=standard_base64(entry["bytesBase64Encoded"]),
        revised_prompt=text(entry.get("prompt")),
    )


def _is_remark(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry speaks of an image, or of the prompt, and holds none."""
    spoken = _REASON in entry or "safetyAttributes" in entry
    return spoken and "bytesBase64Encoded" not in entry
