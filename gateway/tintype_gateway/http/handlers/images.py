"""The routes of the API. Each parses the request, calls one function, and writes the response."""

import datetime
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace

from aiohttp import web

from tintype_gateway.api.model_list import describe
from tintype_gateway.api.operations import OPERATIONS, ApiOperation
from tintype_gateway.api.response_headers import lifecycle_headers
from tintype_gateway.catalog.snapshot import View
from tintype_gateway.dialects.registry import supports
from tintype_gateway.http.app_keys import CATALOGS, IMAGE_BODIES, JOBS, PIPELINE
from tintype_gateway.http.bodies.arriving import defer_continue
from tintype_gateway.http.bodies.images import READING_BYTES
from tintype_gateway.http.delivery import deliver
from tintype_gateway.http.handlers.jobs import submit_job
from tintype_gateway.http.incoming import incoming_of, preferences_of
from tintype_gateway.http.json_document import JsonDocument
from tintype_gateway.pipeline.client_presence import ClientPresence
from tintype_gateway.pipeline.incoming import Incoming
from tintype_gateway.pipeline.stages.resolve import find_model
from tintype_gateway.values.content import RequestBody
from tintype_gateway.values.response import Part


def routes_of(operation: ApiOperation) -> Iterator[web.RouteDef]:
    """Yield the routes of an operation: the operation and its quote."""

    schema = operation.request_model.model_json_schema()

    def with_uploads(request: web.Request, uploads: AsyncExitStack) -> Incoming:
        bodies, incoming = request.app[IMAGE_BODIES], incoming_of(request)
        most = request.app[JOBS].submissions.max_upload_bytes if incoming.is_job else None

        is_repeatable = incoming.idempotency_key is not None

        async def read_body() -> RequestBody:
            reading = bodies.reading(request, schema, most, digests=is_repeatable)
            return await uploads.enter_async_context(reading)

        return replace(incoming, read_body=read_body, body_bytes=READING_BYTES)

    async def post_images(request: web.Request) -> web.StreamResponse:
        pipeline, uploads, preferred = (
            request.app[PIPELINE],
            AsyncExitStack(),
            preferences_of(request),
        )
        incoming = (
            with_uploads(request, uploads) if operation.takes_images else incoming_of(request)
        )
        if preferred.respond_async:
            return await submit_job(request, operation, incoming, uploads)
        client = ClientPresence()
        parts = pipeline.serve(operation, incoming, client)
        if operation.takes_images:
            parts = _releasing(uploads, parts)
        delivered = pipeline.delivery_receipts.add
        return await deliver(request, parts, client, preferred.applied("handling"), delivered)

    async def post_quote(request: web.Request) -> web.Response:
        async with AsyncExitStack() as uploads:
            incoming = (
                with_uploads(request, uploads) if operation.takes_images else incoming_of(request)
            )
            quotation = await request.app[PIPELINE].quote(operation, incoming)
        applied = preferences_of(request).applied("handling")
        return web.json_response(quotation, headers=applied)

    expectations = {"expect_handler": defer_continue} if operation.takes_images else {}
    yield web.post(operation.path, post_images, **expectations)
    yield web.post(operation.quote_path, post_quote, **expectations)


async def _releasing(
    uploads: AsyncExitStack, parts: AsyncGenerator[Part, None]
) -> AsyncGenerator[Part, None]:
    """Yield the parts of a response, and then release the uploads that it was made from."""
    async with uploads, aclosing(parts):
        async for part in parts:
            yield part


async def get_models(request: web.Request) -> web.Response:
    """Serve `GET /v1/models`."""
    caller = await request.app[PIPELINE].authenticate(incoming_of(request))
    view = request.app[CATALOGS].current().view(caller.models)
    now = request.app[PIPELINE].now()
    version = now.date(), view.price_period(now)
    listed = await view.once("models", version, lambda: _listed(view, now))
    return listed.response(request)


async def get_model(request: web.Request) -> web.Response:
    """Serve `GET /v1/models/{id}`."""
    caller = await request.app[PIPELINE].authenticate(incoming_of(request))
    view = request.app[CATALOGS].current().view(caller.models)
    model = find_model(_model_id(request, view), view)
    headers = lifecycle_headers(model.lifecycle)
    now = request.app[PIPELINE].now()
    return web.json_response(describe(model, view, now, supports), headers=headers)


async def get_credits(request: web.Request) -> web.Response:
    """Serve `GET /v1/credits`."""
    return web.json_response(await request.app[PIPELINE].credits(incoming_of(request)))


ROUTES = (
    *(route for operation in OPERATIONS for route in routes_of(operation)),
    web.get("/v1/models", get_models),
    web.get("/v1/models/{id:.+}", get_model),
    web.get("/v1/credits", get_credits),
)


def _model_id(request: web.Request, view: View) -> str:
    """Return the model id in the path; a trailing slash counts only if a model's id has it."""
    requested = request.match_info["id"]
    return requested if requested in view.models else requested.rstrip("/")


def _listed(view: View, now: datetime.datetime) -> JsonDocument:
    return JsonDocument.of_list(describe(model, view, now, supports) for model in view.listed)
