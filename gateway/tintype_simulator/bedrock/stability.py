"""The protocol of Stability's models and image services on Bedrock: one call paints one image.

Refusals are responses of status 200 without an image. Words in a prompt trigger them: `forbidden`
refuses the prompt and `flagged` the image. An input image that is magenta all over is refused, too.
"""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from PIL import Image

from tintype_simulator.bedrock.models import Model
from tintype_simulator.bedrock.stability_services import PAINTERS, read_images
from tintype_simulator.control.markers import delivered, is_forbidden, is_forbidden_image
from tintype_simulator.dialect import SimulatedResponse, in_painters, json_response
from tintype_simulator.painting.renderer import ImageSpec, encode, paint
from tintype_simulator.painting.seeds import DRAWN_SEED

WORDS = ("prompt", "negative_prompt", "search_prompt", "select_prompt", "style_preset")
"""The fields that decide what is painted, beside the seed and the images."""


@dataclass(frozen=True)
class Order:
    """A request that follows the model's schema, with its defaults filled in."""

    model: Model
    body: Mapping[str, Any] = field(repr=False)
    prompt: str
    seed: int
    output_format: str
    motif: str
    """All values but the input images that decide what the image shows, with the seed."""


async def invoke(request: web.Request, model: Model, body: Mapping[str, Any]) -> SimulatedResponse:
    """Return the response to a body that follows the model's schema.

    Raises:
        BedrockError: The model does not take one of the input images.
    """
    order = read_order(model, body, request[DRAWN_SEED])
    if is_forbidden(order.prompt):
        return filtered("prompt")
    image = await in_painters(request, painted_file, order)
    if image is None:
        return filtered("input image")
    if not delivered(order.prompt, 1):
        return filtered("output image")
    return json_response({"seeds": [order.seed], "finish_reasons": [None], "images": [image]})


def filtered(stage: str) -> SimulatedResponse:
    """Return the refusal of a prompt or of an image: it has neither seeds nor images."""
    return json_response({"finish_reasons": [f"Filter reason: {stage}"]})


def read_order(model: Model, body: Mapping[str, Any], drawn_seed: int) -> Order:
    """Return the request in a body that follows the model's schema."""
    words = [model.id, *(body.get(name, "") for name in WORDS)]
    seed = body.get("seed") or own_seed(words, drawn_seed)
    return Order(
        model=model,
        body=body,
        prompt=body.get("prompt", ""),
        seed=seed,
        output_format=body.get("output_format", "png").lower(),
        motif=json.dumps([*words, seed]),
    )


def own_seed(words: list[str], drawn_seed: int) -> int:
    """Return the seed of a request without one, of all those that Bedrock may draw."""
    return zlib.crc32(json.dumps([*words, drawn_seed]).encode()) % (2**32 - 2) + 1


def painted_file(order: Order) -> str | None:
    """Return the file of the image in base64; None if an input image is refused.

    Raises:
        BedrockError: The model does not take one of the input images.
    """
    images = read_images(order.body, order.model.input_limits)
    if any(is_forbidden_image(image.convert("RGB")) for image in images.values()):
        return None

    def fresh(size: tuple[int, int]) -> Image.Image:
        return paint(
            ImageSpec(
                seed=order.motif,
                caption=order.prompt,
                width=size[0],
                height=size[1],
                detail=order.model.detail,
            )
        )

    name = order.model.service or order.body.get("mode", "text-to-image")
    painted = PAINTERS[name](fresh, images, order.body)
    return base64.b64encode(encode(painted, order.output_format)).decode()
