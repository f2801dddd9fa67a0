"""vLLM-Omni 0.30 with one model: base64 by default, a mask in the field `mask_image`.

Keys are checked on `/v1` only, and a request without one is served, as by a server that was started
without `--api-key`. A part `mask`, and all unknown fields, are ignored without a word.
"""

import io
import time
import zipfile
from collections.abc import Mapping
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
from tintype_simulator.painting.references import opaque
from tintype_simulator.painting.renderer import encode
from tintype_simulator.painting.seeds import drawn_seed
from tintype_simulator.servers.bodies import (
    Form,
    Malformed,
    Refused,
    encoded,
    file_of_text,
    read_form,
    read_json,
    refusing,
    with_numbers,
)
from tintype_simulator.servers.jobs import (
    Job,
    decoded,
    painted,
    seed_of,
    size_of,
    white_region,
)

MODEL = "black-forest-labs/FLUX.2-klein-4B"
"""The served model. Its pipeline is the only one that uses a mask."""

MAX_PIXELS = 2048 * 2048
"""What the simulated server was started with: `--max-generated-image-size`."""

MAX_IMAGES = 4
"""How many input images the model takes."""

WHOLE_NUMBERS = {"n": (1, 10), "num_inference_steps": (1, 200), "output_compression": (0, 100)}
NUMBERS = {"guidance_scale": (0, 20), "true_cfg_scale": (0, 20)}
"""The lowest and the highest value of each field that is a number."""


def refused(problem: str, param: str | None = None) -> Refused:
    """Return an error in the envelope of vLLM, whose `code` is the status as a number."""
    error = {"message": problem, "type": "Bad Request", "param": param, "code": 400}
    return Refused(json_response({"error": error}, 400))


def behind_key(handler: Handler) -> Handler:
    """Return the handler behind the check of the key, with its refusals as responses."""
    checked = refusing(handler)

    async def respond(request: web.Request) -> SimulatedResponse:
        if request.headers.get("authorization", "").startswith("Bearer invalid"):
            return json_response({"error": "Unauthorized"}, 401)
        return await checked(request)

    return respond


@behind_key
async def post_generations(request: web.Request) -> SimulatedResponse:
    """Paint what a JSON body asks for."""
    try:
        fields = read_json(await request.read())
    except Malformed as error:
        raise refused(str(error)) from error
    check(fields)
    size = fields.get("size", "1024x1024")
    job = Job(
        MODEL,
        fields["prompt"],
        *checked_size(size),
        n=fields.get("n", 1),
        seed=seed_of(fields, drawn_seed(request, fields.get("n", 1))),
    )
    image_format = fields.get("response_format", "b64_json")
    if image_format not in ("b64_json", "file"):
        raise refused("response_format must be 'b64_json' or 'file'", "response_format")
    files = await painted_files(request, job, fields)
    return raw_files(files, fields) if image_format == "file" else response(job, files, fields)


@behind_key
async def post_edits(request: web.Request) -> SimulatedResponse:
    """Edit the images of a form."""
    try:
        form = read_form(request.headers.get("content-type", ""), await request.read())
    except Malformed as error:
        raise refused(str(error)) from error
    fields = {**form.texts, **with_numbers(form.texts), "prompt": form.texts.get("prompt")}
    check(fields)
    if form.texts.get("response_format", "b64_json") != "b64_json":
        raise refused("Only response_format 'b64_json' is supported", "response_format")
    if form.texts.get("stream", "false").lower() == "true":
        raise refused("stream=true is only supported for multi-stage models", "stream")
    images = await in_painters(request, input_images, form)
    size = form.texts.get("size", "auto")
    width, height = images[0].size if size == "auto" else checked_size(size)
    job = Job(
        MODEL,
        fields["prompt"],
        width,
        height,
        n=fields.get("n", 1),
        seed=seed_of(fields, drawn_seed(request, fields.get("n", 1))),
        inputs=images,
        region=await in_painters(request, region, form, images[0]),
    )
    return response(job, await painted_files(request, job, fields), fields)


@behind_key
async def get_models(request: web.Request) -> SimulatedResponse:
    """Name the served model."""
    model = {"id": MODEL, "object": "model", "created": int(time.time()), "owned_by": "vllm"}
    return json_response({"object": "list", "data": [model]})


async def get_health(request: web.Request) -> SimulatedResponse:
    """Respond without a body, as long as the engine lives."""
    return SimulatedResponse(200, b"")


