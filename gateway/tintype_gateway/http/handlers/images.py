"""The routes of the API. Each parses the request, calls one function, and writes the response."""

import datetime
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace

from aiohttp import web

from tintype_gateway.accounts import PROFILES, Profile
from tintype_gateway.api.model_list import describe
from tintype_gateway.api.operations import OPERATIONS, ApiOperation
from tintype_gateway.api.response_headers import PROFILE_HEADER, lifecycle_headers
from tintype_gateway.catalog.snapshot import View
from tintype_gateway.dialects.registry import supports
from tintype_gateway.errors import BadRequestError
from tintype_gateway.http.app_keys import (
    BODY_PACE,
    CATALOGS,
    IMAGE_BODIES,
    PIPELINE,
    REQUEST_ID,
    REQUEST_LOG,
)
from tintype_gateway.http.bodies.arriving import defer_continue
from tintype_gateway.http.bodies.images import READING_BYTES
from tintype_gateway.http.bodies.json import read_json_body
from tintype_gateway.http.delivery import deliver
from tintype_gateway.http.json_document import JsonDocument
from tintype_gateway.http.requests import idempotency_key
from tintype_gateway.pipeline.client_presence import ClientPresence
from tintype_gateway.pipeline.incoming import Incoming
from tintype_gateway.pipeline.stages.adapt import Handling
from tintype_gateway.pipeline.stages.resolve import find_model
from tintype_gateway.values.content import RequestBody
from tintype_gateway.values.response import Part
from tintype_gateway.values.routes import ForcedProvider

PROVIDER_HEADERS = ("X-Quantized-Provider", "X-Tintype-Provider")

_HANDLING = re.compile(r"(?:^|,)\s*handling\s*=\s*\"?(strict|lenient)\"?\s*(?:[,;]|$)", re.I)


def routes_of(operation: ApiOperation) -> Iterator[web.RouteDef]:
    """Yield the routes of an operation: the operation and its quote."""

    schema = operation.request_model.model_json_schema()

    def with_uploads(request: web.Request, uploads: AsyncExitStack) -> Incoming:
        bodies = request.app[IMAGE_BODIES]

        async def read_body() -> RequestBody:
            return await uploads.enter_async_context(bodies.reading(request, schema))

        return replace(incoming_of(request), read_body=read_body, body_bytes=READING_BYTES)

    async def post_images(request: web.Request) -> web.StreamResponse:
        pipeline, client = request.app[PIPELINE], ClientPresence()
        if operation.takes_images:
            uploads = AsyncExitStack()
            incoming = with_uploads(request, uploads)
            parts = _releasing(uploads, pipeline.serve(operation, incoming, client))
        else:
            incoming = incoming_of(request)
            parts = pipeline.serve(operation, incoming, client)
        delivered = pipeline.delivery_receipts.add
        return await deliver(request, parts, client, _preference(incoming), delivered)

    async def post_quote(request: web.Request) -> web.Response:
        async with AsyncExitStack() as uploads:
            incoming = (
                with_uploads(request, uploads) if operation.takes_images else incoming_of(request)
            )
            quotation = await request.app[PIPELINE].quote(operation, incoming)
        return web.json_response(quotation, headers=_preference(incoming))

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
    today = _today()
    listed = await view.once("models", today, lambda: _listed(view, today))
    return listed.response(request)


async def get_model(request: web.Request) -> web.Response:
    """Serve `GET /v1/models/{id}`."""
    caller = await request.app[PIPELINE].authenticate(incoming_of(request))
    view = request.app[CATALOGS].current().view(caller.models)
    model = find_model(_model_id(request, view), view)
    headers = lifecycle_headers(model.lifecycle)
    return web.json_response(describe(model, view, _today(), supports), headers=headers)


async def get_credits(request: web.Request) -> web.Response:
    """Serve `GET /v1/credits`."""
    return web.json_response(await request.app[PIPELINE].credits(incoming_of(request)))


ROUTES = (
    *(route for operation in OPERATIONS for route in routes_of(operation)),
    web.get("/v1/models", get_models),
    web.get("/v1/models/{id:.+}", get_model),
    web.get("/v1/credits", get_credits),
)


def incoming_of(request: web.Request) -> Incoming:
    """Return a request as a value for the pipeline.

    Raises:
        BadRequestError: A header of the gateway has an invalid value.
    """
    most = request.client_max_size
    return Incoming(
        request_id=request[REQUEST_ID],
        read_body=lambda: read_json_body(request, request.app[BODY_PACE]),
        body_bytes=min(request.content_length or most, most),
        authorization=request.headers.get("Authorization"),
        provider=_provider(request),
        handling=_handling(request),
        profile=_profile(request),
        idempotency_key=idempotency_key(request),
        log=request[REQUEST_LOG],
    )


def _preference(incoming: Incoming) -> dict[str, str]:
    """Set `Preference-Applied` (RFC 7240)."""
    return {"Preference-Applied": f"handling={incoming.handling}"} if incoming.handling else {}


def _provider(request: web.Request) -> ForcedProvider | None:
    given = [
        ForcedProvider(header, value)
        for header in PROVIDER_HEADERS
        for value in request.headers.getall(header, [])
    ]
    if len({each.name for each in given}) > 1:
        raise BadRequestError(
            "the request names different providers: "
            + ", ".join(f"{each.header}: {each.sent!r:.70}" for each in given),
            code="conflicting_providers",
            param=given[-1].header,
        )
    return given[0] if given else None


def _handling(request: web.Request) -> Handling | None:
    """Read `Prefer: handling=strict` (RFC 7240)."""
    for header in request.headers.getall("Prefer", []):
        if found := _HANDLING.search(header):
            return "strict" if found[1].lower() == "strict" else "lenient"
    return None


def _profile(request: web.Request) -> Profile | None:
    given = ", ".join(request.headers.getall(PROFILE_HEADER, []))
    if PROFILE_HEADER not in request.headers:
        return None
    for profile in PROFILES:
        if given.strip().lower() == profile:
            return profile
    raise BadRequestError(
        f"the header {PROFILE_HEADER} is {given[:40]!a}: it must be {' or '.join(PROFILES)}",
        code="unknown_profile",
        param=PROFILE_HEADER,
    )


def _model_id(request: web.Request, view: View) -> str:
    """Return the model id in the path; a trailing slash counts only if a model's id has it."""
    requested = request.match_info["id"]
    return requested if requested in view.models else requested.rstrip("/")


def _listed(view: View, today: datetime.date) -> JsonDocument:
    return JsonDocument.of_list(describe(model, view, today, supports) for model in view.listed)


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
