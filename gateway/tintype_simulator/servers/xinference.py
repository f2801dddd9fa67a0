"""Xinference: a path on its own disk by default, JPEG, and 500 for nearly every bad request.

A URL of its responses is of no use to a client. All settings of a model are in `kwargs`, a text of
JSON. Masks are read with white as what changes, by inpainting and, where the model is one for
inpainting, by edits. An image with transparent pixels is laid on white. The server's own events of
`stream` are not simulated: the field is ignored.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from PIL import Image

from tintype_simulator.dialect import (
    Dialect,
    Handler,
    SimulatedResponse,
    in_painters,
    json_response,
)
from tintype_simulator.painting.renderer import encode
from tintype_simulator.painting.seeds import drawn_seed
from tintype_simulator.servers.bodies import (
    Form,
    Malformed,
    encoded,
    read_form,
    read_json,
    refusing,
)
from tintype_simulator.servers.fastapi import missing, refused
from tintype_simulator.servers.jobs import (
    Job,
    decoded,
    painted,
    seed_of,
    size_of,
    white_region,
)

INPAINTING, EDITING = "sd3.5-medium", "FLUX.1-Kontext-dev"
MODELS = (INPAINTING, EDITING)
"""The launched models, by their uids. An edit that names none gets the first."""

IMAGE_FIELDS = ("images", "image", "image[]", "images[]")
JPEG_QUALITY = 75


@dataclass(frozen=True)
class FormRoute:
    """What a path does with the files of its form."""

    mask_field: str | None
    needs_mask: bool = False
    default_size: str = "1024*1024"


def failing(handler: Handler) -> Handler:
    """Return the handler with its refusals, and its exceptions over bad values, as responses."""

    async def respond(request: web.Request) -> SimulatedResponse:
        if request.headers.get("authorization", "").startswith("Bearer invalid"):
            raise refused("Could not validate credentials", 401)
        try:
            return await handler(request)
        except ValueError as error:
            raise refused(str(error), 500) from error

    return refusing(respond)


@failing
async def post_generations(request: web.Request) -> SimulatedResponse:
    """Paint what a JSON body asks for."""
    fields = read_json(await request.read())
    for name in ("model", "prompt"):
        if not isinstance(fields.get(name), str):
            raise ValueError(f"1 validation error for TextToImageRequest: {name}: Field required")
    size = needed_size(fields.get("size", "1024*1024"))
    job = job_of(request, fields, known_model(fields["model"]), size)
    return await response(request, job, fields.get("response_format", "url"))


def form_handler(route: FormRoute) -> Handler:
    """Return the handler of a path that takes a form with images."""

    @failing
    async def post(request: web.Request) -> SimulatedResponse:
        form = form_of(request.headers.get("content-type", ""), await request.read())
        model = known_model(form.texts.get("model", MODELS[0]))
        image = (await in_painters(request, input_images, form))[0]
        region = await in_painters(request, marked_region, form, route, model, image)
        asked = form.texts.get("size", route.default_size)
        size = image.size if asked == "original" else needed_size(asked)
        fields = {**form.texts, "n": int(form.texts.get("n", "1"))}
        job = job_of(request, fields, model, size, (image,), region)
        return await response(request, job, form.texts.get("response_format", "url"))

    return post


async def get_status(request: web.Request) -> SimulatedResponse:
    """Respond that the server runs."""
    return json_response({"status": "ok"})


async def get_models(request: web.Request) -> SimulatedResponse:
    """List the launched models."""
    data = [{"id": name, "object": "model", "model_type": "image"} for name in MODELS]
    return json_response({"object": "list", "data": data})


def form_of(content_type: str, body: bytes) -> Form:
    """Return a form that has a prompt."""
    try:
        form = read_form(content_type, body)
    except Malformed as error:
        raise missing("prompt") from error
    if "prompt" not in form.texts:
        raise missing("prompt")
    return form


def known_model(uid: str) -> str:
    """Return the uid of a model that was launched."""
    if uid not in MODELS:
        raise refused(f"Model not found in the model list, uid: {uid}")
    return uid


def needed_size(text: object) -> tuple[int, int]:
    """Return the size in a text; the server fails at any other, the word `auto` included."""
    size = size_of(text) if isinstance(text, str) else None
    if size is None:
        raise ValueError(f"invalid literal for int() with base 10: '{text}'")
    return size


def job_of(
    request: web.Request,
    fields: Mapping[str, Any],
    model: str,
    size: tuple[int, int],
    inputs: tuple[Image.Image, ...] = (),
    region: Image.Image | None = None,
) -> Job:
    """Return the job of a request, with the seed of its `kwargs`."""
    n = fields.get("n", 1)
    if not isinstance(n, int) or n < 1:
        raise ValueError("n must be a positive integer")
    settings = read_json(fields.get("kwargs", "{}").encode())
    seed = seed_of(settings, drawn_seed(request, n))
    prompt = str(fields["prompt"])
    return Job(model, prompt, *size, n=n, seed=seed, inputs=inputs, region=region)


def input_images(form: Form) -> tuple[Image.Image, ...]:
    """Return the images of a form, at least one, without transparent pixels."""
    files = form.first_files(IMAGE_FIELDS)
    if not files:
        raise missing("image")
    return tuple(decoded(content) for content in files)


def marked_region(
    form: Form, route: FormRoute, model: str, image: Image.Image
) -> Image.Image | None:
    """Return what the mask of a form marks, None where the path or the model reads none."""
    files = form.files.get(route.mask_field or "", ())
    if not files:
        if route.needs_mask:
            raise missing(str(route.mask_field))
        return None
    reads_mask = route.needs_mask or model == INPAINTING
    return white_region(decoded(files[0]), image.size) if reads_mask else None


async def response(request: web.Request, job: Job, image_format: object) -> SimulatedResponse:
    """Return the images in base64, or the paths at which the server keeps them."""
    data = []
    for image in await painted(request, job):
        if image_format == "b64_json":
            form = "png" if image.mode == "RGBA" else "jpeg"
            content = await in_painters(request, encode, image, form, JPEG_QUALITY)
            data.append({"url": None, "b64_json": encoded(content)})
        else:
            path = f"/home/xinference/.xinference/image/{uuid.uuid4().hex}.jpg"
            data.append({"url": path, "b64_json": None})
    return json_response({"created": int(time.time()), "data": data})


def loading() -> SimulatedResponse:
    """Return the response while a model is launched: nothing was done."""
    loading = refused("Model is loading, please retry later", 503).response
    return SimulatedResponse(loading.status, loading.body, {**loading.headers, "retry-after": "30"})


ROUTES: Mapping[str, FormRoute] = {
    "edits": FormRoute("mask", default_size="original"),
    "inpainting": FormRoute("mask_image", needs_mask=True, default_size="original"),
    "variations": FormRoute(None, default_size="original"),
}

DIALECT = Dialect(
    provider="xinference",
    routes=(
        ("POST", "/v1/images/generations", post_generations),
        *(("POST", f"/v1/images/{name}", form_handler(route)) for name, route in ROUTES.items()),
        ("GET", "/v1/models", get_models),
        ("GET", "/status", get_status),
    ),
    errors={
        "rate_limited": refused("Rate limit reached", 429).response,
        "cancelled": refused("The request was cancelled", 409).response,
        "loading": loading(),
        "server_error": refused("CUDA out of memory", 500).response,
    },
    standing_headers=lambda _: {"server": "uvicorn"},
)
"""All that the simulator knows of Xinference."""
