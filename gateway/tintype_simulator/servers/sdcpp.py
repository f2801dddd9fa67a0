"""sd-server of stable-diffusion.cpp: one job at a time, seed 42, and settings in images.

It has no credentials and ignores the model's name. A mask is read without its alpha, and white
changes. Files that are no images are skipped. Source: its code in `examples/server`, of the version
in the source distribution `stable-diffusion-cpp-python` 0.4.7.
"""

import io
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tintype_simulator.dialect import Dialect, SimulatedResponse, in_painters, json_response
from tintype_simulator.servers.bodies import (
    Form,
    Malformed,
    Refused,
    encoded,
    read_form,
    read_json,
    refusing,
)
from tintype_simulator.servers.jobs import Job, decoded, painted, white_region

DEFAULT_SEED = 42
"""The default of the server's command line."""

DEFAULT_SIZE = 512

SETTINGS = re.compile(r"<sd_cpp_extra_args>(.*?)</sd_cpp_extra_args>")
"""Settings that a prompt may hold, for generations and edits alike."""


@dataclass(frozen=True)
class Order:
    """A job, and the files that it shall become."""

    job: Job
    output_format: str
    output_compression: int


def refused(problem: str, status: int = 400) -> Refused:
    """Return the response to a request that is not served."""
    return Refused(json_response({"error": problem}, status))


def failed(problem: str) -> Refused:
    """Return the response to a request at which the server throws an exception."""
    return Refused(json_response({"error": "server_error", "message": problem}, 500))


@refusing
async def post_generations(request: web.Request) -> SimulatedResponse:
    """Paint what a JSON body asks for."""
    body = await request.read()
    if not body:
        raise refused("empty body")
    try:
        fields = read_json(body)
    except Malformed as error:
        raise failed(f"[json.exception.parse_error.101] {error}") from error
    size = parsed_size(typed(fields, "size", str, ""))
    return await response(
        request,
        order(
            prompt=typed(fields, "prompt", str, ""),
            n=typed(fields, "n", int, 1),
            size=size or (DEFAULT_SIZE, DEFAULT_SIZE),
            output_format=typed(fields, "output_format", str, "png"),
            output_compression=typed(fields, "output_compression", int, 100),
            formats=("png", "jpeg", "webp"),
        ),
    )


@refusing
async def post_edits(request: web.Request) -> SimulatedResponse:
    """Edit the images of a form, or paint without them where none can be read."""
    try:
        form = read_form(request.headers.get("content-type", ""), await request.read())
    except Malformed as error:
        raise refused("Content-Type must be multipart/form-data") from error
    if not form.texts.get("prompt"):
        raise refused("prompt required")
    if not (files := form.first_files(("image[]", "image"))):
        raise refused("at least one image[] required")
    images = await in_painters(request, readable_images, files)
    size = parsed_size(form.texts.get("size", ""))
    plain = order(
        prompt=form.texts["prompt"],
        n=leading_integer(form.texts.get("n", ""), 1),
        size=size or (images[0].size if images else (DEFAULT_SIZE, DEFAULT_SIZE)),
        output_format=form.texts.get("output_format", "png"),
        output_compression=leading_integer(form.texts.get("output_compression", ""), 100),
        formats=("png", "jpeg"),
    )
    job = replace(plain.job, inputs=images, region=region(form, images))
    return await response(request, replace(plain, job=job))


async def get_models(request: web.Request) -> SimulatedResponse:
    """Name the one model, whatever file it came from."""
    model = {"id": "sd-cpp-local", "object": "model", "owned_by": "local"}
    return json_response({"data": [model]})


async def get_capabilities(request: web.Request) -> SimulatedResponse:
    """Describe the model and the limits, of which the paths of OpenAI check none."""
    limits = {"max_width": 4096, "max_height": 4096, "max_batch_count": 8, "max_queue_size": 64}
    return json_response(
        {
            "model": {"name": "sd-cpp-local", "stem": "sd-cpp-local"},
            "current_mode": "img_gen",
            "supported_modes": ["img_gen"],
            "defaults": {"width": DEFAULT_SIZE, "height": DEFAULT_SIZE, "seed": DEFAULT_SEED},
            "limits": limits,
            "output_formats": ["png", "jpeg", "webp"],
        }
    )


async def response(request: web.Request, asked: Order) -> SimulatedResponse:
    """Return the images of an order."""
    images = await painted(request, asked.job)
    files = [
        await in_painters(request, file, asked, image, index) for index, image in enumerate(images)
    ]
    return json_response(
        {
            "created": int(time.time()),
            "data": [{"b64_json": encoded(content)} for content in files],
            "output_format": asked.output_format,
        }
    )


