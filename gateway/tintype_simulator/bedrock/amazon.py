"""The protocol of Amazon's own image models on Bedrock, Titan and Nova Canvas: images from text.

The other tasks, which take images, are refused. Words in a prompt make refusals easy to
rehearse: `forbidden` refuses the prompt, `flagged` every image and `half-flagged` the later half
of them.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tintype_simulator.bedrock.errors import BedrockError, content_filtered
from tintype_simulator.bedrock.models import Model
from tintype_simulator.control.markers import delivered, is_forbidden
from tintype_simulator.dialect import Answer, in_painters, json_answer
from tintype_simulator.painting.renderer import ImageSpec, encode, paint

DEFAULT_EDGE = 1024
"""What a width or height left out becomes: documented for Nova Canvas, contradictory for Titan."""

LARGEST_AREA = 4_194_304
"""Pixels of Nova Canvas's largest image: AWS's pages differ on whether it is still allowed."""

LARGEST_RATIO = 4

DETAIL = {"standard": 1024, "premium": 1536}
"""What each quality buys: `ImageSpec.detail`."""


@dataclass(frozen=True)
class Order:
    """A request that passed, with nothing left open."""

    model: Model
    text: str
    images: int
    width: int
    height: int
    quality: str
    motif: str
    """Everything that decides what is in the images, the seed among it."""


async def invoke(request: web.Request, model: Model, body: Mapping[str, Any]) -> Answer:
    """Paint what a body asks for that follows the model's schema."""
    order = read_order(model, body)
    shown = delivered(order.text, order.images)
    images = await asyncio.gather(
        *(in_painters(request, painted_file, order, index) for index in range(shown))
    )
    return json_answer({"images": images, "error": blocked(shown, order.images)})


def read_order(model: Model, body: Mapping[str, Any]) -> Order:
    """Return the request in a body that follows the model's schema.

    Raises:
        BedrockError: It asks for what the model does not paint.
    """
    parameters, config = body["textToImageParams"], body.get("imageGenerationConfig", {})
    order = Order(
        model=model,
        text=parameters["text"],
        images=config.get("numberOfImages", 1),
        width=config.get("width", DEFAULT_EDGE),
        height=config.get("height", DEFAULT_EDGE),
        quality=config.get("quality", "standard"),
        motif=json.dumps(
            [parameters, config.get("seed", model.default_seed), config.get("cfgScale")],
            sort_keys=True,
        ),
    )
    check_size(order)
    if is_forbidden(order.text):
        raise content_filtered()
    return order


def check_size(order: Order) -> None:
    """Refuse a size that the model does not paint, though each of its edges is right."""
    width, height = order.width, order.height
    if order.model.sizes:
        wrong = (width, height) not in order.model.sizes
    else:
        stretched = max(width, height) > LARGEST_RATIO * min(width, height)
        wrong = stretched or width * height > LARGEST_AREA
    if wrong:
        message = f"The width {width} and the height {height} do not make a supported size."
        raise BedrockError(message)


def blocked(shown: int, asked: int) -> str | None:
    """Return what the answer says of the images that are not in it."""
    if shown == asked:
        return None
    share = "Some" if shown else "All"
    return f"{share} of the generated images have been blocked by our content filters."


def painted_file(order: Order, index: int) -> str:
    """Return the file of the image at a place of the answer, in base64."""
    image = ImageSpec(
        seed=f"{order.model.id}/{index}/{order.motif}",
        caption=order.text,
        width=order.width,
        height=order.height,
        detail=DETAIL[order.quality],
    )
    return base64.b64encode(encode(paint(image), "png")).decode()
