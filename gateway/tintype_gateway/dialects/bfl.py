"""Black Forest Labs' own API: `POST /v1/MODEL` accepts a task, whose `polling_url` has the result.

Facts are those of https://docs.bfl.ai (FLUX.2, Kontext, fill, errors, integration guidelines).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.operations import OperationName
from tintype_catalog.providers import SERVICES, own_host
from tintype_gateway.dialects.common import (
    MALFORMED,
    REASON_CHARACTERS,
    json_object,
    malformed,
    plain_base64,
    required,
    retry_after,
    text,
    usd,
)
from tintype_gateway.dialects.provider_parameters import merge
from tintype_gateway.faults import SUMMARIES, kind_of_status
from tintype_gateway.images import lazy_json
from tintype_gateway.observability.access_log import shown
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.tasks import Done, Task, Waiting
from tintype_gateway.values.upstream import UpstreamRequest, UpstreamResponse
from tintype_gateway.values.upstream_body import FileBase64, json_body

OPERATIONS: frozenset[OperationName] = frozenset(("generation", "edit", "variation"))

FIRST_IMAGE: re.Pattern[bytes] | None = None
"""Results name images by URLs."""

FILL = "fill"
"""The task of models that paint a masked region: they call their image `image`."""

_CLUSTERS = ("", *(f".{area}{n}" for area in ("eu", "us") for n in ("", *range(1, 5))))
"""Where tasks are made. A `polling_url` names the cluster, and no other one knows the task."""

API_HOSTS = tuple(f"api{cluster}.bfl.ai" for cluster in _CLUSTERS)
"""The hosts that are polled."""

RESULT_HOSTS = (
    "*.bfl.ai",
    *(f"delivery{cluster}.bfl.ai" for cluster in _CLUSTERS[1:]),
    "*.blob.core.windows.net",
)
"""The hosts of images, such as `delivery-eu1.bfl.ai`; older ones are storage accounts at Azure."""

CREDIT_USD = Decimal("0.01")
"""What one credit of Black Forest Labs costs."""

_STATES: Mapping[str, FaultKind] = {
    "Request Moderated": "refused",
    "Content Moderated": "refused",
    "Error": "failed",
    "Failed": "failed",
    "Task not found": "outcome_unknown",
}
"""The states in which a task ends without an image. BFL names the cost of a task when it accepts
it, and does not say which of these are free."""

_OUR_NAMES: Mapping[str, str] = {
    "width": "size",
    "height": "size",
    "aspect_ratio": "size",
    "input_image": "image",
}
"""What clients call the fields of a body."""


def mask_convention(task: str | None) -> MaskConvention | None:
    """Return how a mask is read: white changes. Only the task `fill` has one."""
    return "white_edits" if task == FILL else None


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    """Return the call that submits a task, which makes one image.

    Raises:
        UpstreamFault: The credentials lack the key.
    """
    base = route.binding.endpoint or f"https://{own_host(SERVICES['bfl'], route.region)}"
    return UpstreamRequest(
        url=f"{base.rstrip('/')}/v1/{quote(route.binding.upstream_model, safe='')}",
        headers={
            "x-key": required(credentials, "api-key"),
            "Content-Type": "application/json",
            "Accept": "application/json",
        },
        body=json_body(merge(job.extras, dict(_decided(job)))),
        image_hosts=RESULT_HOSTS,
    )


def accepted(response: UpstreamResponse) -> Task:
    """Return the task, with its cost in USD where the response names it.

    Raises:
        UpstreamFault: The response names none.
    """
    document = json_object(response.body)
    task_id, polling_url = text(document.get("id")), text(document.get("polling_url"))
    if task_id is None or polling_url is None:
        raise malformed()
    return Task(task_id, polling_url, cost_usd=usd(document.get("cost"), CREDIT_USD))


def progress(response: UpstreamResponse, task: Task) -> Waiting | Done:
    """Return how far a task is.

    Raises:
        UpstreamFault: It has ended without an image, which may have cost its price.
    """
    document = json_object(response.body)
    state = text(document.get("status")) or ""
    if state == "Ready":
        return Done()
    if state not in _STATES:
        return Waiting()
    kind, cause = _STATES[state], _details(document.get("details"))
    told = f"{state}: {cause}" if cause else state
    message = told if kind == "refused" else SUMMARIES[kind]
    raise UpstreamFault(kind, message, state, charged=True, cause=told)


def interpret(response: UpstreamResponse) -> CallResult:
    """Return the image of a task that is ready.

    Raises:
        UpstreamFault: The response names none.
    """
    try:
        result: Any = lazy_json.loads(response.body)
        return CallResult(images=(_image(result["result"]),))
    except MALFORMED as error:
        raise malformed() from error


def read_error(response: UpstreamResponse) -> UpstreamFault:
    """Return the fault of any other status. 402 is an account without credits."""
    document = json_object(response.body)
    problems = [*_problems(document.get("detail"))]
    words = "; ".join(text(each.get("msg")) or "" for each in problems)
    told = shown(words or text(document.get("detail")) or "", REASON_CHARACTERS)
    kind = _kind(response.status, own_envelope="detail" in document)
    return UpstreamFault(
        kind,
        told if kind == "invalid" and told else SUMMARIES[kind],
        None,
        retry_after(response.headers),
        param=_param(problems) if kind == "invalid" else None,
        cause=told or None,
    )


def _decided(job: Job) -> Iterator[tuple[str, object]]:
    """Yield the fields that no provider parameter may replace."""
    if job.prompt:
        yield "prompt", job.prompt
    if job.size.ratio is not None:
        yield "aspect_ratio", job.size.ratio
    elif job.size.size is not None:
        yield "width", job.size.size.width
        yield "height", job.size.size.height
    for name in ("seed", "output_format"):
        if name in job.parameters:
            yield name, job.parameters[name]
    for number, image in enumerate(job.inputs, 1):
        first = "image" if job.task == FILL else "input_image"
        yield first if number == 1 else f"{first}_{number}", FileBase64(image.content)
    if job.mask is not None:
        yield "mask", FileBase64(job.mask.content)


def _image(result: Mapping[str, Any]) -> GeneratedImage:
    sample, seed = result["sample"], result.get("seed")
    image = GeneratedImage(
        b"",
        revised_prompt=text(result.get("prompt")),
        seed=seed if type(seed) is int else None,
    )
    if not sample:
        raise ValueError("there is no URL of the image")
    if isinstance(sample, str) and not sample.startswith("data:"):
        return replace(image, url=sample)
    return replace(image, base64=plain_base64(sample))


def _kind(status: int, *, own_envelope: bool) -> FaultKind:
    return "unauthorized" if status == 402 else kind_of_status(status, own_envelope=own_envelope)


def _details(details: object) -> str:
    """Return why a task was moderated: `{"Moderation Reasons": ["Derivative Works Filter"]}`."""
    if not isinstance(details, dict):
        return ""
    texts = (
        item
        for value in details.values()
        for item in (value if isinstance(value, list) else [value])
        if isinstance(item, str)
    )
    return shown(", ".join(texts), REASON_CHARACTERS)


def _problems(detail: object) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of a `detail` that lists what is wrong with each field."""
    for entry in detail if isinstance(detail, list) else ():
        if isinstance(entry, dict):
            yield entry


def _param(problems: list[Mapping[str, Any]]) -> str | None:
    """Return the field of the first problem by its name in the client's request."""
    place = problems[0].get("loc") if problems else None
    steps = place if isinstance(place, list) else []
    field = next((step for step in steps if isinstance(step, str) and step != "body"), None)
    if field is None:
        return None
    return _OUR_NAMES.get(re.sub(r"(?<=input_image)_\d+$", "", field), field)[:64]
