"""Imagen, `:predict`: from one to four images of a prompt, edits, and upscaled images.

Words in a prompt trigger refusals: `forbidden` refuses the prompt, `flagged` filters every image
and `half-flagged` the later half of them. Filtered images are missing from the response, or stand
in it as reasons where the request asks for them; the status stays 200.
"""

import asyncio
import base64
from dataclasses import replace

from aiohttp import web
from PIL import Image

from tintype_simulator.control.markers import delivered, is_forbidden
from tintype_simulator.dialect import SimulatedResponse, in_painters, json_response
from tintype_simulator.google.access import authorized, is_vertex, model_for
from tintype_simulator.google.errors import prompt_not_submitted
from tintype_simulator.google.fields import Reader, decoded
from tintype_simulator.google.models import Model
from tintype_simulator.google.predict_request import (
    GEMINI_BODY,
    VERTEX_BODIES,
    PredictRequest,
    read_predict_request,
)
from tintype_simulator.painting.edits import upscaled
from tintype_simulator.painting.references import opaque, painted_edit
from tintype_simulator.painting.renderer import ImageSpec, encode, paint
from tintype_simulator.painting.seeds import drawn_seed

FILTERED = (
    "Unable to show generated images. The image was filtered out because it violated Google's "
    "Responsible AI practices. Support codes: 29310472"
)


@authorized
async def post_predict(request: web.Request) -> SimulatedResponse:
    """Paint what the request asks for."""
    model = model_for(request, "predict")
    reader = VERTEX_BODIES[model.task] if is_vertex(request) else GEMINI_BODY
    predict_request = await in_painters(request, request_in, model, reader, await request.read())
    if predict_request.seed is None:
        predict_request = replace(predict_request, seed=drawn_seed(request, predict_request.images))
    if is_forbidden(predict_request.prompt):
        raise prompt_not_submitted()
    passed = delivered(predict_request.prompt, predict_request.images)
    files = await asyncio.gather(
        *(in_painters(request, painted_file, predict_request, index) for index in range(passed))
    )
    predictions = [*images(predict_request, files), *remarks(predict_request, len(files))]
    return json_response({"predictions": predictions} if predictions else {})


def request_in(model: Model, reader: Reader, body: bytes) -> PredictRequest:
    """Return what a body asks for, or raise GoogleError."""
    return read_predict_request(model, reader(decoded(body), ""))


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
    content = encode(
        painted(predict_request, index), predict_request.file_format, predict_request.quality
    )
    return base64.b64encode(content).decode()


def painted(predict_request: PredictRequest, index: int) -> Image.Image:
    """Return the image at a place of the response."""
    model, prompt, inputs = predict_request.model, predict_request.prompt, predict_request.inputs
    size = predict_request.width, predict_request.height
    seed = f"{model.id}/{predict_request.seed}/{index}/{prompt}/{predict_request.unwanted}"
    if model.task == "upscale":
        return upscaled(opaque(inputs[0]), size, seed)
    spec = ImageSpec(seed, prompt, *size, detail=model.detail)
    return painted_edit(spec, inputs, predict_request.region) if inputs else paint(spec)
