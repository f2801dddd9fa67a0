"""Stability's models and image services on AWS Bedrock: one image a call."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.operations import OperationName
from tintype_catalog.sizes import Size
from tintype_gateway.dialects.bedrock import common as bedrock
from tintype_gateway.dialects.common import MALFORMED, malformed, plain_base64, reason
from tintype_gateway.dialects.provider_parameters import merge
from tintype_gateway.images import lazy_json as blobs
from tintype_gateway.values.content import InputImage
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest, UpstreamResponse
from tintype_gateway.values.upstream_body import FileBase64

read_error = bedrock.read_error
"""Errors speak of the call alone: refusals are responses of status 200."""

OPERATIONS: tuple[OperationName, ...] = ("generation", "edit", "variation")
"""Any task of the models can carry out any of them."""

_PASSED_ON = ("negative_prompt", "seed", "output_format")

_FILTERED = "Filter reason:"
"""How the reason of a refusal begins: of the prompt, or of the image."""


FIRST_IMAGE = re.compile(
    rb'"finish_reasons"\s*+:\s*+\[\s*+null\s*+\]'
    rb"(?:[^{}\[\]]*\[[^{}\[\]]*\]){0,2}"  # seeds, say: bounded, or else it would take ages
    rb'[^{}\[\]]*"images"\s*+:\s*+\[\s*+\Z'
)
"""What stands before the image of a response that has said before that it was not refused."""


class _Task(NamedTuple):
    """How a body asks for a task: what a model or a service does."""

    images: tuple[str, ...] = ("image",)
    """The fields of the job's images, in their order."""

    takes_prompt: bool = True
    takes_style: bool = True
    takes_ratio: bool = False
    """Whether it takes an aspect ratio; else the input images decide the size."""

    takes_mask: bool = False
    grows: bool = False
    """Whether it is asked for a size by the pixels to add on each side."""

    fixed: Mapping[str, object] = {}
    """Fields with one value."""

    defaults: Mapping[str, object] = {}
    """Required fields, which a request may leave out."""


_DEFAULT_TASK = "text-to-image"
_MASKED = _Task(takes_mask=True)
_UNPROMPTED = _Task(takes_prompt=False)

_TASKS: Mapping[str, _Task] = {
    _DEFAULT_TASK: _Task((), takes_style=False, takes_ratio=True, fixed={"mode": "text-to-image"}),
    "image-to-image": _Task(
        takes_style=False,
        fixed={"mode": "image-to-image"},
        defaults={"strength": 0.35},  # the only default that AWS documents, for another model
    ),
    "inpaint": _MASKED,
    "erase-object": _Task(takes_prompt=False, takes_mask=True),
    "outpaint": _Task(grows=True),
    "search-replace": _Task(),
    "search-recolor": _Task(),
    "remove-background": _UNPROMPTED,
    "control-sketch": _Task(),
    "control-structure": _Task(),
    "style-guide": _Task(takes_ratio=True),
    "style-transfer": _Task(("init_image", "style_image")),
    "creative-upscale": _Task(),
    "conservative-upscale": _Task(),
    "fast-upscale": _UNPROMPTED,
}

_SIDES = ("left", "right", "up", "down")
_MOST_GROWTH = 2000
"""The most pixels that outpaint adds on one side."""


def mask_convention(task: str | None) -> MaskConvention | None:
    """Return how a task reads its mask, None where it takes no mask."""
    row = _TASKS.get(task or _DEFAULT_TASK)
    return "luminance_edits" if row and row.takes_mask else None


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    """Return the call that asks for one image of the job, and ignores `images`.

    The gateway's own fields are merged in last, so that no provider parameter can replace them.

    Raises:
        UpstreamFault: The credentials lack a key, the images are too large together, or an image
            cannot grow to the size of the job.
    """
    task = bedrock.task_of(_TASKS, job.task or _DEFAULT_TASK)
    ours: dict[str, object] = {**_texts(job, task), **task.fixed}
    ours |= {name: FileBase64(image.content) for name, image in _images(job, task)}
    if job.mask is not None:
        ours["mask"] = FileBase64(job.mask.content)
    ours |= {name: job.parameters[name] for name in _PASSED_ON if name in job.parameters}
    if task.takes_style and "style" in job.parameters:
        ours["style_preset"] = job.parameters["style"]
    if task.takes_ratio and job.size.ratio is not None:
        ours["aspect_ratio"] = job.size.ratio
    if task.grows and job.extras.keys().isdisjoint(_SIDES):
        ours |= _growth(job)
    body = merge(merge(task.defaults, job.extras), ours)
    return bedrock.invoke(route, body, credentials, has_files=bool(job.inputs))


def _texts(job: Job, task: _Task) -> dict[str, object]:
    """Return the prompt, unless it is empty where images say what is asked for."""
    sends = task.takes_prompt and (job.prompt or not job.inputs)
    return {"prompt": job.prompt} if sends else {}


def _images(job: Job, task: _Task) -> Iterator[tuple[str, InputImage]]:
    return zip(task.images, job.inputs, strict=False)


def _growth(job: Job) -> dict[str, object]:
    """Return the pixels to add on each side, so that the input stays in the middle.

    Raises:
        UpstreamFault: The size of the job is not larger than the input, or much larger.
    """
    old, new = job.inputs[0].size, job.size.size
    wider, higher = (new.width - old.width, new.height - old.height) if new else (0, 0)
    if min(wider, higher) < 0 or wider == higher == 0 or max(wider, higher) > 2 * _MOST_GROWTH:
        most = Size(old.width + 2 * _MOST_GROWTH, old.height + 2 * _MOST_GROWTH)
        message = (
            f"`size` is {new or 'left out'}, and must be larger than the image, which is {old}, "
            f"and at most {most}; or send {', '.join(_SIDES)} instead"
        )
        raise UpstreamFault("invalid", message, param="size")
    left, up = wider // 2, higher // 2
    return {"left": left, "right": wider - left, "up": up, "down": higher - up}


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
        return CallResult(images=tuple(_generated(document)))
    except MALFORMED as error:
        raise malformed() from error


def _generated(document: Mapping[str, Any]) -> Iterator[GeneratedImage]:
    seeds = document.get("seeds")
    reported = seeds if isinstance(seeds, list) else []
    for index, image in enumerate(document["images"]):
        yield GeneratedImage(base64=plain_base64(image), seed=_seed(reported[index : index + 1]))


def _seed(reported: list[Any]) -> int | None:
    """Return a seed, documented as a text and seen as a number; an image is worth more than it."""
    try:
        return int(reported[0])
    except MALFORMED:
        return None
