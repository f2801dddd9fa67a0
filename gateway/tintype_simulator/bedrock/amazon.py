"""The protocol of Amazon's own image models on Bedrock, Titan and Nova Canvas.

Words in a prompt trigger refusals: `forbidden` refuses the prompt, `flagged` every image and
`half-flagged` the later half of them. A `maskPrompt` with the word `nowhere` finds nothing, and an
input image that is magenta all over is refused.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from PIL import Image

from tintype_simulator.bedrock.amazon_bodies import PARAMETERS
from tintype_simulator.bedrock.amazon_tasks import TASKS, Inputs, read_inputs
from tintype_simulator.bedrock.errors import BedrockError, content_filtered
from tintype_simulator.bedrock.models import Model
from tintype_simulator.control.markers import delivered, is_forbidden
from tintype_simulator.dialect import SimulatedResponse, in_painters, json_response
from tintype_simulator.painting.renderer import ImageSpec, encode, paint

DEFAULT_EDGE = 1024
"""The width or height of a request without one: as documented for Nova Canvas. AWS's pages on
Titan contradict each other."""

LARGEST_AREA = 4_194_304
"""Pixels of Nova Canvas's largest image: AWS's pages differ on whether it is still allowed."""

LARGEST_RATIO = 4

DETAIL = {"standard": 1024, "premium": 1536}
"""`ImageSpec.detail` for each quality."""


@dataclass(frozen=True)
class Order:
    """A request that follows the model's schema, with its defaults filled in."""

    model: Model
    task: str
    parameters: Mapping[str, Any]
    text: str
    images: int
    size: tuple[int, int]
    """Width and height of the images, for tasks that take a size."""

    quality: str
    motif: str
    """All values but the input images that decide what the images show, with the seed."""


async def invoke(request: web.Request, model: Model, body: Mapping[str, Any]) -> SimulatedResponse:
    """Return the response to a body that follows the model's schema.

    Raises:
        BedrockError: The model does not take this size, this prompt or these input images.
    """
    order = read_order(model, body)
    inputs = await in_painters(
        request, read_inputs, order.task, order.parameters, model.input_limits
    )
    shown = delivered(order.text, order.images)
    images = await asyncio.gather(
        *(in_painters(request, painted_file, order, inputs, index) for index in range(shown))
    )
    response: dict[str, Any] = {"images": images}
    if inputs.mask is not None and order.parameters.get("returnMask") and images:
        response["maskImage"] = await in_painters(request, png, inputs.mask)
    return json_response(response | {"error": blocked(shown, order.images)})


def read_order(model: Model, body: Mapping[str, Any]) -> Order:
    """Return the request in a body that follows the model's schema.

    Raises:
        BedrockError: The model does not take this size or this prompt.
    """
    task = body["taskType"]
    parameters, config = body[PARAMETERS[task]], body.get("imageGenerationConfig", {})
    words = {name: value for name, value in parameters.items() if not holds_images(name)}
    order = Order(
        model=model,
        task=task,
        parameters=parameters,
        text=parameters.get("text", ""),
        images=config.get("numberOfImages", 1),
        size=(config.get("width", DEFAULT_EDGE), config.get("height", DEFAULT_EDGE)),
        quality=config.get("quality", "standard"),
        motif=json.dumps(
            [task, words, config.get("seed", model.default_seed), config.get("cfgScale")],
            sort_keys=True,
        ),
    )
    if TASKS[task].takes_size:
        check_size(order)
    if is_forbidden(order.text):
        raise content_filtered("text prompt")
    return order


def holds_images(name: str) -> bool:
    """Return whether the parameter of this name holds images: `image`, `images`, `maskImage`."""
    return name.lower().endswith(("image", "images")) or name == "imageBasedMask"


def check_size(order: Order) -> None:
    """Refuse a size that the model does not paint, although each edge is within its bounds."""
    width, height = order.size
    if order.model.sizes:
        wrong = (width, height) not in order.model.sizes
    else:
        stretched = max(width, height) > LARGEST_RATIO * min(width, height)
        wrong = stretched or width * height > LARGEST_AREA
    if wrong:
        message = f"The width {width} and the height {height} do not make a supported size."
        raise BedrockError(message)


def blocked(shown: int, asked: int) -> str | None:
    """Return what the response says of images that the model withholds."""
    if shown == asked:
        return None
    share = "Some" if shown else "All"
    return f"{share} of the generated images have been blocked by our content filters."


def painted_file(order: Order, inputs: Inputs, index: int) -> str:
    """Return the file of the image at an index of the response, in base64."""
    task = TASKS[order.task]
    width, height = order.size if task.takes_size else inputs.images[0].size
    fresh = paint(
        ImageSpec(
            seed=f"{order.model.id}/{index}/{order.motif}",
            caption=order.text,
            width=width,
            height=height,
            detail=DETAIL[order.quality],
        )
    )
    return png(task.paint(fresh, inputs, order.parameters))


def png(image: Image.Image) -> str:
    """Return the PNG of an image in base64."""
    return base64.b64encode(encode(image, "png")).decode()
