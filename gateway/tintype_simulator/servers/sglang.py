"""SGLang's server of diffusion models: a URL by default for generations, and masks ignored.

A URL is a path without a host, `/v1/images/ID/content`, and does not know of a proxy's prefix.
"""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from PIL import Image

from tintype_simulator.dialect import Dialect, SimulatedResponse, in_painters, json_response
from tintype_simulator.painting.references import opaque
from tintype_simulator.painting.renderer import encode
from tintype_simulator.painting.seeds import drawn_seed
from tintype_simulator.servers.bodies import (
    Form,
    Malformed,
    encoded,
    read_form,
    read_json,
    refusing,
    with_numbers,
)
from tintype_simulator.servers.fastapi import invalid, missing, refused
from tintype_simulator.servers.jobs import Job, decoded, painted, seed_of, size_of
from tintype_simulator.servers.stored_files import STORED_FILES

MODEL = "black-forest-labs/FLUX.2-dev"
"""The served model. The name in a request does not matter."""

MOST_IMAGES = 10
"""More images are not refused: the server makes this many."""

QUALITIES = {"maximum": 100, "high": 90, "medium": 55, "low": 35, "default": 75}
"""`output_quality`, where a request has no `output_compression`."""


@refusing
async def post_generations(request: web.Request) -> SimulatedResponse:
    """Paint what a JSON body asks for. Unknown fields are allowed."""
    try:
        fields = read_json(await request.read())
    except Malformed as error:
        raise invalid("body", str(error), "json_invalid") from error
    job = job_of(request, fields, default_size=(1024, 1024))
    return await response(request, job, fields, fields.get("response_format", "url"))


@refusing
async def post_edits(request: web.Request) -> SimulatedResponse:
    """Edit the images of a form as wholes: a mask is taken and not used."""
    try:
        form = read_form(request.headers.get("content-type", ""), await request.read())
    except Malformed as error:
        raise invalid("body", str(error)) from error
    images = await in_painters(request, input_images, form)
    fields = {**with_numbers(form.texts), "prompt": form.texts.get("prompt")}
    job = job_of(request, fields, default_size=images[0].size, inputs=images)
    return await response(request, job, fields, form.texts.get("response_format", "b64_json"))


async def get_content(request: web.Request) -> SimulatedResponse:
    """Return a file that a response has named."""
    name = f"{request.match_info['id']}/{request.query.get('variant', '0')}"
    stored = request.app[STORED_FILES].get(name)
    if stored is None:
        return refused("Image not found", 404).response
    media_type, content = stored
    return SimulatedResponse(200, content, {"content-type": media_type})


async def get_models(request: web.Request) -> SimulatedResponse:
    """Name the served model."""
    model = {"id": MODEL, "object": "model", "created": int(time.time()), "owned_by": "sglang"}
    return json_response({"object": "list", "data": [model]})


async def get_health(request: web.Request) -> SimulatedResponse:
    """Respond that all is well, even where it is not: the server checks nothing."""
    return json_response({"status": "ok"})


def job_of(
    request: web.Request,
    fields: Mapping[str, Any],
    default_size: tuple[int, int],
    inputs: tuple[Image.Image, ...] = (),
) -> Job:
    """Return the job of a request."""
    if not isinstance(prompt := fields.get("prompt"), str):
        raise missing("prompt")
    if not isinstance(n := fields.get("n", 1), int):
        raise invalid("n", "Input should be a valid integer", "int_parsing")
    n = min(MOST_IMAGES, max(1, n))
    width, height = asked_size(fields) or default_size
    seed = seed_of(first_seed(fields), drawn_seed(request, n))
    return Job(MODEL, prompt, width, height, n=n, seed=seed, inputs=inputs)


def asked_size(fields: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the size that a request names by one field or by two, None without one."""
    width, height = fields.get("width"), fields.get("height")
    if isinstance(width, int) and isinstance(height, int):
        return width, height
    size = fields.get("size")
    return size_of(size) if isinstance(size, str) else None


def first_seed(fields: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields' seed, which may be a list with one for each image."""
    seed = fields.get("seed")
    return {"seed": seed[0] if isinstance(seed, list) and seed else seed}


def input_images(form: Form) -> tuple[Image.Image, ...]:
    """Return the images of a form; the simulator fetches no URL."""
    files = form.first_files(("image", "image[]"))
    if not files:
        raise refused("Field 'image' is required", 422)
    try:
        return tuple(decoded(content) for content in files)
    except ValueError as error:
        raise refused(f"Failed to process image source: {error}", 400) from error


def output_format(fields: Mapping[str, Any]) -> str:
    """Return the format of the files: JPEG, or PNG for a transparent background."""
    transparent = fields.get("background") == "transparent"
    asked = fields.get("output_format", "png" if transparent else "jpeg")
    return asked if asked in ("png", "webp") else "jpeg"


async def response(
    request: web.Request, job: Job, fields: Mapping[str, Any], image_format: object
) -> SimulatedResponse:
    """Return the images of a job in base64 or by URL, with the fields that only SGLang has."""
    identifier, form = uuid.uuid4().hex, output_format(fields)
    quality = fields.get("output_compression", QUALITIES.get(fields.get("output_quality", ""), 75))
    data = []
    for index, image in enumerate(await painted(request, job)):
        content = await in_painters(request, encode, opaque(image), form, quality)
        if image_format == "b64_json":
            shown = {"b64_json": encoded(content)}
        else:
            request.app[STORED_FILES].put(f"{identifier}/{index}", f"image/{form}", content)
            variant = f"?variant={index}" if index else ""
            shown = {"url": f"/v1/images/{identifier}/content{variant}"}
        path = f"/tmp/outputs/{identifier}_{index}.{form}"  # noqa: S108 - a name in a response
        data.append({**shown, "revised_prompt": job.prompt, "file_path": path})
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "image_count": job.n}
    return json_response(
        {
            "id": identifier,
            "created": int(time.time()),
            "data": data,
            "peak_memory_mb": 21504.0,
            "inference_time_s": 0.5,
            "usage": usage,
        }
    )


DIALECT = Dialect(
    provider="sglang",
    routes=(
        ("POST", "/v1/images/generations", post_generations),
        ("POST", "/v1/images/edits", post_edits),
        ("GET", "/v1/models", get_models),
        ("GET", "/health", get_health),
        ("GET", "/v1/images/{id}/content", get_content),
    ),
    errors={
        "nothing_stored": refused("Image was generated, but no storage is configured.").response,
        "server_error": refused("Model generation returned no output.", 500).response,
    },
    standing_headers=lambda _: {"server": "uvicorn"},
)
"""All that the simulator knows of SGLang."""
