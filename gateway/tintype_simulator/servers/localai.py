"""LocalAI: a URL by default, always PNG, and `/v1/images/inpainting` in place of edits.

A `|` in a prompt starts the negative prompt. `usage` counts nothing.
"""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web

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
    read_form,
    read_json,
    refusing,
)
from tintype_simulator.servers.jobs import Job, decoded, painted, size_of, white_region
from tintype_simulator.servers.stored_files import STORED_FILES

MODELS = ("stablediffusion", "flux.1-dev")
"""The names of the models' configurations."""

KEY_HEADERS = ("x-api-key", "xi-api-key")
"""Headers with a key, beside `Authorization: Bearer KEY`."""

DEFAULT_SIZE = (512, 512)


def refused(problem: str, status: int = 400, code: object = None) -> Refused:
    """Return an error in LocalAI's envelope, whose `code` is the status or a name."""
    error = {"code": status if code is None else code, "message": problem, "type": ""}
    return Refused(json_response({"error": error}, status))


def behind_key(handler: Handler) -> Handler:
    """Return the handler behind the check of the key, with its refusals as responses."""
    checked = refusing(handler)

    async def respond(request: web.Request) -> SimulatedResponse:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        keys = [bearer, *(request.headers.get(name, "") for name in KEY_HEADERS)]
        if any(key.startswith("invalid") for key in keys):
            return refused("An authentication key is required", 401).response
        return await checked(request)

    return respond


@behind_key
async def post_generations(request: web.Request) -> SimulatedResponse:
    """Paint what a JSON body asks for, for each prompt where it has a list of them."""
    try:
        fields = read_json(await request.read())
    except Malformed as error:
        raise refused(str(error)) from error
    model = known_model(fields.get("model", ""))
    prompts = fields.get("prompt", "")
    files = [
        content
        for prompt in (prompts if isinstance(prompts, list) else [prompts])
        for content in await painted_files(request, job_of(request, model, str(prompt), fields))
    ]
    in_base64 = fields.get("response_format") == "b64_json"
    return response(request, files, in_base64=in_base64)


@behind_key
async def post_inpainting(request: web.Request) -> SimulatedResponse:
    """Paint the white region of a mask anew. The response is a URL, whatever was asked for."""
    try:
        form = read_form(request.headers.get("content-type", ""), await request.read())
    except Malformed as error:
        raise refused(str(error)) from error
    model = known_model(form.texts.get("model", ""))
    if not form.texts.get("prompt"):
        raise refused("missing prompt")
    for name in ("image", "mask"):
        if name not in form.files:
            raise refused(f"missing {name} file")
    job = await in_painters(request, inpainting, model, form, drawn_seed(request, 1))
    return response(request, await painted_files(request, job), in_base64=False)


@behind_key
async def post_edits(request: web.Request) -> SimulatedResponse:
    """Refuse the request: LocalAI has no such path."""
    raise refused("Not Found", 404)


async def get_file(request: web.Request) -> SimulatedResponse:
    """Return a file that a response has named."""
    stored = request.app[STORED_FILES].get(request.match_info["name"])
    if stored is None:
        return refused("Not Found", 404).response
    media_type, content = stored
    return SimulatedResponse(200, content, {"content-type": media_type})


@behind_key
async def get_models(request: web.Request) -> SimulatedResponse:
    """List the configured models."""
    data = [{"id": name, "object": "model"} for name in MODELS]
    return json_response({"object": "list", "data": data})


async def get_health(request: web.Request) -> SimulatedResponse:
    """Respond that the server runs. This needs no key."""
    return SimulatedResponse(200, b"OK", {"content-type": "text/plain"})


def known_model(name: object) -> str:
    """Return the name of a model that is configured."""
    if not isinstance(name, str) or not name:
        raise refused("no model specified")
    if name not in MODELS:
        raise refused(f"could not load model: failed to load model with name {name}", 500)
    return name


def job_of(request: web.Request, model: str, prompt: str, fields: Mapping[str, Any]) -> Job:
    """Return the job of one prompt. The seed is the configuration's: no request can name one."""
    n = fields.get("n", 1)
    if not isinstance(n, int):
        raise refused("json: cannot unmarshal string into Go struct field .n of type int")
    size = fields.get("size", "")
    width, height = (size_of(size) if isinstance(size, str) else None) or DEFAULT_SIZE
    described, _, avoided = prompt.partition("|")
    words = f"{described} (not: {avoided})" if avoided else described
    return Job(model, words, width, height, n=max(1, n), seed=drawn_seed(request, 1))


def inpainting(model: str, form: Form, seed: int) -> Job:
    """Return the job of a form with an image and a mask."""
    try:
        image, mask = (decoded(form.files[name][0]) for name in ("image", "mask"))
    except ValueError as error:
        raise refused(f"failed to decode image: {error}", 500) from error
    region = white_region(mask, image.size)
    return Job(model, form.texts["prompt"], *image.size, seed=seed, inputs=(image,), region=region)


async def painted_files(request: web.Request, job: Job) -> list[bytes]:
    """Return the files of a job's images, which are PNG."""
    images = await painted(request, job)
    return [await in_painters(request, encode, opaque(image), "png") for image in images]


def response(request: web.Request, files: list[bytes], *, in_base64: bool) -> SimulatedResponse:
    """Return the images in base64 or by URL, and counts of tokens that are all zero."""
    data = []
    for index, content in enumerate(files):
        if in_base64:
            shown = {"b64_json": encoded(content)}
        else:
            name = f"b64{uuid.uuid4().hex}.png"
            request.app[STORED_FILES].put(name, "image/png", content)
            base = request.url.origin().with_path(request.path.partition("/v1/")[0])
            shown = {"url": str(base / "generated-images" / name)}
        data.append({"embedding": None, "index": index, **shown})
    counts = dict.fromkeys(("input_tokens", "output_tokens", "total_tokens"), 0)
    details = {"text_tokens": 0, "image_tokens": 0}
    return json_response(
        {
            "created": int(time.time()),
            "id": str(uuid.uuid4()),
            "data": data,
            "usage": {**counts, "input_tokens_details": details},
        }
    )


def loading() -> SimulatedResponse:
    """Return the response while a model is loaded: nothing was done."""
    loading = refused("model is loading", 503, "model_loading").response
    return SimulatedResponse(loading.status, loading.body, {**loading.headers, "retry-after": "5"})


DIALECT = Dialect(
    provider="localai",
    routes=(
        ("POST", "/v1/images/generations", post_generations),
        ("POST", "/v1/images/inpainting", post_inpainting),
        ("POST", "/v1/images/edits", post_edits),
        ("GET", "/generated-images/{name}", get_file),
        ("GET", "/v1/models", get_models),
        ("GET", "/healthz", get_health),
        ("GET", "/readyz", get_health),
    ),
    errors={
        "model_loading": loading(),
        "backend_failed": refused("rpc error: code = Unknown desc = out of memory", 500).response,
        "opaque": SimulatedResponse(500, b""),
    },
    standing_headers=lambda _: {},
)
"""All that the simulator knows of LocalAI."""