def order(
    *,
    prompt: str,
    n: int,
    size: tuple[int, int],
    output_format: str,
    output_compression: int,
    formats: tuple[str, ...],
) -> Order:
    """Return the order of a request, after the settings in its prompt were applied."""
    if not prompt:
        raise refused("prompt required")
    if output_format not in formats:
        raise refused(f"invalid output_format, must be one of [{', '.join(formats)}]")
    plain = Job("sd-cpp-local", prompt, *size, n=max(1, n), seed=DEFAULT_SEED)
    compression = min(100, max(0, output_compression))
    return Order(with_settings(plain), output_format, compression)


def with_settings(job: Job) -> Job:
    """Return the job with the settings of the tag in its prompt, and without the tag."""
    if not (match := SETTINGS.search(job.prompt)):
        return job
    try:
        settings = read_json(match[1].encode())
    except Malformed as error:
        raise refused("invalid sd_cpp_extra_args") from error
    return replace(
        job,
        prompt=SETTINGS.sub("", job.prompt),
        n=typed(settings, "batch_count", int, job.n),
        seed=typed(settings, "seed", int, job.seed),
        width=typed(settings, "width", int, job.width),
        height=typed(settings, "height", int, job.height),
    )


def typed(fields: Mapping[str, Any], name: str, kind: type[Any], default: Any) -> Any:
    """Return a field, or its default; the server throws where its type is another one."""
    value = fields.get(name, default)
    if not isinstance(value, kind):
        problem = f"type must be {kind.__name__}, but is {type(value).__name__}"
        raise failed(f"[json.exception.type_error.302] {problem}")
    return value


def parsed_size(text: str) -> tuple[int, int] | None:
    """Return the size in a text, None where there is none: as `stoi`, it reads leading digits."""
    match = re.match(r"\s*(\d{1,5})[^x]*x\s*(\d{1,5})", text, re.ASCII)
    if match is None:
        return None
    width, height = int(match[1]), int(match[2])
    if not width or not height:
        raise refused("invalid params")
    return width, height


def leading_integer(text: str, default: int) -> int:
    """Return the number with which a text begins, as `stoi` reads it, or the default."""
    match = re.match(r"\s*([+-]?\d{1,9})", text, re.ASCII)
    return int(match[1]) if match else default


def readable_images(files: tuple[bytes, ...]) -> tuple[Image.Image, ...]:
    """Return the images in those files that hold one."""
    return tuple(image for content in files if (image := readable(content)) is not None)


def readable(content: bytes) -> Image.Image | None:
    """Return the image in a file without its alpha, None where there is none."""
    try:
        return decoded(content).convert("RGB")
    except ValueError:
        return None


def region(form: Form, images: tuple[Image.Image, ...]) -> Image.Image | None:
    """Return what of the first image is painted anew, None without a mask that can be read."""
    masks = form.files.get("mask", ())
    mask = readable(masks[0]) if masks else None
    return white_region(mask, images[0].size) if mask and images else None


def file(asked: Order, image: Image.Image, index: int) -> bytes:
    """Return the file of an image, which holds the prompt and all settings."""
    settings = generation_parameters(asked.job, index)
    notes = PngInfo()
    notes.add_text("parameters", settings)
    content = io.BytesIO()
    image.save(
        content,
        asked.output_format,
        quality=asked.output_compression,
        compress_level=1,
        method=0,
        pnginfo=notes,
        comment=settings,
        xmp=xmp_packet(settings) if asked.output_format == "webp" else b"",
    )
    return content.getvalue()


def generation_parameters(job: Job, index: int) -> str:
    """Return the settings of one image, as the web UIs of Stable Diffusion read them."""
    numbers = f"Steps: 20, CFG scale: 7, Seed: {job.seed + index}, Size: {job.width}x{job.height}"
    return f"{job.prompt}\n{numbers}, Model: sd-cpp-local, Version: stable-diffusion.cpp"


def xmp_packet(settings: str) -> bytes:
    """Return the settings as the XMP of a WebP file."""
    escaped = settings.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    described = f"<rdf:Description><sdcpp:parameters>{escaped}</sdcpp:parameters>"
    return f"<x:xmpmeta>{described}</rdf:Description></x:xmpmeta>".encode()


DIALECT = Dialect(
    provider="sdcpp",
    routes=(
        ("POST", "/v1/images/generations", post_generations),
        ("POST", "/v1/images/edits", post_edits),
        ("GET", "/v1/models", get_models),
        ("GET", "/sdcpp/v1/capabilities", get_capabilities),
    ),
    errors={
        "no_results": json_response({"error": "generate_image returned no results"}, 500),
        "server_error": json_response({"error": "server_error", "message": "bad allocation"}, 500),
    },
    standing_headers=lambda _: {"server": "cpp-httplib"},
    one_job_at_a_time=True,
)
"""All that the simulator knows of sd-server."""
