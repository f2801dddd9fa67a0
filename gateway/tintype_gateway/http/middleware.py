"""Middlewares for every request: its id, OpenAI's error envelope, access log and metrics."""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion11, web

from tintype_catalog.__about__ import __version__
from tintype_gateway import errors
from tintype_gateway.api.operations import OPERATIONS
from tintype_gateway.api.response_headers import PROFILE_HEADER
from tintype_gateway.http.app_keys import REQUEST_ID, REQUEST_LOG, STATIC_FILE
from tintype_gateway.http.connection import ClientConnection
from tintype_gateway.observability import access_log, spans
from tintype_gateway.observability.metrics import HTTP_REQUESTS, OVERHEAD_SECONDS
from tintype_gateway.observability.request_log import ABSENT, RequestLog
from tintype_gateway.observability.request_meter import RequestMeter

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)

UNKNOWN_LENGTH = "Transfer-Encoding is not allowed in HTTP/1.0 requests"
"""RFC 9112, 6.1: a server must treat such a message as faulty and close its connection."""

CLIENT_CLOSED = 499
"""The status in log and metrics if the client disconnects before its response is complete."""


@web.middleware
async def observed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Assign a request id, and record the outcome of the request."""
    request[REQUEST_ID] = f"req_{secrets.token_hex(16)}"
    request[REQUEST_LOG] = RequestLog(request[REQUEST_ID])
    started, status = time.perf_counter(), CLIENT_CLOSED
    with RequestMeter(request[REQUEST_ID]) as meter, spans.serving(request.headers):
        try:
            response = await handler(request)
            status = response.status
            request[REQUEST_LOG].bytes = response.content_length or response.body_length
            return response
        finally:
            _note(request, status, time.perf_counter() - started, meter)


@web.middleware
async def enveloped(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into OpenAI's envelope."""
    if request.version < HttpVersion11 and "Transfer-Encoding" in request.headers:
        return _closing(request, errors.BadRequestError(UNKNOWN_LENGTH, code="malformed_http"))
    try:
        return await handler(request)
    except errors.GatewayError as error:
        return _error_response(request, error)
    except web.HTTPException as error:
        return _error_response(request, _translated(request, error), error.headers.get("Allow"))
    except web.RequestPayloadError:
        damaged = errors.BadRequestError("the request body cannot be decoded", code="invalid_body")
        return _closing(request, damaged)
    except ConnectionError:
        raise  # the client disconnected: there is no one to respond to
    except Exception:
        log.exception("unexpected error", extra={"request_id": request[REQUEST_ID]})
        return _error_response(
            request, errors.InternalError("an unexpected error occurred; it was logged")
        )


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers of every response, just before its head is sent."""
    response.headers["Server"] = f"tintype/{__version__}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")  # the response depends on the key
    if isinstance(request.protocol, ClientConnection) and request.protocol.is_closing:
        response.headers["Connection"] = (
            "close"  # otherwise the client's next request on it would fail
        )
        response.force_close()
    if REQUEST_LOG in request and isinstance(profile := request[REQUEST_LOG].profile, str):
        response.headers.setdefault(PROFILE_HEADER, profile)  # a stored response has its own
    if REQUEST_ID in request:
        response.headers["x-request-id"] = request[REQUEST_ID]


def route_of(request: web.Request) -> str:
    """Return the route's path pattern, which has bounded values for metrics."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical


def _note(request: web.Request, status: int, seconds: float, meter: RequestMeter) -> None:
    route = route_of(request)
    method = request.method if route != "unknown" else "unknown"
    line = request[REQUEST_LOG]
    status = line.late_status or status
    HTTP_REQUESTS.labels(method, route, str(status)).inc()
    overhead = seconds - meter.elsewhere_seconds
    if meter.calls:
        OVERHEAD_SECONDS.observe(overhead, spans.exemplar())
        line.attempts = meter.calls
    line.method, line.route = method, route
    line.seconds = round(seconds, 6)
    line.provider_seconds = round(meter.provider_seconds, 6)
    if meter.queue_seconds:
        line.queue_seconds = round(meter.queue_seconds, 6)
    if meter.queue_position is not None:
        line.queue_position = meter.queue_position
    line.overhead_seconds = round(overhead, 6)
    line.request_bytes = request.content.total_bytes
    line.trace_id = spans.trace_id() or ABSENT
    spans.served(method, route, status, request[REQUEST_ID])
    access_log.write(status, line, is_routine=STATIC_FILE in request)


def _closing(request: web.Request, error: errors.GatewayError) -> web.Response:
    """Return the error for a request whose end is not certain, and close its connection."""
    response = _error_response(request, error)
    response.force_close()
    return response


def _error_response(
    request: web.Request, error: errors.GatewayError, allow: str | None = None
) -> web.Response:
    request[REQUEST_LOG].error = error.code
    headers = error.headers() | ({"Allow": allow} if allow else {})
    return web.json_response(error.body(), status=error.status, headers=headers)


def _translated(request: web.Request, error: web.HTTPException) -> errors.GatewayError:
    """Turn aiohttp's HTTP errors into errors of the gateway."""
    match error:
        case web.HTTPNotFound():
            served = ", ".join(f"POST {operation.path}" for operation in OPERATIONS)
            return errors.NotFoundError(
                f"unknown path: the API is {served} and GET /v1/models", code="unknown_url"
            )
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return errors.MethodNotAllowedError(f"this path takes {allowed}")
        case web.HTTPRequestEntityTooLarge():
            limit = request.client_max_size
            return errors.PayloadTooLargeError(f"the body must have at most {limit} bytes")
    return errors.BadRequestError(error.reason or "the request cannot be read")
