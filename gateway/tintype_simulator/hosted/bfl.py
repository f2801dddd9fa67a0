"""Black Forest Labs' API: a task is accepted with its cost, and polled for its result.

Sources: https://docs.bfl.ai and BFL's own examples. Whether a task that is refused or fails costs
anything is not published, and neither is how it ends where an image cannot be read.
"""

import time
from collections.abc import Awaitable, Callable
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
from tintype_simulator.hosted.bfl_models import MODELS, BflInput, Size, megapixels
from tintype_simulator.hosted.inputs import (
    FlaggedInputError,
    Painting,
    UnreadableImageError,
    paint_input,
)
from tintype_simulator.hosted.tasks import TASKS, HostedTask, State, stored_file, stored_url
from tintype_simulator.painting.seeds import drawn_seed
from tintype_simulator.servers.bodies import (
    Malformed,
    Refused,
    file_of_text,
    read_json,
    refusing,
)
from tintype_simulator.servers.jobs import decoded

BASE = "/hosted/bfl"

REASONS = {"Moderation Reasons": ["Derivative Works Filter"]}

_STATUSES = {
    State.QUEUED: "Pending",
    State.RUNNING: "Pending",
    State.ODD: "Dreaming",
    State.FAILED: "Error",
    State.CANCELED: "Task not found",
    State.ABORTED: "Task not found",
}


class BflTask(HostedTask):
    """A task that knows the prompt for its result."""

    def __init__(self, given: BflInput, work: Callable[[], Awaitable[Painting]]) -> None:
        super().__init__(given.prompt, work)
        self.prompt = given.prompt


def refused(detail: object, status: int) -> Refused:
    """Return an error."""
    return Refused(json_response({"detail": detail}, status))


def with_key(handler: Handler) -> Handler:
    """Return the handler behind the check of the key."""

    @refusing
    async def checked(request: web.Request) -> SimulatedResponse:
        if not request.headers.get("x-key"):
            raise refused("Not authenticated - Invalid Authentication", 403)
        return await handler(request)

    return checked


@with_key
async def post_task(request: web.Request) -> SimulatedResponse:
    """Accept a task of a model."""
    name = request.match_info["model"]
    if name not in MODELS:
        raise refused("Not Found", 404)
    model = MODELS[name]
    try:
        given = model.fields.model_validate(read_json(await request.read()))
    except Malformed as error:
        raise refused(str(error), 422) from error
    except ValidationError as error:
        raise refused(error.errors(include_url=False, include_context=False), 422) from error
    size, inputs = await in_painters(request, sizes_of, given)
    task = BflTask(given, work(request, name, given))
    request.app[TASKS].put(task)
    return json_response(
        {
            "id": task.id,
            "polling_url": f"{request.url.origin()}{BASE}/v1/get_result?id={task.id}",
            "cost": float(model.price.credits(size, inputs)),
            "input_mp": sum(map(megapixels, inputs)),
            "output_mp": megapixels(size),
        }
    )


def sizes_of(given: BflInput) -> tuple[Size, tuple[Size, ...]]:
    """Return the size of the image that is to be made, and those of the input images.

    Raises:
        Refused: An input image cannot be read.
    """
    try:
        images = tuple(decoded(file_of_text(text)) for text in given.urls())
    except ValueError as error:
        raise refused(str(error), 422) from error
    return given.size(images), tuple(image.size for image in images)


def work(request: web.Request, name: str, given: BflInput) -> Callable[[], Awaitable[Painting]]:
    """Return what a model does with the fields of a task."""

    async def worked() -> Painting:
        return await in_painters(request, paint_input, name, given, drawn_seed(request, 1))

    return worked


@with_key
async def get_result(request: web.Request) -> SimulatedResponse:
    """Tell how far a task is, and where its image is."""
    task = request.app[TASKS].get(request.query.get("id", ""))
    if not isinstance(task, BflTask):
        return json_response({"id": request.query.get("id"), "status": "Task not found"})
    state = task.polled()
    ended = outcome(request, task) if state is State.DONE else {"status": _STATUSES[state]}
    return json_response({"id": task.id, "result": None, "progress": None, "details": None} | ended)


def outcome(request: web.Request, task: BflTask) -> dict[str, Any]:
    """Return what a task says whose model has ended."""
    try:
        painting = task.result()
    except FlaggedInputError:
        return {"status": "Request Moderated", "details": REASONS}
    except UnreadableImageError as error:
        return {"status": "Error", "details": {"error": f"cannot read {error.field}"}}
    if any(painting.flagged):
        return {"status": "Content Moderated", "details": REASONS}
    sample = stored_url(request, task, f"{BASE}/files", painting.files[0])
    times = {"start_time": task.created, "end_time": time.time(), "duration": task.seconds}
    result = {"sample": sample, "prompt": task.prompt, "seed": painting.seed, **times}
    return {"status": "Ready", "result": result}


@refusing
async def get_file(request: web.Request) -> SimulatedResponse:
    """Send an image, to anybody who knows its URL."""
    file = stored_file(request)
    if file is None:
        raise refused("The specified resource does not exist.", 404)
    return file


DIALECT = Dialect(
    provider="bfl",
    routes=(
        ("POST", "/v1/{model}", post_task),
        ("GET", "/v1/get_result", get_result),
        ("GET", "/files/{name}", get_file),
    ),
    errors={
        "no_credits": refused("Insufficient credits. Please add more credits.", 402).response,
        "throttled": refused("Too many active tasks.", 429).response,
        "server_error": refused("Internal server error", 500).response,
    },
    standing_headers=lambda _: {"server": "uvicorn"},
)
"""All that the simulator knows of Black Forest Labs."""
