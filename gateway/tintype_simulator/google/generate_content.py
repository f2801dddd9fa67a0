"""Gemini's image models, `:generateContent` and `:streamGenerateContent`.

Words in a prompt trigger what real models do now and then:

=================  ==============================================================================
`forbidden`        the prompt is blocked: no candidates
`flagged`          the image is blocked: `IMAGE_SAFETY`
`imageless`        no image was made: `NO_IMAGE`
`declined`         the model says politely that it would rather not
`cached`           half of the prompt came from the cache
`as-jpeg`          the image is a JPEG
`two-images`       a draft comes before the image, and only their order distinguishes them
`with-thoughts`    the model's thoughts come along, a draft among them; so does `includeThoughts`
=================  ==============================================================================

The image shows those of the prompt as stripes, in their order. Gemini has no mask: a field for one
is refused as an unknown field.

`maxOutputTokens` counts thoughts, text and images: where it is too low, the response
ends with `MAX_TOKENS` and has no image.
"""

import base64
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

from aiohttp import web

from tintype_simulator.dialect import SimulatedResponse, in_painters, json_response
from tintype_simulator.google.access import authorized, is_vertex, model_for
from tintype_simulator.google.content_request import (
    GEMINI_BODY,
    VERTEX_BODY,
    ContentRequest,
    read_content_request,
)
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
"""The largest body of the Gemini API. For Vertex AI the sources disagree, up to 500 MB."""

SIGNATURE = base64.b64encode(b"the thoughts behind this image").decode()


@authorized
async def post_content(request: web.Request) -> SimulatedResponse:
    """Return the whole response to a prompt."""
    content_request = await read(request)
    body = refused(content_request)
    if body is None:
        parts = [await part(request, content_request, piece) for piece in pieces(content_request)]
        body = finished(content_request, parts)
    return json_response(body | identity(content_request))


@authorized
async def post_stream(request: web.Request) -> SimulatedResponse:
    """Stream the response to a prompt part by part, as events or as elements of one JSON list."""
    content_request = await read(request)
    if request.query.get("alt") == "sse":
        return SimulatedResponse(
            200, events(request, content_request), {"content-type": "text/event-stream"}
        )
    return SimulatedResponse(
        200, elements(request, content_request), {"content-type": "application/json"}
    )


async def read(request: web.Request) -> ContentRequest:
    """Return what the request asks for, or raise GoogleError."""
    model = model_for(request, "generateContent")
    body, vertex = await request.read(), is_vertex(request)
    if not vertex and len(body) > GEMINI_REQUEST_BYTES:
        raise too_large(GEMINI_REQUEST_BYTES)
    content_request = await in_painters(
        request, request_in, model, VERTEX_BODY if vertex else GEMINI_BODY, body
    )
    return (
        content_request
        if content_request.seed is not None
        else replace(content_request, seed=request[DRAWN_SEED])
    )


def request_in(model: Model, reader: Reader, body: bytes) -> ContentRequest:
    """Return what a body asks for, or raise GoogleError."""
    return read_content_request(model, reader(decoded(body), ""))


async def events(request: web.Request, content_request: ContentRequest) -> AsyncIterator[bytes]:
    """Yield the frames of a stream of events: without names, and without an end marker."""
    async for chunk in chunks(request, content_request):
        yield b"data: " + chunk + b"\r\n\r\n"


async def elements(request: web.Request, content_request: ContentRequest) -> AsyncIterator[bytes]:
    """Yield a JSON list of chunks, an element at a time."""
    before = b"["
    async for chunk in chunks(request, content_request):
        yield before + chunk
        before = b",\r\n"
    yield b"]"


async def chunks(request: web.Request, content_request: ContentRequest) -> AsyncIterator[bytes]:
    """Yield a chunk for each part of the response; an image is whole in its chunk."""
    named = identity(content_request)
    if (refusal := refused(content_request)) is not None:
        yield dumped(refusal | named)
        return
    *first, last = pieces(content_request)
    for piece in first:
        yield dumped(with_parts([await part(request, content_request, piece)]) | named)
    yield dumped(finished(content_request, [await part(request, content_request, last)]) | named)


def identity(content_request: ContentRequest) -> Json:
    """Return the fields that all chunks of one response share."""
    return {"modelVersion": content_request.model.id, "responseId": uuid.uuid4().hex}


def dumped(value: Json) -> bytes:
    """Return a value as JSON in one line."""
    return json.dumps(value, separators=(",", ":")).encode()


async def part(request: web.Request, content_request: ContentRequest, piece: Piece) -> Json:
    """Return one part of the response, painted where it is an image."""
    thought: Json = {"thought": True} if piece.is_thought else {}
    if piece.text:
        return {"text": piece.text, **thought}
    file = await in_painters(request, painted_file, content_request, piece.is_draft)
    data = {"mimeType": f"image/{file_format(content_request)}", "data": file}
    signed = content_request.model.thinks and not piece.is_draft
    return {"inlineData": data, **thought, **({"thoughtSignature": SIGNATURE} if signed else {})}


def file_format(content_request: ContentRequest) -> str:
    """Return the format of the images, which only Vertex AI lets a request choose."""
    return "jpeg" if has_marker(content_request.prompt, "as-jpeg") else content_request.file_format


def painted_file(content_request: ContentRequest, is_draft: bool) -> str:
    """Return the file of the image, or of its draft, in base64."""
    spec = ImageSpec(
        seed=f"{content_request.model.id}/{content_request.seed}/{content_request.prompt}",
        caption=content_request.prompt,
        width=content_request.width,
        height=content_request.height,
        detail=content_request.model.detail,
    )
    image = (
        painted_stripes(spec, content_request.references)
        if content_request.references
        else paint(spec)
    )
    shown = unfinished(image, DRAFT_SHARE) if is_draft else image
    return base64.b64encode(
        encode(shown, file_format(content_request), content_request.quality)
    ).decode()
