"""Ollama's experimental images: one image in each response, always in base64, edits in JSON.

`n`, `response_format` and a mask are ignored, and there are no credentials.
"""

import time
from typing import Any

from aiohttp import web
from PIL import Image

from tintype_simulator.dialect import Dialect, SimulatedResponse, in_painters, json_response
from tintype_simulator.painting.references import opaque
from tintype_simulator.painting.renderer import encode
from tintype_simulator.painting.seeds import drawn_seed
from tintype_simulator.servers.bodies import (
    Malformed,
    Refused,
    encoded,
    file_of_text,
    read_json,
    refusing,
)
from tintype_simulator.servers.jobs import Job, decoded, painted, seed_of, size_of

IMAGE_MODELS = ("x/flux2-klein", "x/z-image-turbo")
TEXT_MODELS = ("llama3.2",)
"""A model that only writes is not refused: its response has no image."""

VERSION = "0.30.0"


def refused(problem: str, status: int = 400) -> Refused:
    """Return an error in OpenAI's envelope."""
    kinds = {400: "invalid_request_error", 404: "not_found_error", 500: "api_error"}
    error = {"message": problem, "type": kinds[status], "param": None, "code": None}
    return Refused(json_response({"error": error}, status))


@refusing
async def post_generations(request: web.Request) -> SimulatedResponse:
    """Paint the one image that a JSON body asks for."""
    return await response(request, await fields_of(request), inputs=())


@refusing
async def post_edits(request: web.Request) -> SimulatedResponse:
    """Edit the image of a JSON body: forms are not read."""
    fields = await fields_of(request)
    if not isinstance(text := fields.get("image"), str) or not text:
        raise refused("image is required")
    return await response(request, fields, (await in_painters(request, opened, text),))


async def get_root(request: web.Request) -> SimulatedResponse:
    """Respond that the server runs."""
    return SimulatedResponse(
        200, b"Ollama is running", {"content-type": "text/plain; charset=utf-8"}
    )


async def get_version(request: web.Request) -> SimulatedResponse:
    """Tell the version of the server."""
    return json_response({"version": VERSION})


async def get_models(request: web.Request) -> SimulatedResponse:
    """List the models that were pulled."""
    names = (*IMAGE_MODELS, *TEXT_MODELS)
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "library"} for name in names]
    return json_response({"object": "list", "data": data})


async def fields_of(request: web.Request) -> dict[str, Any]:
    """Return the fields of a request that names a model and has a prompt."""
    try:
        fields = read_json(await request.read())
    except Malformed as error:
        raise refused(str(error)) from error
    if not isinstance(model := fields.get("model"), str) or not model:
        raise refused("model is required")
    if model not in (*IMAGE_MODELS, *TEXT_MODELS):
        raise refused(f"model '{model}' not found, try pulling it first", 404)
    if not isinstance(prompt := fields.get("prompt"), str) or not prompt:
        raise refused("prompt is required")
    return fields


def opened(text: str) -> Image.Image:
    """Return the image in base64 or in a data URL."""
    try:
        return decoded(file_of_text(text))
    except ValueError as error:
        raise refused(f"invalid image: {error}") from error


async def response(
    request: web.Request, fields: dict[str, Any], inputs: tuple[Image.Image, ...]
) -> SimulatedResponse:
    """Return the one image of a request, or no image where the model only writes."""
    created = int(time.time())
    if fields["model"] in TEXT_MODELS:
        return json_response({"created": created, "data": []})
    size = fields.get("size")
    width, height = (size_of(size) if isinstance(size, str) else None) or (1024, 1024)
    seed = seed_of(fields, drawn_seed(request, 1))
    job = Job(fields["model"], fields["prompt"], width, height, seed=seed, inputs=inputs)
    [image] = await painted(request, job)
    content = await in_painters(request, encode, opaque(image), "png")
    return json_response({"created": created, "data": [{"b64_json": encoded(content)}]})


DIALECT = Dialect(
    provider="ollama",
    routes=(
        ("POST", "/v1/images/generations", post_generations),
        ("POST", "/v1/images/edits", post_edits),
        ("GET", "/", get_root),
        ("GET", "/api/version", get_version),
        ("GET", "/v1/models", get_models),
    ),
    errors={"api_error": refused("image generation failed: out of memory", 500).response},
    standing_headers=lambda _: {},
)
"""All that the simulator knows of Ollama."""
