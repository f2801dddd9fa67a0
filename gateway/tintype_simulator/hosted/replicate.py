"""Replicate: predictions of models, versions and deployments, with deadlines and cancellation.

Sources: replicate 1.0.7, and https://replicate.com/docs on predictions and their lifecycle.
"""

import datetime
import re
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
from tintype_simulator.hosted.inputs import (
    FlaggedInputError,
    HostedInput,
    Painting,
    UnreadableImageError,
    paint_input,
)
from tintype_simulator.hosted.replicate_models import DEPLOYMENTS, MODELS, VERSIONS
from tintype_simulator.hosted.tasks import TASKS, HostedTask, State, stored_file, stored_url
from tintype_simulator.painting.seeds import drawn_seed
from tintype_simulator.servers.bodies import Malformed, Refused, read_json, refusing

BASE = "/hosted/replicate"

FLAGGED = "NSFW content detected. Try running it again, or try a different prompt."

_STATUSES = {
    State.QUEUED: "starting",
    State.RUNNING: "processing",
    State.DONE: "succeeded",
    State.FAILED: "failed",
    State.CANCELED: "canceled",
    State.ABORTED: "aborted",
    State.ODD: "hibernating",
}

_DURATION = re.compile(r"(\d{1,6})([smh])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600}

_LONGEST_WAIT_SECONDS = 60


class Prediction(HostedTask):
    """A prediction: a task that shows its model and its input."""

    def __init__(
        self,
        model: str,
        version: str,
        fields: Mapping[str, Any],
        given: HostedInput,
        work: Callable[[], Awaitable[Painting]],
    ) -> None:
        super().__init__(given.prompt, work)
        self.model = model
        self.version = version
        self.fields = fields
        self.has_list = given.COUNT is not None
        """Whether the output is a list, also of one image."""


def refused(status: int, title: str, detail: str, **fields: object) -> Refused:
    """Return an error in the form of RFC 7807."""
    return Refused(
        json_response({"title": title, "detail": detail, "status": status, **fields}, status)
    )


def not_found() -> Refused:
    """Return the response to a path of nothing."""
    return refused(404, "Not found", "The requested resource could not be found.")


def with_token(handler: Handler) -> Handler:
    """Return the handler behind the check of the token."""

    @refusing
    async def checked(request: web.Request) -> SimulatedResponse:
        if not request.headers.get("authorization", "").startswith("Bearer "):
            message = "You did not pass a valid authentication token"
            raise refused(401, "Unauthenticated", message)
        return await handler(request)

    return checked


@with_token
async def post_model(request: web.Request) -> SimulatedResponse:
    """Create a prediction of a model that Replicate maintains."""
    return await created(request, name_of(request), "hidden", await body(request))


@with_token
async def post_deployment(request: web.Request) -> SimulatedResponse:
    """Create a prediction of a deployment."""
    name = DEPLOYMENTS.get(name_of(request))
    if name is None:
        raise not_found()
    return await created(request, name, "hidden", await body(request))


@with_token
async def post_version(request: web.Request) -> SimulatedResponse:
    """Create a prediction of a version."""
    document = await body(request)
    version = str(document.get("version", ""))
    if version not in VERSIONS:
        message = "The specified version does not exist (or perhaps you don't have permission?)"
        raise refused(422, "Invalid version or not permitted", message)
    return await created(request, VERSIONS[version], version, document)


def name_of(request: web.Request) -> str:
    """Return the name of the model or deployment in a path."""
    return f"{request.match_info['owner']}/{request.match_info['name']}"


async def body(request: web.Request) -> dict[str, Any]:
    """Return the body of a creation."""
    try:
        document = read_json(await request.read())
    except Malformed as error:
        raise refused(400, "Bad request", str(error)) from error
    if not isinstance(document.get("input"), dict):
        raise refused(422, "Input validation failed", "- input: Field required\n")
    return document


async def created(
    request: web.Request, model: str, version: str, document: Mapping[str, Any]
) -> SimulatedResponse:
    """Create a prediction, and wait for it as long as the request prefers."""
    if model not in MODELS:
        raise not_found()
    fields = document["input"]
    given = validated(model, fields)
    prediction = Prediction(model, version, fields, given, work(request, model, given))
    request.app[TASKS].put(prediction)
    if (seconds := duration(request.headers.get("cancel-after", ""))) is not None:
        prediction.end_after(seconds)
    if (seconds := preferred_wait(request.headers.get("prefer", ""))) is not None:
        await prediction.wait(seconds)
    return json_response(shown(request, prediction, prediction.state), 201)


def validated(model: str, fields: Mapping[str, Any]) -> HostedInput:
    """Return the input of a model; one that is invalid creates no prediction."""
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return MODELS[model].model_validate(given)
    except ValidationError as error:
        problems = [(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors()]
        detail = "".join(f"- input.{field}: {message}\n" for field, message in problems)
        raise refused(422, "Input validation failed", detail) from error


def work(request: web.Request, model: str, given: HostedInput) -> Callable[[], Awaitable[Painting]]:
    """Return what a model does with an input."""

    async def worked() -> Painting:
        drawn = drawn_seed(request, given.count)
        painting = await in_painters(request, paint_input, model, given, drawn)
        if any(painting.flagged):
            raise FlaggedInputError
        return painting

    return worked


def duration(text: str) -> float | None:
    """Return the seconds of a duration such as `90s` or `1m`, None for another text."""
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _UNITS[match[2]] if match else None


def preferred_wait(text: str) -> float | None:
    """Return the seconds of `wait` or `wait=5`, None for another text."""
    if text == "wait":
        return _LONGEST_WAIT_SECONDS
    match = re.fullmatch(r"wait=(\d{1,2})", text, re.ASCII)
    return min(int(match[1]), _LONGEST_WAIT_SECONDS) if match else None


def shown(request: web.Request, prediction: Prediction, state: State) -> dict[str, Any]:
    """Return a prediction as a response shows it."""
    base = f"{request.url.origin()}{BASE}/v1/predictions/{prediction.id}"
    document: dict[str, Any] = {
        "id": prediction.id,
        "model": prediction.model,
        "version": prediction.version,
        "input": prediction.fields,
        "logs": "",
        "output": None,
        "error": None,
        "status": _STATUSES[state],
        "created_at": datetime.datetime.fromtimestamp(prediction.created, datetime.UTC).isoformat(),
        "urls": {"get": base, "cancel": f"{base}/cancel"},
        "metrics": {},
    }
    if state is State.FAILED:
        document["error"] = "Prediction failed: CUDA out of memory"
    return document | (outcome(request, prediction) if state is State.DONE else {})


def outcome(request: web.Request, prediction: Prediction) -> dict[str, Any]:
    """Return what a prediction says whose model has ended."""
    try:
        painting = prediction.result()
    except FlaggedInputError:
        return {"status": "failed", "error": FLAGGED}
    except UnreadableImageError as error:
        return {"status": "failed", "error": f"cannot identify image file: {error.field}"}
    files = [
        stored_url(request, prediction, f"{BASE}/files", content) for content in painting.files
    ]
    return {
        "output": files if prediction.has_list else files[0],
        "metrics": {"predict_time": prediction.seconds, "total_time": prediction.seconds},
    }


def asked(request: web.Request) -> Prediction:
    """Return the prediction that a path names."""
    prediction = request.app[TASKS].get(request.match_info["id"])
    if not isinstance(prediction, Prediction):
        raise not_found()
    return prediction


@with_token
async def get_prediction(request: web.Request) -> SimulatedResponse:
    """Show a prediction."""
    prediction = asked(request)
    return json_response(shown(request, prediction, prediction.polled()))


@with_token
async def post_cancel(request: web.Request) -> SimulatedResponse:
    """Cancel a prediction that has not ended."""
    prediction = asked(request)
    prediction.end()
    return json_response(shown(request, prediction, prediction.state))


@refusing
async def get_file(request: web.Request) -> SimulatedResponse:
    """Send an image, to anybody who knows its URL."""
    file = stored_file(request)
    if file is None:
        raise not_found()
    return file


DIALECT = Dialect(
    provider="replicate",
    routes=(
        ("POST", "/v1/models/{owner}/{name}/predictions", post_model),
        ("POST", "/v1/deployments/{owner}/{name}/predictions", post_deployment),
        ("POST", "/v1/predictions", post_version),
        ("GET", "/v1/predictions/{id}", get_prediction),
        ("POST", "/v1/predictions/{id}/cancel", post_cancel),
        ("GET", "/files/{name}", get_file),
    ),
    errors={
        "insufficient_credit": refused(
            402, "Insufficient credit", "You have insufficient credit to run this model."
        ).response,
        "throttled": json_response({"detail": "Request was throttled."}, 429),
        "server_error": refused(500, "Internal server error", "Something went wrong.").response,
    },
    standing_headers=lambda _: {"server": "cloudflare"},
)
"""All that the simulator knows of Replicate."""
