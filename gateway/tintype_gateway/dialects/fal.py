"""fal's queue: a call is submitted, its status is polled, and its result is a call of its own.

Facts are those of fal-client 1.0.3 and of https://fal.ai/docs (queue, errors, retries, FAQ).
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.operations import OperationName
from tintype_gateway.dialects.common import (
    MALFORMED,
    REASON_CHARACTERS,
    json_object,
    malformed,
    required,
    retry_after,
    text,
)
from tintype_gateway.dialects.hosted_models import generated, model_input
from tintype_gateway.faults import SUMMARIES, kind_of_status
from tintype_gateway.images import lazy_json
from tintype_gateway.observability.access_log import shown
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_gateway.values.images import CallResult, GeneratedImage
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.tasks import Done, Task, TaskCancel, Waiting
from tintype_gateway.values.upstream import UpstreamRequest, UpstreamResponse
from tintype_gateway.values.upstream_body import json_body

ENDPOINT = "https://queue.fal.run"

API_HOSTS = ("queue.fal.run", "fal.run", "*.fal.run")
"""The hosts of statuses, results and cancellations."""

RESULT_HOSTS = ("fal.media", "*.fal.media")
"""The hosts of images, such as `v3.fal.media`."""

OPERATIONS: frozenset[OperationName] = frozenset(("generation", "edit", "variation"))

FIRST_IMAGE: re.Pattern[bytes] | None = None
"""Results name images by URLs."""

_KEPT_SECONDS = 3600
"""How long fal keeps images at their public URLs; by default for ever."""

_LEAST_TIMEOUT_SECONDS = 2
"""fal-client refuses 1."""

_FLAGGED = "content_policy_violation"

_OF_THE_PLATFORM = re.compile(r"(request|startup)_timeout\Z|runner_|internal_error\Z")
"""Types of errors that no model reports, so that there is no result to ask for."""

_OUR_NAMES: Mapping[str, str] = {
    "image_size": "size",
    "width": "size",
    "height": "size",
    "aspect_ratio": "size",
    "image_url": "image",
    "image_urls": "image",
    "mask_url": "mask",
    "num_images": "n",
}
"""What clients call the usual fields of models."""


def mask_convention(task: str | None) -> MaskConvention | None:
    """Return how most models read a mask: white changes. `input.mask` of a binding says it."""
    return "white_edits"


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    """Return the call that puts a request for this number of images into the queue.

    fal must not repeat a call by itself, answer with another model, or keep inputs and outputs:
    the gateway decides about repeats, and a repeat may be billed.

    Raises:
        UpstreamFault: The credentials lack the key.
    """
    binding = route.binding
    base = (binding.endpoint or ENDPOINT).rstrip("/")
    return UpstreamRequest(
        url=f"{base}/{quote(binding.upstream_model, safe='/')}",
        headers={
            "Authorization": f"Key {required(credentials, 'api-key')}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "X-Fal-No-Retry": "1",
            "X-Fal-Store-IO": "0",
            "X-Fal-Object-Lifecycle-Preference": json.dumps(
                {"expiration_duration_seconds": _KEPT_SECONDS}
            ),
            "X-Fal-Request-Timeout": str(max(binding.timeout_seconds, _LEAST_TIMEOUT_SECONDS)),
            "x-app-fal-disable-fallback": "true",
        },
        body=json_body(model_input(job, route, images)),
        image_hosts=RESULT_HOSTS,
    )


def accepted(response: UpstreamResponse) -> Task:
    """Return the task of a request in the queue.

    Its URLs are used as they are: they have the app, and not the path behind it.

    Raises:
        UpstreamFault: The response names none.
    """
    document = json_object(response.body)
    task_id, status_url = text(document.get("request_id")), text(document.get("status_url"))
    cancel_url = text(document.get("cancel_url"))
    if task_id is None or status_url is None:
        raise malformed()
    return Task(task_id, status_url, TaskCancel("PUT", cancel_url) if cancel_url else None)


def progress(response: UpstreamResponse, task: Task) -> Waiting | Done:
    """Return how far a request is. What the model itself complains of is in the result.

    Raises:
        UpstreamFault: fal failed to run the model, which it does not charge.
    """
    document = json_object(response.body)
    if document.get("status") != "COMPLETED":
        return Waiting(retry_after(response.headers))
    code = text(document.get("error_type"))
    if code is not None and _OF_THE_PLATFORM.match(code):
        cause = text(document.get("error"))
        raise UpstreamFault("failed", SUMMARIES["failed"], code, uncharged=True, cause=cause)
    own = text(document.get("response_url"))
    return Done(own or task.status_url.partition("?")[0].removesuffix("/status"))


def interpret(response: UpstreamResponse) -> CallResult:
    """Return the images of a result, without those that the safety checker blackened.

    Raises:
        UpstreamFault: The result has neither `images` nor an `image`.
    """
    try:
        document: Any = lazy_json.loads(response.body)
        entries = document["images"] if "images" in document else [document["image"]]
        flagged = _flags(document.get("has_nsfw_concepts"), len(entries))
        images = tuple(_images(entries, flagged, document.get("seed")))
    except MALFORMED as error:
        raise malformed() from error
    if not any(flagged):
        return CallResult(images=images)
    why = ("the safety checker of the provider flagged the image",)
    return CallResult(images=images, rest_refused=True, refusals_charged=True, refusal_reasons=why)


def read_error(response: UpstreamResponse) -> UpstreamFault:
    """Return the fault of a status other than 200, of a submission or of a result.

    fal never charges for a failure of its own, which has a status from 500 and an `error_type`. It
    may charge for a 422: a runner may have worked before it refused the input or the output.
    """
    document = json_object(response.body)
    code = text(document.get("error_type")) or response.headers.get("x-fal-error-type")
    problems = [*_problems(document.get("detail"))]
    if any(problem.get("type") == _FLAGGED for problem in problems):
        code = _FLAGGED
    kind = _kind(response.status, code, own_envelope="detail" in document)
    message = _message(document.get("detail"), problems)
    is_told = kind in ("refused", "invalid") and message
    return UpstreamFault(
        kind,
        message if is_told else SUMMARIES[kind],
        code,
        retry_after(response.headers),
        param=_param(problems) if kind in ("refused", "invalid") else None,
        uncharged=response.status >= 500 and code is not None,
        charged=response.status == 422,
        cause=message or None,
    )


def _images(entries: list[Any], flagged: list[bool], seed: object) -> Iterator[GeneratedImage]:
    """Yield the images that are not black; the seed is that of the first one."""
    for index, (entry, is_black) in enumerate(zip(entries, flagged, strict=True)):
        own = seed if index == 0 and type(seed) is int else None
        if not is_black:
            yield generated(entry["url"], own)


def _flags(value: object, count: int) -> list[bool]:
    """Return which images were flagged: none where the result does not say it of each."""
    if isinstance(value, list) and len(value) == count:
        return [flag is True for flag in value]
    return [False] * count


def _kind(status: int, code: str | None, *, own_envelope: bool) -> FaultKind:
    if code == _FLAGGED:
        return "refused"
    if status >= 500 and code is not None:
        return "failed"
    return kind_of_status(status, own_envelope=own_envelope)


def _problems(detail: object) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of a `detail` that lists what is wrong with each field."""
    for entry in detail if isinstance(detail, list) else ():
        if isinstance(entry, dict):
            yield entry


def _message(detail: object, problems: list[Mapping[str, Any]]) -> str:
    told = [text(problem.get("msg")) or "" for problem in problems] or [text(detail) or ""]
    return shown("; ".join(filter(None, told)), REASON_CHARACTERS)


def _param(problems: list[Mapping[str, Any]]) -> str | None:
    """Return the field of the first problem by its name in the client's request."""
    place = problems[0].get("loc") if problems else None
    names = [step for step in place if isinstance(step, str)] if isinstance(place, list) else []
    field = next((name for name in names if name != "body"), None)
    return None if field is None else _OUR_NAMES.get(field, field)[:64]
