"""Gemini's image models, `:generateContent` and `:streamGenerateContent`.

Words in a prompt bring out what the models do at times, so that it can be rehearsed:

=================  ==============================================================================
`forbidden`        the prompt is blocked: no candidates
`flagged`          the image is blocked: `IMAGE_SAFETY`
`imageless`        no image was made: `NO_IMAGE`
`declined`         the model says politely that it would rather not
`cached`           half of the prompt came from the cache
`as-jpeg`          the image is a JPEG
`two-images`       a draft comes before the image, and nothing but the order tells them apart
`with-thoughts`    the model's thoughts come along, a draft among them; so does `includeThoughts`
=================  ==============================================================================

Images in the prompt are shown as stripes, in their order. There is no mask: a request that has one
is refused as any other with an unknown field.

`maxOutputTokens` counts thoughts, text and images: where it is too low the answer ends with
`MAX_TOKENS`, and without an image.
"""

import base64
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

from aiohttp import web

from tintype_simulator.dialect import Answer, in_painters, json_answer
from tintype_simulator.google.access import answering, is_vertex, model_for
from tintype_simulator.google.content_request import GEMINI_BODY, VERTEX_BODY, Order, read_order
from tintype_simulator.google.content_responses import (
    Json,
    Piece,
    finished,
    has_marker,
    pieces,
    refused,
    with_parts,
)
from tintype_simulator.google.errors import too_large
from tintype_simulator.google.fields import Reader, decoded
from tintype_simulator.google.models import Model
from tintype_simulator.painting.references import painted_stripes
from tintype_simulator.painting.renderer import ImageSpec, encode, paint, unfinished
from tintype_simulator.painting.seeds import DRAWN_SEED

DRAFT_SHARE = 0.6
"""How much of the work on an image is done in its draft."""

GEMINI_REQUEST_BYTES = 100 * 1024 * 1024
"""The largest body of the Gemini API. Of Vertex AI the sources disagree, up to 500 MB."""

SIGNATURE = base64.b64encode(b"the thoughts behind this image").decode()


@answering
async def post_content(request: web.Request) -> Answer:
    """Answer a prompt at once."""
    order = await read(request)
    body = refused(order)
    if body is None:
        parts = [await part(request, order, piece) for piece in pieces(order)]
        body = finished(order, parts)
    return json_answer(body | identity(order))


@answering
async def post_stream(request: web.Request) -> Answer:
    """Answer a prompt part by part, as events or else as the elements of one list."""
    order = await read(request)
    if request.query.get("alt") == "sse":
        return Answer(200, events(request, order), {"content-type": "text/event-stream"})
    return Answer(200, elements(request, order), {"content-type": "application/json"})


async def read(request: web.Request) -> Order:
    """Return what the request asks for, or raise GoogleError."""
    model = model_for(request, "generateContent")
    body, vertex = await request.read(), is_vertex(request)
    if not vertex and len(body) > GEMINI_REQUEST_BYTES:
        raise too_large(GEMINI_REQUEST_BYTES)
    order = await in_painters(
        request, order_in, model, VERTEX_BODY if vertex else GEMINI_BODY, body
    )
    return order if order.seed is not None else replace(order, seed=request[DRAWN_SEED])


def order_in(model: Model, reader: Reader, body: bytes) -> Order:
    """Return what a body asks for, or raise GoogleError."""
    return read_order(model, reader(decoded(body), ""))


async def events(request: web.Request, order: Order) -> AsyncIterator[bytes]:
    """Yield the frames of a stream of events: no names, and nothing after the last answer."""
    async for chunk in chunks(request, order):
        yield b"data: " + chunk + b"\r\n\r\n"


async def elements(request: web.Request, order: Order) -> AsyncIterator[bytes]:
    """Yield a JSON list of answers, an element at a time."""
    before = b"["
    async for chunk in chunks(request, order):
        yield before + chunk
        before = b",\r\n"
    yield b"]"


async def chunks(request: web.Request, order: Order) -> AsyncIterator[bytes]:
    """Yield one answer for each part; the image is whole in one of them."""
    named = identity(order)
    if (refusal := refused(order)) is not None:
        yield dumped(refusal | named)
        return
    *first, last = pieces(order)
    for piece in first:
        yield dumped(with_parts([await part(request, order, piece)]) | named)
    yield dumped(finished(order, [await part(request, order, last)]) | named)


def identity(order: Order) -> Json:
    """Return what every piece of one answer has in common."""
    return {"modelVersion": order.model.id, "responseId": uuid.uuid4().hex}


def dumped(value: Json) -> bytes:
    """Return a value as JSON in one line."""
    return json.dumps(value, separators=(",", ":")).encode()


async def part(request: web.Request, order: Order, piece: Piece) -> Json:
    """Return one part of the answer, painted where it is an image."""
    thought: Json = {"thought": True} if piece.is_thought else {}
    if piece.text:
        return {"text": piece.text, **thought}
    file = await in_painters(request, painted_file, order, piece.is_draft)
    data = {"mimeType": f"image/{file_format(order)}", "data": file}
    signed = order.model.thinks and not piece.is_draft
    return {"inlineData": data, **thought, **({"thoughtSignature": SIGNATURE} if signed else {})}


def file_format(order: Order) -> str:
    """Return the format of the images, which only Vertex AI lets a request choose."""
    return "jpeg" if has_marker(order.prompt, "as-jpeg") else order.file_format


def painted_file(order: Order, is_draft: bool) -> str:
    """Return the file of the image, or of its draft, in base64."""
    spec = ImageSpec(
        seed=f"{order.model.id}/{order.seed}/{order.prompt}",
        caption=order.prompt,
        width=order.width,
        height=order.height,
        detail=order.model.detail,
    )
    image = painted_stripes(spec, order.references) if order.references else paint(spec)
    shown = unfinished(image, DRAFT_SHARE) if is_draft else image
    return base64.b64encode(encode(shown, file_format(order), order.quality)).decode()
