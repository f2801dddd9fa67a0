"""OpenAI's Images API as a dialect: generations, streamed or not, and the list of models.

Any bearer key is accepted, except those that begin with `invalid`. OpenAI's wire has no seed: each
is drawn.
"""

import asyncio
import base64
import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

from aiohttp import web
from PIL import Image

from tintype_simulator.dialect import Answer, Dialect, Handler, in_painters, json_answer
from tintype_simulator.openai.errors import ERRORS, OpenAIError, invalid_api_key, model_not_found
from tintype_simulator.openai.models import MODELS
from tintype_simulator.openai.request import GenerationRequest, read_generation
from tintype_simulator.openai.responses import (
    completed_event,
    images_response,
    model_object,
    partial_image_event,
)
from tintype_simulator.painting.content_credentials import with_manifest
from tintype_simulator.painting.renderer import ImageSpec, encode, paint, unfinished
from tintype_simulator.painting.seeds import drawn_seed

DETAIL = {
    "low": 512,
    "standard": 1024,
    "medium": 1024,
    "hd": 1536,
    "high": 1536,
    "xhigh": 2048,
    "max": 2560,
}
"""What each quality buys: `ImageSpec.detail`."""

NATURAL_SATURATION = 0.6
"""How muted the style `natural` is; `vivid` is 1."""

STREAM_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}


def answering(handler: Handler) -> Handler:
    """Return the handler behind the check of the key, with its errors turned into answers."""

    async def answer(request: web.Request) -> Answer:
        try:
            check_key(request.headers.get("authorization", ""))
            return await handler(request)
        except OpenAIError as error:
            return error.answer()

    return answer


def check_key(authorization: str) -> None:
    """Raise OpenAIError unless the header carries a key that the simulator takes."""
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key or key.startswith("invalid"):
        raise invalid_api_key()


@answering
async def post_generations(request: web.Request) -> Answer:
    """Paint what the request asks for."""
    order = read_generation(decoded(await request.read()))
    order = replace(order, seed=drawn_seed(request, order.n))
    if order.stream:
        return Answer(200, events(request, order), STREAM_HEADERS)
    images = await asyncio.gather(
        *(in_painters(request, painted_file, order, index) for index in range(order.n))
    )
    return json_answer(images_response(order, images, now()))


@answering
async def get_models(request: web.Request) -> Answer:
    """List the models."""
    return json_answer({"object": "list", "data": [model_object(m) for m in MODELS.values()]})


@answering
async def get_model(request: web.Request) -> Answer:
    """Describe one model."""
    name = request.match_info["model"]
    if name not in MODELS:
        raise model_not_found(name)
    return json_answer(model_object(MODELS[name]))


async def events(request: web.Request, order: GenerationRequest) -> AsyncIterator[bytes]:
    """Yield the events of a stream: for each image its unfinished versions, then itself."""
    for index in range(order.n):
        image = await in_painters(request, painted, order, index)
        for partial in range(order.partial_images):
            share = (partial + 1) / (order.partial_images + 1)
            draft = await in_painters(request, unfinished_file, order, image, share)
            yield partial_image_event(order, draft, now(), partial)
        whole = await in_painters(request, file, order, image)
        yield completed_event(order, whole, now(), index)


def decoded(body: bytes) -> object:
    """Return the JSON in a body, or raise OpenAIError."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise OpenAIError("We could not parse the JSON body of your request.") from error


def now() -> int:
    """Return the Unix time in seconds."""
    return int(time.time())


def painted(order: GenerationRequest, index: int) -> Image.Image:
    """Return the image at a place of the answer."""
    return paint(
        ImageSpec(
            seed=f"{order.model.id}/{order.seed}/{index}/{order.prompt}",
            caption=order.prompt,
            width=order.width,
            height=order.height,
            detail=DETAIL[order.quality],
            saturation=NATURAL_SATURATION if order.style == "natural" else 1.0,
            transparent=order.background == "transparent",
        )
    )


def file(order: GenerationRequest, image: Image.Image) -> str:
    """Return an image in the requested format and in base64."""
    content = encode(image, order.output_format, order.output_compression)
    if not order.model.family.is_dall_e:
        content = with_manifest(content, order.output_format)
    return base64.b64encode(content).decode()


def painted_file(order: GenerationRequest, index: int) -> str:
    """Return the file of the image at a place of the answer."""
    return file(order, painted(order, index))


def unfinished_file(order: GenerationRequest, image: Image.Image, share: float) -> str:
    """Return the file of an image of which only a share is done."""
    return file(order, unfinished(image, share))


def standing_headers(elapsed_seconds: float) -> dict[str, str]:
    """Return the headers of every answer; the limits are those of an account that is never full."""
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
        ("GET", "/v1/models", get_models),
        ("GET", "/v1/models/{model}", get_model),
    ),
    errors={name: error.answer() for name, error in ERRORS.items()},
    standing_headers=standing_headers,
)
"""All that the simulator knows of OpenAI."""
