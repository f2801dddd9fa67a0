"""fal's queue: a request is submitted, its status is polled, and its result is fetched.

A model checks its input when it runs, so that what is wrong with it is in the result. Which words a
status has for that, and the result of a cancelled request, are guesses. Sources: fal-client 1.0.3,
and https://fal.ai/docs on the queue and on errors.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from tintype_simulator.dialect import (
    Dialect,
    Handler,
    SimulatedResponse,
    in_painters,
    json_response,
)
from tintype_simulator.hosted.fal_models import MODELS
from tintype_simulator.hosted.inputs import (
    FlaggedInputError,
    Painting,
    UnreadableImageError,
    paint_input,
)
from tintype_simulator.hosted.tasks import (
    TASKS,
    BrokenTaskError,
    HostedTask,
    State,
    stored_file,
    stored_url,
)
from tintype_simulator.painting.seeds import drawn_seed
from tintype_simulator.servers.bodies import Malformed, Refused, read_json, refusing

BASE = "/hosted/fal"

_STATUSES = {
    State.QUEUED: "IN_QUEUE",
    State.RUNNING: "IN_PROGRESS",
    State.ODD: "IN_LIMBO",
}
"""The status of a request that has not ended; every other one is COMPLETED."""

_FIELDS = {"image": "image_url", "mask": "mask_url"}


def refused(detail: object, status: int, **fields: str) -> Refused:
    """Return an error of the queue or of a model."""
    return Refused(json_response({"detail": detail, **fields}, status))


def problem(field: str, kind: str, message: str) -> dict[str, Any]:
    """Return an entry of a detail that says what is wrong with a field."""
    return {"loc": ["body", field], "msg": message, "type": kind}


def with_key(handler: Handler) -> Handler:
    """Return the handler behind the check of the key, whose scheme is `Key`."""

    @refusing
    async def checked(request: web.Request) -> SimulatedResponse:
        if not request.headers.get("authorization", "").startswith("Key "):
            raise refused("Authentication is required to access this application.", 401)
        return await handler(request)

    return checked


@with_key
async def post_request(request: web.Request) -> SimulatedResponse:
    """Put a request into the queue."""
    app = f"{request.match_info['owner']}/{request.match_info['app']}"
    model = app + request.match_info["path"]
    if model not in MODELS:
        raise refused(f"Application {model!r} not found", 404)
    try:
        fields = read_json(await request.read())
    except Malformed as error:
        raise refused(str(error), 400) from error
    task = HostedTask(str(fields.get("prompt", "")), work(request, model, fields))
    request.app[TASKS].put(task)
    return json_response({"status": "IN_QUEUE", "queue_position": 0, **urls(request, app, task)})


def work(
    request: web.Request, model: str, fields: Mapping[str, Any]
) -> Callable[[], Awaitable[Painting]]:
    """Return what a model does with the fields of a request."""

    async def worked() -> Painting:
        given = MODELS[model].model_validate(fields)
        drawn = drawn_seed(request, given.count)
        return await in_painters(request, paint_input, model, given, drawn)

    return worked


def urls(request: web.Request, app: str, task: HostedTask) -> dict[str, str]:
    """Return the URLs of a request, which lack the path behind its app."""
    base = f"{request.url.origin()}{BASE}/{app}/requests/{task.id}"
    return {
        "request_id": task.id,
        "response_url": base,
        "status_url": f"{base}/status",
        "cancel_url": f"{base}/cancel",
    }


def asked(request: web.Request) -> tuple[HostedTask, dict[str, str]]:
    """Return the request that a path names, and its URLs."""
    task = request.app[TASKS].get(request.match_info["id"])
    if task is None:
        raise refused("Request not found", 404)
    app = f"{request.match_info['owner']}/{request.match_info['app']}"
    return task, urls(request, app, task)


@with_key
async def get_status(request: web.Request) -> SimulatedResponse:
    """Tell how far a request is."""
    task, own = asked(request)
    state = task.polled()
    if state is State.QUEUED:
        return json_response({"status": "IN_QUEUE", "queue_position": 0, **own}, 202)
    if state in _STATUSES:
        return json_response({"status": _STATUSES[state], "logs": None, **own}, 202)
    ended = {"status": "COMPLETED", "logs": None, "metrics": {"inference_time": 0.1}, **own}
    return json_response(ended | _failure(task, state))


def _failure(task: HostedTask, state: State) -> dict[str, str]:
    """Return what the status of a completed request says of its failure."""
    if state in (State.CANCELED, State.ABORTED):
        return {"error": "Request was cancelled", "error_type": "client_cancelled"}
    if state is State.FAILED:
        return {"error": "Runner failed", "error_type": "runner_server_error"}
    try:
        task.result()
    except ValueError:  # of the model's own
        return {"error": "Unprocessable Entity"}
    return {}


@with_key
async def get_result(request: web.Request) -> SimulatedResponse:
    """Give the output of a model, or its error."""
    task, _ = asked(request)
    if task.state in (State.QUEUED, State.RUNNING):
        raise refused("Request is still in progress", 400)
    if task.state in (State.CANCELED, State.ABORTED):
        raise refused("Request was cancelled", 499, error_type="client_cancelled")
    try:
        painting = task.result()
    except BrokenTaskError as error:
        raise refused("Runner failed", 500, error_type="runner_server_error") from error
    except FlaggedInputError as error:
        message = "The content could not be processed because it was flagged by a content checker."
        raise refused([problem("prompt", "content_policy_violation", message)], 422) from error
    except UnreadableImageError as error:
        message = "Failed to load the image."
        entry = problem(_FIELDS[error.field], "image_load_error", message)
        raise refused([entry], 422) from error
    except ValidationError as error:
        entries = error.errors(include_url=False, include_input=False, include_context=False)
        raise refused([{**each, "loc": ["body", *each["loc"]]} for each in entries], 422) from error
    return json_response(output(request, task, painting))


def output(request: web.Request, task: HostedTask, painting: Painting) -> dict[str, Any]:
    """Return the output of a model."""
    entries = []
    for content, (width, height) in zip(painting.files, painting.sizes, strict=True):
        url = stored_url(request, task, f"{BASE}/files", content)
        entries.append({"url": url, "width": width, "height": height})
    return {
        "images": entries,
        "seed": painting.seed,
        "has_nsfw_concepts": list(painting.flagged),
        "timings": {"inference": task.seconds},
    }


@with_key
async def put_cancel(request: web.Request) -> SimulatedResponse:
    """Cancel a request that has not ended."""
    task, _ = asked(request)
    state = task.end()
    if state is State.QUEUED:
        return json_response({"status": "OK"})
    if state is State.RUNNING:
        return json_response({"status": "CANCELLATION_REQUESTED"}, 202)
    return json_response({"status": "ALREADY_COMPLETED"}, 400)


@refusing
async def get_file(request: web.Request) -> SimulatedResponse:
    """Send an image, to anybody who knows its URL."""
    file = stored_file(request)
    if file is None:
        raise refused("Not found", 404)
    return file


_REQUEST = "/{owner}/{app}/requests/{id}"

DIALECT = Dialect(
    provider="fal",
    routes=(
        ("POST", "/{owner}/{app}{path:(/.+)?}", post_request),
        ("GET", f"{_REQUEST}/status", get_status),
        ("GET", _REQUEST, get_result),
        ("PUT", f"{_REQUEST}/cancel", put_cancel),
        ("GET", "/files/{name}", get_file),
    ),
    errors={
        "exhausted": json_response({"detail": "User is locked. Reason: Exhausted balance."}, 403),
        "throttled": json_response({"detail": "Too many concurrent requests."}, 429),
        "not_started": json_response(
            {"detail": "Request timed out.", "error_type": "request_timeout"}, 504
        ),
        "runner_failed": json_response(
            {"detail": "Runner failed", "error_type": "runner_server_error"}, 500
        ),
    },
    standing_headers=lambda _: {"x-fal-request-id": f"{time.monotonic_ns():x}"},
)
"""All that the simulator knows of fal."""
