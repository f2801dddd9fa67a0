"""Replicate's predictions: a prediction is created, and polled until it has an output.

Facts are those of replicate 1.0.7 and of https://replicate.com/docs (predictions, lifecycle).
"""

import json
import re
from collections.abc import Mapping
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
from tintype_gateway.values.images import CallResult
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.tasks import Done, Task, TaskCancel, Waiting
from tintype_gateway.values.upstream import UpstreamRequest, UpstreamResponse
from tintype_gateway.values.upstream_body import json_body

ENDPOINT = "https://api.replicate.com"

API_HOSTS = ("api.replicate.com",)
"""The host of predictions."""

RESULT_HOSTS = ("replicate.delivery", "*.replicate.delivery")
"""The hosts of images."""

OPERATIONS: frozenset[OperationName] = frozenset(("generation", "edit", "variation"))

FIRST_IMAGE: re.Pattern[bytes] | None = None
"""Outputs name images by URLs."""

_VERSION = re.compile(r"[0-9a-f]{64}")
_DEPLOYMENT = "deployments/"

_LEAST_DEADLINE_SECONDS = 5

_LONGEST_SECONDS = 86_400.0
"""More than any prediction runs. Longer times are invalid."""

_REFUSAL = re.compile(r"\bNSFW\b|flagged as sensitive|\(E005\)", re.IGNORECASE)
"""How models tell in the error of a prediction that they refuse its content."""

_NO_SUCH_VERSION = re.compile(r"\bversion\b.*(not permitted|does not exist)", re.IGNORECASE)
"""How a 422 tells of a version that does not exist."""


def mask_convention(task: str | None) -> MaskConvention | None:
    """Return how most models read a mask: white changes. `input.mask` of a binding says it."""
    return "white_edits"


def translate(
    job: Job, route: Route, images: int, credentials: Mapping[str, str]
) -> UpstreamRequest:
    """Return the call that creates a prediction for this number of images.

    Raises:
        UpstreamFault: The credentials lack the key.
    """
    binding = route.binding
    path, version = _target(binding.upstream_model)
    document = {**version, "input": model_input(job, route, images)}
    return UpstreamRequest(
        url=f"{(binding.endpoint or ENDPOINT).rstrip('/')}/v1/{path}",
        headers={
            "Authorization": f"Bearer {required(credentials, 'api-key')}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Cancel-After": f"{max(binding.timeout_seconds, _LEAST_DEADLINE_SECONDS)}s",
        },
        body=json_body(document),
        image_hosts=RESULT_HOSTS,
    )


def accepted(response: UpstreamResponse) -> Task:
    """Return the task of a prediction that was created.

    Raises:
        UpstreamFault: The response is no prediction.
    """
    try:
        document: Any = json.loads(response.body)
        urls = document["urls"]
        task_id, status_url = text(document["id"]), text(urls["get"])
        cancel_url = text(urls.get("cancel"))
    except MALFORMED as error:
        raise malformed() from error
    if task_id is None or status_url is None:
        raise malformed()
    return Task(task_id, status_url, TaskCancel("POST", cancel_url) if cancel_url else None)


def progress(response: UpstreamResponse, task: Task) -> Waiting | Done:
    """Return how far a prediction is, by its status.

    Raises:
        UpstreamFault: It has ended without an output.
    """
    document = json_object(response.body)
    told = text(document.get("error")) or ""
    match document.get("status"):
        case "succeeded":
            return Done()
        case "failed" if _REFUSAL.search(told):
            why = shown(told, REASON_CHARACTERS)
            raise UpstreamFault("refused", why, charged=True)
        case "failed":
            raise UpstreamFault("failed", SUMMARIES["failed"], charged=True, cause=told or None)
        case "canceled":  # it had begun, and is charged
            raise UpstreamFault("timeout", "the provider cancelled the prediction at its deadline")
        case "aborted":  # it had not begun, and is not charged
            message = "the provider did not begin the prediction before its deadline"
            raise UpstreamFault("failed", message, uncharged=True)
    return Waiting(retry_after(response.headers))


def interpret(response: UpstreamResponse) -> CallResult:
    """Return the images of a prediction that succeeded, and the time that it ran.

    Raises:
        UpstreamFault: The prediction has no output.
    """
    try:
        document: Any = lazy_json.loads(response.body)
        output = document["output"]
        entries = output if isinstance(output, list) else [output]
        images = tuple(generated(entry) for entry in entries)
        if not images:
            raise ValueError("there is no output")
        return CallResult(images=images, provider_milliseconds=_predict_time(document))
    except MALFORMED as error:
        raise malformed() from error


def read_error(response: UpstreamResponse) -> UpstreamFault:
    """Return the fault of a status other than 200 and 201."""
    document = json_object(response.body)
    message = shown(text(document.get("detail")) or "", REASON_CHARACTERS)
    title = text(document.get("title")) or ""
    kind = _kind(response.status, f"{title} {message}", own_envelope="detail" in document)
    is_told = kind in ("refused", "invalid") and message
    return UpstreamFault(
        kind,
        message if is_told else SUMMARIES[kind],
        title or None,
        retry_after(response.headers),
        cause=message or None,
    )


def _predict_time(document: Mapping[str, Any]) -> int | None:
    """Return the time that the model ran, in milliseconds, None where it is not a time.

    An image is worth more than its time.
    """
    metrics = document.get("metrics")
    seconds = metrics.get("predict_time") if isinstance(metrics, Mapping) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return round(seconds * 1000) if 0 <= seconds < _LONGEST_SECONDS else None


def _target(model: str) -> tuple[str, dict[str, str]]:
    """Return the path of a model, a deployment or a version, and what the body says of it."""
    if _VERSION.fullmatch(model):
        return "predictions", {"version": model}
    kind = "deployments" if model.startswith(_DEPLOYMENT) else "models"
    name = quote(model.removeprefix(_DEPLOYMENT), safe="/")
    return f"{kind}/{name}/predictions", {}


def _kind(status: int, told: str, *, own_envelope: bool) -> FaultKind:
    if status == 402:
        return "unauthorized"
    if status == 422 and _NO_SUCH_VERSION.search(told):
        return "misconfigured"
    return kind_of_status(status, own_envelope=own_envelope)
