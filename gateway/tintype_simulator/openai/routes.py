"""OpenAI's Images API as a dialect: generations, edits, and the list of models.

The simulator accepts any bearer key, except those that begin with `invalid`. OpenAI's protocol has
no seed: the simulator draws each.
"""

import uuid
from dataclasses import replace

from aiohttp import web

from tintype_simulator.dialect import (
    Dialect,
    Handler,
    SimulatedResponse,
    in_painters,
    json_response,
)
from tintype_simulator.openai.edit_request import read_edit
from tintype_simulator.openai.errors import (
    ERRORS,
    OpenAIError,
    invalid_api_key,
    model_deprecated,
    model_not_found,
)
from tintype_simulator.openai.images import events, now, painted_files
from tintype_simulator.openai.models import MODELS
from tintype_simulator.openai.request import ImageRequest, decoded_json, read_generation
from tintype_simulator.openai.responses import images_response, model_object
from tintype_simulator.painting.seeds import drawn_seed

STREAM_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}


def authorized(handler: Handler) -> Handler:
    """Return the handler behind the check of the key, with its errors turned into responses."""

    async def respond(request: web.Request) -> SimulatedResponse:
        try:
            check_key(request.headers.get("authorization", ""))
            return await handler(request)
        except OpenAIError as error:
            return error.response()

    return respond


def check_key(authorization: str) -> None:
    """Raise OpenAIError unless the header carries a key that the simulator accepts."""
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key or key.startswith("invalid"):
        raise invalid_api_key()


@authorized
async def post_generations(request: web.Request) -> SimulatedResponse:
    """Paint what the request asks for."""
    return await painted_response(request, read_generation(decoded_json(await request.read())))


@authorized
async def post_edits(request: web.Request) -> SimulatedResponse:
    """Edit the images of the request."""
    content_type = request.headers.get("content-type", "")
    image_request = await in_painters(request, read_edit, content_type, await request.read())
    return await painted_response(request, image_request)


@authorized
async def post_variations(request: web.Request) -> SimulatedResponse:
    """Refuse the request: OpenAI retired the endpoint together with its only model, dall-e-2."""
    raise model_deprecated()


@authorized
async def get_models(request: web.Request) -> SimulatedResponse:
    """List the models."""
    return json_response({"object": "list", "data": [model_object(m) for m in MODELS.values()]})


@authorized
async def get_model(request: web.Request) -> SimulatedResponse:
    """Describe one model."""
    name = request.match_info["model"]
    if name not in MODELS:
        raise model_not_found(name)
    return json_response(model_object(MODELS[name]))


async def painted_response(request: web.Request, image_request: ImageRequest) -> SimulatedResponse:
    """Return the images of a request, or the stream of their events."""
    image_request = replace(image_request, seed=drawn_seed(request, image_request.n))
    if image_request.stream:
        return SimulatedResponse(200, events(request, image_request), STREAM_HEADERS)
    return json_response(
        images_response(image_request, await painted_files(request, image_request), now())
    )


def standing_headers(elapsed_seconds: float) -> dict[str, str]:
    """Return the headers of every response, with the limits of an account that never meets them."""
    return {
        "x-request-id": f"req_{uuid.uuid4().hex}",
        "openai-version": "2020-10-01",
        "openai-processing-ms": str(round(elapsed_seconds * 1000)),
        "x-ratelimit-limit-requests": "250",
        "x-ratelimit-remaining-requests": "249",
        "x-ratelimit-reset-requests": "240ms",
        "x-ratelimit-limit-tokens": "250000",
        "x-ratelimit-remaining-tokens": "249000",
        "x-ratelimit-reset-tokens": "1s",
    }


DIALECT = Dialect(
    provider="openai",
    routes=(
        ("POST", "/v1/images/generations", post_generations),
        ("POST", "/v1/images/edits", post_edits),
        ("POST", "/v1/images/variations", post_variations),
        ("GET", "/v1/models", get_models),
        ("GET", "/v1/models/{model}", get_model),
    ),
    errors={name: error.response() for name, error in ERRORS.items()},
    standing_headers=standing_headers,
)
"""All that the simulator knows of OpenAI."""
