"""Imagen, `:predict`: from one to four images of a prompt.

Words in a prompt trigger refusals: `forbidden` refuses the prompt, `flagged` filters every image
and `half-flagged` the later half of them. Filtered images are missing from the response, or stand
in it as reasons where the request asks for them; the status stays 200.
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
from tintype_simulator.google.predict_request import (
    GEMINI_BODY,
    VERTEX_BODY,
    PredictRequest,
    read_predict_request,
)
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
    predict_request = read_predict_request(model, reader(decoded(await request.read()), ""))
    if predict_request.seed is None:
        predict_request = replace(predict_request, seed=drawn_seed(request, predict_request.images))
    if is_forbidden(predict_request.prompt):
        raise prompt_not_submitted()
    passed = delivered(predict_request.prompt, predict_request.images)
    files = await asyncio.gather(
        *(in_painters(request, painted_file, predict_request, index) for index in range(passed))
    )
    predictions = [*images(predict_request, files), *remarks(predict_request, len(files))]
    return json_answer({"predictions": predictions} if predictions else {})


def images(predict_request: PredictRequest, files: list[str]) -> list[dict[str, object]]:
    """Return the entries of the images that were not filtered."""
    entry: dict[str, object] = {"mimeType": f"image/{predict_request.file_format}"}
    if predict_request.tells_prompt:
        entry["prompt"] = f"A detailed image: {predict_request.prompt}"
    return [{**entry, "bytesBase64Encoded": file} for file in files]


def remarks(predict_request: PredictRequest, passed: int) -> list[dict[str, object]]:
    """Return the entries without an image, which a request must ask for."""
    found: list[dict[str, object]] = []
    if predict_request.tells_reasons:
        found += [{"raiFilteredReason": FILTERED} for _ in range(predict_request.images - passed)]
    if predict_request.tells_safety:
        attributes = {"categories": ["Violence"], "scores": [0.1]}
        found.append({"safetyAttributes": attributes, "contentType": "Positive Prompt"})
    return found


def painted_file(predict_request: PredictRequest, index: int) -> str:
    """Return the file of the image at a place of the response, in base64."""
    image = ImageSpec(
        seed=f"{predict_request.model.id}/{predict_request.seed}/{index}/{predict_request.prompt}/{predict_request.unwanted}",
        caption=predict_request.prompt,
        width=predict_request.width,
        height=predict_request.height,
        detail=predict_request.model.detail,
    )
    return base64.b64encode(
        encode(paint(image), predict_request.file_format, predict_request.quality)
    ).decode()
