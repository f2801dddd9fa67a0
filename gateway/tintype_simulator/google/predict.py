"""Imagen, `:predict`: from one to four images of a prompt.

Words in a prompt make refusals easy to rehearse: `forbidden` refuses the prompt, `flagged` every
image and `half-flagged` the later half of them. Filtered images are missing from the answer,
or in it as reasons where the request asks for them; the status stays 200.
"""

import asyncio
import base64
from dataclasses import replace

from aiohttp import web

from tintype_simulator.control.markers import delivered, is_forbidden
from tintype_simulator.dialect import Answer, in_painters, json_answer
from tintype_simulator.google.access import answering, is_vertex, model_for
from tintype_simulator.google.errors import prompt_not_submitted
from tintype_simulator.google.fields import decoded
from tintype_simulator.google.predict_request import GEMINI_BODY, VERTEX_BODY, Order, read_order
from tintype_simulator.painting.renderer import ImageSpec, encode, paint
from tintype_simulator.painting.seeds import drawn_seed

FILTERED = (
    "Unable to show generated images. The image was filtered out because it violated Google's "
    "Responsible AI practices. Support codes: 29310472"
)


@answering
async def post_predict(request: web.Request) -> Answer:
    """Paint what the request asks for."""
    model = model_for(request, "predict")
    reader = VERTEX_BODY if is_vertex(request) else GEMINI_BODY
    order = read_order(model, reader(decoded(await request.read()), ""))
    if order.seed is None:
        order = replace(order, seed=drawn_seed(request, order.images))
    if is_forbidden(order.prompt):
        raise prompt_not_submitted()
    passed = delivered(order.prompt, order.images)
    files = await asyncio.gather(
        *(in_painters(request, painted_file, order, index) for index in range(passed))
    )
    predictions = [*images(order, files), *remarks(order, len(files))]
    return json_answer({"predictions": predictions} if predictions else {})


def images(order: Order, files: list[str]) -> list[dict[str, object]]:
    """Return the entries of the images that were not filtered."""
    entry: dict[str, object] = {"mimeType": f"image/{order.file_format}"}
    if order.tells_prompt:
        entry["prompt"] = f"A detailed image: {order.prompt}"
    return [{**entry, "bytesBase64Encoded": file} for file in files]


def remarks(order: Order, passed: int) -> list[dict[str, object]]:
    """Return the entries without an image, which a request has to ask for."""
    found: list[dict[str, object]] = []
    if order.tells_reasons:
        found += [{"raiFilteredReason": FILTERED} for _ in range(order.images - passed)]
    if order.tells_safety:
        attributes = {"categories": ["Violence"], "scores": [0.1]}
        found.append({"safetyAttributes": attributes, "contentType": "Positive Prompt"})
    return found


def painted_file(order: Order, index: int) -> str:
    """Return the file of the image at a place of the answer, in base64."""
    image = ImageSpec(
        seed=f"{order.model.id}/{order.seed}/{index}/{order.prompt}/{order.unwanted}",
        caption=order.prompt,
        width=order.width,
        height=order.height,
        detail=order.model.detail,
    )
    return base64.b64encode(encode(paint(image), order.file_format, order.quality)).decode()