def check(fields: Mapping[str, Any]) -> None:
    """Refuse a request without a prompt, for another model, or with numbers out of bounds."""
    if not isinstance(fields.get("prompt"), str):
        raise refused("1 validation error: {'loc': ('body', 'prompt'), 'msg': 'Field required'}")
    if (model := fields.get("model", MODEL)) != MODEL:
        raise refused(f"Model mismatch: request has '{model}', but the server has '{MODEL}'.")
    for name, (lowest, highest) in {**WHOLE_NUMBERS, **NUMBERS}.items():
        kinds = int if name in WHOLE_NUMBERS else (int, float)
        value = fields.get(name, lowest)
        if not isinstance(value, kinds) or not lowest <= value <= highest:
            problem = f"Input should be a number from {lowest} to {highest}"
            raise refused(f"1 validation error: {{'loc': ('body', '{name}'), 'msg': '{problem}'}}")


def checked_size(text: object) -> tuple[int, int]:
    """Return the size that a request names; the word `auto` is none."""
    size = size_of(text) if isinstance(text, str) else None
    if size is None:
        raise refused(f"Invalid size format: '{text}'. Expected format: 'WIDTHxHEIGHT'.", "size")
    if size[0] * size[1] > MAX_PIXELS:
        raise refused(f"Requested size {text} exceeds the maximum of {MAX_PIXELS} pixels.", "size")
    return size


def input_images(form: Form) -> tuple[Image.Image, ...]:
    """Return the images of a form, which may also be data URLs."""
    files = form.first_files(("image", "image[]")) or urls(form, ("url", "url[]"))
    if not files:
        raise refused("At least one image is required", "image")
    if len(files) > MAX_IMAGES:
        raise refused(f"Received {len(files)} input images. At most {MAX_IMAGES} are supported.")
    return tuple(opened(content, "image") for content in files)


def urls(form: Form, names: tuple[str, ...]) -> tuple[bytes, ...]:
    """Return the files that the texts of these fields hold."""
    texts = [form.texts[name] for name in names if name in form.texts]
    try:
        return tuple(file_of_text(text) for text in texts)
    except ValueError as error:
        raise refused(f"Failed to load image: {error}") from error


def region(form: Form, image: Image.Image) -> Image.Image | None:
    """Return what `mask_image` marks with white, None without one."""
    files = form.files.get("mask_image", ()) or urls(form, ("mask_image",))
    return white_region(opened(files[0], "mask_image"), image.size) if files else None


def opened(content: bytes, param: str) -> Image.Image:
    """Return the image in a file, or refuse the request."""
    try:
        return decoded(content)
    except ValueError as error:
        raise refused(f"Failed to load image: {error}", param) from error


def output_format(fields: Mapping[str, Any]) -> str:
    """Return the format of the files: JPEG for every name that the server does not know."""
    asked = fields.get("output_format", "png")
    return asked if asked in ("png", "webp") else "jpeg"


async def painted_files(request: web.Request, job: Job, fields: Mapping[str, Any]) -> list[bytes]:
    """Return the files of a job's images."""
    form, quality = output_format(fields), fields.get("output_compression", 100)
    return [
        await in_painters(request, encode, opaque(image), form, quality)
        for image in await painted(request, job)
    ]


def response(job: Job, files: list[bytes], fields: Mapping[str, Any]) -> SimulatedResponse:
    """Return the images in base64. The server reports no token counts."""
    return json_response(
        {
            "created": int(time.time()),
            "data": [
                {"b64_json": encoded(content), "url": None, "revised_prompt": None}
                for content in files
            ],
            "output_format": output_format(fields),
            "size": f"{job.width}x{job.height}",
            "metrics": None,
        }
    )


def raw_files(files: list[bytes], fields: Mapping[str, Any]) -> SimulatedResponse:
    """Return the one image as it is, or several in a ZIP archive."""
    form = output_format(fields)
    if len(files) == 1:
        return SimulatedResponse(200, files[0], {"content-type": f"image/{form}"})
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for index, content in enumerate(files):
            packed.writestr(f"image_{index}.{form}", content)
    return SimulatedResponse(200, archive.getvalue(), {"content-type": "application/zip"})


def engine_error(status: int) -> SimulatedResponse:
    """Return the response of a server whose engine failed at a request."""
    error = {"message": "EngineCore encountered an issue.", "type": "EngineError", "param": None}
    stage = {"request_id": "img-0", "error_stage_id": 0}
    return json_response({"error": {**error, "code": status, **stage}}, status)


DIALECT = Dialect(
    provider="vllm-omni",
    routes=(
        ("POST", "/v1/images/generations", post_generations),
        ("POST", "/v1/images/edits", post_edits),
        ("GET", "/v1/models", get_models),
        ("GET", "/health", get_health),
    ),
    errors={"engine_error": engine_error(500), "engine_dead": engine_error(503)},
    standing_headers=lambda _: {"server": "uvicorn"},
)
"""All that the simulator knows of vLLM-Omni."""
