"""The protocol of Stability's models on Bedrock: one call paints one image from text.

Image to image is not offered. Refusals are answers of status 200 without an image; words in a
prompt make them easy to rehearse: `forbidden` refuses the prompt and `flagged` the image.
"""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tintype_simulator.bedrock.bodies import RATIOS
from tintype_simulator.bedrock.models import Model
from tintype_simulator.control.markers import delivered, is_forbidden
from tintype_simulator.dialect import Answer, in_painters, json_answer
from tintype_simulator.painting.renderer import ImageSpec, encode, paint
from tintype_simulator.painting.seeds import DRAWN_SEED


@dataclass(frozen=True)
class Order:
    """A request that passed, with nothing left open."""

    model: Model
    prompt: str
    ratio: str
    seed: int
    output_format: str
    motif: str
    """Everything that decides what is in the image, the seed among it."""


async def invoke(request: web.Request, model: Model, body: Mapping[str, Any]) -> Answer:
    """Paint what a body asks for that follows the model's schema."""
    order = read_order(model, body, request[DRAWN_SEED])
    if is_forbidden(order.prompt):
        return filtered("prompt")
    if not delivered(order.prompt, 1):
        return filtered("output image")
    image = await in_painters(request, painted_file, order)
    return json_answer({"seeds": [order.seed], "finish_reasons": [None], "images": [image]})


def filtered(stage: str) -> Answer:
    """Return the refusal of a prompt or of an image: it has neither seeds nor images."""
    return json_answer({"finish_reasons": [f"Filter reason: {stage}"]})


def read_order(model: Model, body: Mapping[str, Any], drawn_seed: int) -> Order:
    """Return the request in a body that follows the model's schema."""
    texts = [model.id, body["prompt"], body.get("negative_prompt", "")]
    seed = body.get("seed") or own_seed(texts, drawn_seed)
    return Order(
        model=model,
        prompt=body["prompt"],
        ratio=body.get("aspect_ratio", "1:1"),
        seed=seed,
        output_format=body.get("output_format", "png").lower(),
        motif=json.dumps([*texts, seed]),
    )


def own_seed(texts: list[str], drawn_seed: int) -> int:
    """Return the seed of a request that leaves it open, spread over all that Bedrock may draw."""
    return zlib.crc32(json.dumps([*texts, drawn_seed]).encode()) % (2**32 - 2) + 1


def painted_file(order: Order) -> str:
    """Return the file of the image in base64."""
    width, height = RATIOS[order.ratio]
    image = ImageSpec(
        seed=order.motif,
        caption=order.prompt,
        width=width,
        height=height,
        detail=order.model.detail,
    )
    return base64.b64encode(encode(paint(image), order.output_format)).decode()
