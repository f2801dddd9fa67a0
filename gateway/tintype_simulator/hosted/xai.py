"""xAI's image models by its REST API: JSON for generations and for edits.

A key passes unless it begins with `invalid`. `size` and `style` are refused, as are ratios,
resolutions and qualities that the model has not. Other unknown fields are ignored. A blocked image
is an entry without bytes, and a prompt that is blocked as a whole an error; both are charged.

Its gRPC API has the same fields, with the enums of `image.proto`.
"""

import secrets
from collections.abc import Mapping
from math import sqrt
from typing import Any, NamedTuple

from aiohttp import web
from PIL import Image

from tintype_simulator.control.markers import delivered, is_forbidden, is_forbidden_image
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
    Malformed,
    Refused,
    encoded,
    file_of_text,
    read_json,
    refusing,
)
from tintype_simulator.servers.jobs import Job, decoded, painted
from tintype_simulator.servers.stored_files import STORED_FILES

RATIOS = {
    *{"1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "2:1", "1:2"},
    *{"19.5:9", "9:19.5", "20:9", "9:20", "auto"},
}
EDGES = {"1k": 1024, "1.5k": 1536, "2k": 2048}
"""The edge of a square image at each resolution."""

STEP = 16
"""Edges at 1k are multiples of this number of pixels."""

MAX_IMAGES = 10
MAX_INPUTS = 3

INPUT_TICKS = 20_000_000
"""What each input image costs: 0.002 USD."""


class Model(NamedTuple):
    """What is known of a model."""

    ticks: Mapping[str, int]
    """The price of an image at each resolution, in 1e-10 USD."""

    qualities: frozenset[str] = frozenset()


MODELS = {
    "grok-imagine-image": Model({"1k": 200_000_000, "2k": 200_000_000}),
    "grok-imagine-image-quality": Model({"1k": 500_000_000, "2k": 700_000_000}),
    "grok-imagine-image-2.0": Model(
        {"1k": 400_000_000, "1.5k": 500_000_000, "2k": 600_000_000}, frozenset({"low", "medium"})
    ),
}


def refused(message: str, status: int = 400, **fields: object) -> Refused:
    """Return an error in xAI's flat form."""
    code = {
        401: "unauthenticated:no-credentials",
        404: "Some requested entity was not found",
        429: "Some resource has been exhausted",
    }.get(status, "Client specified an invalid argument")
    return Refused(json_response({"code": code, "error": message, **fields}, status))


def mistyped(field: str, value: object) -> Refused:
    """Return the plain text with which a value of no known variant is refused."""
    text = (
        "Failed to deserialize the JSON body into the target type: "
        f"{field}: unknown variant `{value}`"
    )
    return Refused(SimulatedResponse(422, text.encode(), {"content-type": "text/plain"}))


def behind_key(handler: Handler) -> Handler:
    """Return the handler behind the check of the key, with its refusals as responses."""

    async def checked(request: web.Request) -> SimulatedResponse:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key:
            raise refused("No credentials provided", 401)
        if key.startswith("invalid"):
            raise refused(
                "Incorrect API key provided: in***id. You can obtain an API key from "
                "https://console.x.ai."
            )
        return await handler(request)

    return refusing(checked)


@behind_key
async def post_generations(request: web.Request) -> SimulatedResponse:
    """Paint what a JSON body asks for."""
    fields = checked_fields(await request.read())
    return await response(request, fields, ())


@behind_key
async def post_edits(request: web.Request) -> SimulatedResponse:
    """Edit the one image, or the several, of a JSON body."""
    fields = checked_fields(await request.read())
    if ("image" in fields) == ("images" in fields):
        raise refused("Exactly one of image and images must be set.")
    named = fields.get("images", [fields.get("image")])
    if not isinstance(named, list) or not 1 <= len(named) <= MAX_INPUTS:
        raise refused(f"At most {MAX_INPUTS} images are supported.")
    inputs = tuple([await in_painters(request, input_image, each) for each in named])
    if any(is_forbidden_image(image) for image in inputs):
        raise blocked(fields, len(inputs))
    return await response(request, fields, inputs)


def checked_fields(body: bytes) -> dict[str, Any]:
    """Return the fields of a body, or refuse it."""
    try:
        fields = read_json(body)
    except Malformed as error:
        raise refused(str(error)) from error
    for name in ("size", "style"):
        if name in fields:
            raise refused(f"Argument not supported: {name}")
    model = MODELS.get(str(fields.get("model")))
    if model is None:
        raise refused(f"The model {fields.get('model')} does not exist.", 404)
    if not isinstance(fields.get("prompt"), str) or not fields["prompt"]:
        raise refused("Prompt cannot be empty.")
    if type(fields.get("n", 1)) is not int or not 1 <= fields.get("n", 1) <= MAX_IMAGES:
        raise refused(f"n must be between 1 and {MAX_IMAGES}.")
    check_words(fields, model)
    if is_forbidden(fields["prompt"]):
        raise blocked(fields, 0)
    return fields


def check_words(fields: Mapping[str, Any], model: Model) -> None:
    """Refuse words that the model does not know."""
    for name, known in {
        "aspect_ratio": RATIOS,
        "resolution": model.ticks,
        "response_format": {"url", "b64_json"},
    }.items():
        if name in fields and fields[name] not in known:
            raise mistyped(name, fields[name])
    if "quality" in fields and fields["quality"] not in model.qualities:
        raise refused(f"Argument not supported: quality {fields['quality']}")


def blocked(fields: Mapping[str, Any], inputs: int) -> Refused:
    """Return the error of a request that is blocked as a whole, which is charged."""
    return refused("Generated image rejected by content moderation.", usage=usage(fields, inputs))


def input_image(named: object) -> Image.Image:
    """Return the image of a field, or refuse the request."""
    url = named.get("url") if isinstance(named, dict) else None
    try:
        return decoded(file_of_text(str(url)))
    except ValueError as error:
        raise refused(f"Invalid image: {error}") from error


def pixels(fields: Mapping[str, Any], inputs: tuple[Image.Image, ...]) -> tuple[int, int]:
    """Return the size of the images. That of a single input keeps its shape."""
    ratio = fields.get("aspect_ratio", "auto")
    wide, high = (1.0, 1.0) if ratio == "auto" else map(float, ratio.split(":"))
    if inputs and (len(inputs) == 1 or ratio == "auto"):
        wide, high = inputs[0].size
    edge, first = EDGES[fields.get("resolution", "1k")], EDGES["1k"]
    return scaled(sqrt(wide / high), edge / first), scaled(sqrt(high / wide), edge / first)


def scaled(share: float, factor: float) -> int:
    """Return an edge of an image whose share of a square's edge is given."""
    return round(round(EDGES["1k"] * share / STEP) * STEP * factor)


def usage(fields: Mapping[str, Any], inputs: int) -> dict[str, int]:
    """Return what a request costs, with images that are blocked."""
    ticks = MODELS[fields["model"]].ticks[fields.get("resolution", "1k")]
    return {"cost_in_usd_ticks": fields.get("n", 1) * ticks + inputs * INPUT_TICKS}


async def response(
    request: web.Request, fields: Mapping[str, Any], inputs: tuple[Image.Image, ...]
) -> SimulatedResponse:
    """Return the images that a request asks for, and an entry for each that is blocked."""
    n, prompt = fields.get("n", 1), fields["prompt"]
    size, seed = pixels(fields, inputs), drawn_seed(request, n)
    job = Job(fields["model"], prompt, *size, n=delivered(prompt, n), seed=seed, inputs=inputs)
    entries: list[dict[str, Any]] = []
    for image in await painted(request, job):
        content = await in_painters(request, encode, opaque(image), "jpeg", 90)
        shown = {"b64_json": encoded(content)}
        if fields.get("response_format", "url") == "url":
            shown = {"url": stored(request, content)}
        entries.append({"respect_moderation": True, **shown, "mime_type": "image/jpeg"})
    entries += [{"respect_moderation": False}] * (n - job.n)
    return json_response({"data": entries, "usage": usage(fields, len(inputs))})


def stored(request: web.Request, content: bytes) -> str:
    """Return the URL of a stored image."""
    name = secrets.token_hex(16)
    request.app[STORED_FILES].put(name, "image/jpeg", content)
    return str(request.url.with_path(f"/hosted/xai/files/{name}"))


async def get_file(request: web.Request) -> SimulatedResponse:
    """Return a stored image, which needs no key."""
    found = request.app[STORED_FILES].get(request.match_info["name"])
    if found is None:
        return json_response({"error": "not found"}, 404)
    return SimulatedResponse(200, found[1], {"content-type": found[0]})


ERRORS: Mapping[str, SimulatedResponse] = {
    "invalid_argument": refused("Invalid arguments passed to the model.").response,
    "moderated": refused("Generated image rejected by content moderation.").response,
    "wrong_key": refused("Incorrect API key provided: xa***id.").response,
    "no_credits": json_response(
        {
            "code": "The caller does not have permission to execute the specified operation",
            "error": "Your team has used all available credits.",
        },
        403,
    ),
    "rate_limit": refused("Too many requests.", 429).response,
    "unavailable": json_response({"error": {"message": "Service temporarily unavailable."}}, 503),
    "internal": json_response({"error": {"message": "Internal error."}}, 500),
}
"""xAI's errors, in both of its forms."""


DIALECT = Dialect(
    provider="xai",
    routes=(
        ("POST", "/v1/images/generations", post_generations),
        ("POST", "/v1/images/edits", post_edits),
        ("GET", "/files/{name}", get_file),
    ),
    errors=ERRORS,
    standing_headers=lambda _: {"server": "cloudflare", "x-request-id": secrets.token_hex(16)},
)
"""All that the simulator knows of xAI."""
