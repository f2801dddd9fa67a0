"""Amazon's own image models on AWS Bedrock, Titan v2 and Nova Canvas, with all of their tasks."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.operations import OperationName
from tintype_gateway.dialects.base import next_image_pattern
from tintype_gateway.dialects.bedrock import common as bedrock
from tintype_gateway.dialects.common import MALFORMED, malformed, plain_base64, reason
from tintype_gateway.dialects.provider_parameters import merge
from tintype_gateway.images import lazy_json as blobs
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest, UpstreamResponse
from tintype_gateway.values.upstream_body import FileBase64

read_error = bedrock.read_error
"""A refused prompt is an error, whose message speaks of content filters."""

OPERATIONS: tuple[OperationName, ...] = ("generation", "edit", "variation")
"""Any task of the models can carry out any of them."""

FIRST_IMAGE = re.compile(rb'"images"\s*:\s*\[\s*\Z')
"""The text before the first image of a response."""

NEXT_IMAGE = next_image_pattern(before=rb"", after=rb"\s*+,\s*+")

_PROMPT = {"negative_prompt": "negativeText", "style": "style"}
_CONFIG = {"quality": "quality", "seed": "seed"}


_DEFAULT_TASK = "TEXT_IMAGE"


class _Task(NamedTuple):
    """How a body asks for a task."""

    parameters: str
    """The member with its parameters."""

    images: tuple[str, ...] = ()
    """The parameters with the images of the job, in their order."""

    lists_images: bool = False
    """Whether its one parameter with images holds all of them, as a list."""

    convention: MaskConvention | None = None
    """How it reads a mask; None: it takes none."""

    needs_region: bool = False
    """Whether it needs either a mask or a `maskPrompt`, the provider's words for a region."""

    wraps_mask: bool = False
    """Whether the mask is one of several kinds, which the body names."""

    takes_text: bool = True
    takes_size: bool = False
    """Whether it takes a width and a height; else the image has the size of the first input."""

    takes_config: bool = True
    """Whether it takes `imageGenerationConfig`."""


_TASKS: Mapping[str, _Task] = {
    "TEXT_IMAGE": _Task("textToImageParams", ("conditionImage",), takes_size=True),
    "INPAINTING": _Task(
        "inPaintingParams", ("image",), convention="black_edits", needs_region=True
    ),
    "OUTPAINTING": _Task(
        "outPaintingParams", ("image",), convention="white_edits", needs_region=True
    ),
    "IMAGE_VARIATION": _Task(
        "imageVariationParams", ("images",), lists_images=True, takes_size=True
    ),
    "COLOR_GUIDED_GENERATION": _Task(
        "colorGuidedGenerationParams", ("referenceImage",), takes_size=True
    ),
    "BACKGROUND_REMOVAL": _Task(
        "backgroundRemovalParams", ("image",), takes_text=False, takes_config=False
    ),
    "VIRTUAL_TRY_ON": _Task(
        "virtualTryOnParams",
        ("sourceImage", "referenceImage"),
        convention="black_edits",
        wraps_mask=True,
        takes_text=False,
    ),
}


def mask_convention(task: str | None) -> MaskConvention | None:
    """Return how a task reads its mask, None where it takes no mask."""
    row = _TASKS.get(task or _DEFAULT_TASK)
    return row.convention if row else None


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    """Return the call for a number of the job's images.

    The gateway's own fields are merged in last, so that no provider parameter can replace them.

    Raises:
        UpstreamFault: The task needs a mask, or takes either a mask or a region in words.
    """
    name = job.task or _DEFAULT_TASK
    task = bedrock.task_of(_TASKS, name)
    ours: dict[str, object] = {
        "taskType": name,
        task.parameters: {**_texts(job, task), **_files(job, task)},
    }
    if task.takes_config:
        ours["imageGenerationConfig"] = _config(job, task, images)
    body = merge(job.extras, ours)
    _check_region(task, body[task.parameters])
    return bedrock.invoke(route, body, credentials, has_files=bool(job.inputs))


def _check_region(task: _Task, members: Mapping[str, object]) -> None:
    """Refuse what Amazon refuses in words that no client of this API knows.

    Raises:
        UpstreamFault: The task needs one region, and there is none, or there are two.
    """
    prompt = f"`{task.parameters}.maskPrompt`"
    given = [name for name in ("maskImage", "maskPrompt") if name in members]
    if not task.needs_region or len(given) == 1:
        return
    if given:
        message, code = f"send either `mask` or {prompt}, not both", "invalid_value"
    else:
        message = f"`mask`: needed, unless {prompt} names the region"
        code = "missing_required_parameter"
    raise UpstreamFault("invalid", message, code, param="mask")


def _texts(job: Job, task: _Task) -> dict[str, object]:
    """Return the prompt and what belongs to it. Inpainting without a prompt removes an object."""
    if not task.takes_text:
        return {}
    prompt = {"text": job.prompt} if job.prompt or not job.inputs else {}
    return {**prompt, **_renamed(job, _PROMPT)}


def _files(job: Job, task: _Task) -> dict[str, object]:
    """Return the images and the mask."""
    files = [FileBase64(image.content) for image in job.inputs]
    if task.lists_images:
        members: dict[str, object] = {task.images[0]: files}
    else:
        members = dict(zip(task.images, files, strict=False))
    if job.mask is None:
        return members
    mask = {"maskImage": FileBase64(job.mask.content)}
    if task.wraps_mask:
        return members | {"maskType": "IMAGE", "imageBasedMask": mask}
    return members | mask


def _config(job: Job, task: _Task, images: int) -> dict[str, object]:
    config: dict[str, object] = {"numberOfImages": images, **_renamed(job, _CONFIG)}
    if task.takes_size and job.size.size is not None:
        config |= {"width": job.size.size.width, "height": job.size.size.height}
    return config


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
