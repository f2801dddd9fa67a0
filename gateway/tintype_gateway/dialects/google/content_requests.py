"""What Gemini's image models are asked for by `generateContent`, wherever they run."""

from collections.abc import Mapping

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.catalog import Binding
from tintype_catalog.costs import image_tokens
from tintype_catalog.operations import OperationName
from tintype_catalog.pricing import Pricing
from tintype_gateway.dialects.provider_parameters import merge
from tintype_gateway.values.job import Job
from tintype_gateway.values.upstream_body import FileBase64

_BESIDE_CONFIG = frozenset({"safetySettings"})
"""The provider parameters that stand beside `generationConfig`, all others stand in it."""

OPERATIONS: frozenset[OperationName] = frozenset(("generation", "edit", "variation"))


def streams(binding: Binding) -> bool:
    """Return whether the model can respond with a stream: all of them can."""
    return True


def mask_convention(task: str | None) -> MaskConvention | None:
    """Return how a mask is read: the protocol has none, and a prompt says what to change."""
    return None


def method_of(job: Job) -> str:
    """Return the method that responds as the job wants: whole, or as a stream of events."""
    return "streamGenerateContent?alt=sse" if job.streamed else "generateContent"


def body_of(job: Job, pricing: Pricing) -> Mapping[str, object]:
    """Return the body that asks for one image: the protocol has no word for more.

    The gateway's own fields are merged in last, so that no provider parameter can replace them.
    Text is asked for as well: it tells how the model understood the prompt. Images of the job are
    files in the body.
    """
    beside = {name: job.extras[name] for name in _BESIDE_CONFIG & job.extras.keys()}
    extras = {name: value for name, value in job.extras.items() if name not in _BESIDE_CONFIG}
    return {
        **beside,
        "contents": [{"role": "user", "parts": [*_images(job), {"text": job.prompt}]}],
        "generationConfig": merge(extras, _decided(job, pricing)),
    }


def _images(job: Job) -> list[dict[str, object]]:
    """Return the images as parts, in the order in which a prompt speaks of them."""
    return [
        {"inlineData": {"mimeType": f"image/{image.format}", "data": FileBase64(image.content)}}
        for image in job.inputs
    ]


def _decided(job: Job, pricing: Pricing) -> dict[str, object]:
    """Return the part of the configuration that is decided by us, or by standard parameters."""
    decided: dict[str, object] = {"responseModalities": ["TEXT", "IMAGE"], "candidateCount": 1}
    size = {"aspectRatio": job.size.ratio, "imageSize": job.size.resolution}
    if named := {name: value for name, value in size.items() if value is not None}:
        decided["imageConfig"] = named
    if "seed" in job.parameters:
        decided["seed"] = job.parameters["seed"]
    if pricing.max_other_output_tokens:
        decided["maxOutputTokens"] = _max_output_tokens(job, pricing)
    return decided


def _max_output_tokens(job: Job, pricing: Pricing) -> int:
    """Return the tokens of the image and of all else: Google counts thoughts and text as well."""
    image = image_tokens(pricing, job.size.size, job.quality, None)
    return image + pricing.max_other_output_tokens
