"""Builds the OpenAPI 3.1 document from the models of requests and responses."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tintype_catalog.__about__ import __version__
from tintype_gateway.accounts import PROFILES
from tintype_gateway.api.openapi import responses
from tintype_gateway.api.openapi.errors import ALWAYS, AUTHENTICATED, FAULTS, WITH_BODY
from tintype_gateway.api.openapi.requests import body_name, request_schemas
from tintype_gateway.api.operations import OPERATIONS, ApiOperation
from tintype_gateway.api.response_headers import PROFILE_HEADER
from tintype_gateway.catalog.snapshot import View
from tintype_gateway.storage.folder import PATH
from tintype_gateway.storage.interface import FOLDER_OF_IMAGES

Json = dict[str, Any]

_RESPONSES: tuple[type[BaseModel], ...] = (
    responses.Error,
    responses.FieldErrors,
    responses.MissingCredits,
    responses.ImagesResponse,
    responses.OpenAIImagesResponse,
    responses.OpenAIPartialImageEvent,
    responses.OpenAICompletedEvent,
    responses.PartialImageEvent,
    responses.CompletedEvent,
    responses.ErrorEvent,
    responses.Quote,
    responses.Model,
    responses.ModelList,
    responses.Credits,
)

FILE_PATH = f"{PATH}/{FOLDER_OF_IMAGES}/{{name}}"

_ENVELOPES = {402: "MissingCredits", 422: "FieldErrors"}
"""The schemas of errors with more fields than OpenAI's envelope, by status."""


def document(view: View | None, *, serves_files: bool) -> Json:
    """Return the OpenAPI document, with the values of the catalog that a caller may use.

    Without a view it contains nothing of the catalog. `serves_files` tells whether this gateway
    serves the URLs of images itself.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tintype",
            "version": __version__,
            "summary": "OpenAI's Images API in front of many providers.",
            "description": _WITH_KEY if view is None else "",
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": _paths(view) | ({FILE_PATH: {"get": _file()}} if serves_files else {}),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas() | _request_schemas(view),
        },
    }


_WITH_KEY = "With a key, this document contains the parameters and providers of its models."


@cache
def _schemas() -> Json:
    modes = [(model, "serialization") for model in _RESPONSES]
    _, schemas = models_json_schema(modes, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    definitions: Json = schemas["$defs"]
    return definitions


def _request_schemas(view: View | None) -> Json:
    vocabulary = None if view is None else view.vocabulary
    schemas: Json = {}
    for operation in OPERATIONS:
        schemas |= request_schemas(operation, vocabulary)
    return schemas


def _paths(view: View | None) -> Json:
    created = {each.path: {"post": _create(each, view)} for each in OPERATIONS}
    quoted = {each.quote_path: {"post": _quote(each, view)} for each in OPERATIONS}
    return {
        **created,
        **quoted,
        "/v1/models": {"get": _models()},
        "/v1/models/{id}": {"get": _model()},
        "/v1/credits": {
            "get": _operation(
                "getCredits", "Show what the caller's account has, and used this month", "Credits"
            )
        },
        "/openapi.json": {"get": _itself()},
    }


def _create(asked: ApiOperation, view: View | None) -> Json:
    name = f"create{asked.title}"
    operation = _operation(name, asked.summary, "ImagesResponse", WITH_BODY) | _asked(asked, view)
    success = operation["responses"]["200"]
    shapes = [_ref("ImagesResponse"), _ref("OpenAIImagesResponse")]
    success["content"]["application/json"] = {"schema": {"anyOf": shapes}}
    success["content"]["text/event-stream"] = {"schema": _event()}
    success["headers"] |= _served_headers()
    operation["parameters"].append(
        _header(
            "Idempotency-Key", "The gateway never charges twice for the same key and body.", _KEY
        )
    )
    return operation


def _event() -> Json:
    """Return the schema of one event of a stream, whose data is JSON in a string."""
    named = ("PartialImageEvent", "CompletedEvent")
    names = (*named, *(f"OpenAI{name}" for name in named), "ErrorEvent")
    kinds = [_ref(name) for name in names]
    data = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": {"anyOf": kinds},
    }
    event = {"type": "string"}
    return {"type": "object", "required": ["data"], "properties": {"event": event, "data": data}}


_PROFILE = {"type": "string", "enum": list(PROFILES)}

_KEY = {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"}


def _quote(asked: ApiOperation, view: View | None) -> Json:
    name, summary = f"quote{asked.title}", "Quote a request: its route, adjustments and cost"
    operation = _operation(name, summary, "Quote", WITH_BODY) | _asked(asked, view)
    operation["responses"]["200"]["headers"] |= _response_headers(
        "Preference-Applied", PROFILE_HEADER
    )
    return operation


def _models() -> Json:
    summary = "List the models that the caller may use"
    return _revalidated(_operation("listModels", summary, "ModelList"))


def _model() -> Json:
    operation = _operation("getModel", "Show one model", "Model", (*AUTHENTICATED, 404))
    operation["responses"]["200"]["headers"] |= _response_headers("Deprecation", "Sunset")
    text = "The id, or an alias, of a model, optionally behind a provider. It may hold slashes."
    named = {"name": "id", "in": "path", "required": True, "description": text}
    return operation | {"parameters": [named | {"schema": {"type": "string", "minLength": 1}}]}


def _file() -> Json:
    operation = _operation("getFile", "Get an image", None, (*ALWAYS, 403, 404, 416))
    images = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/svg+xml")
    operation["responses"]["200"]["content"] = {kind: {} for kind in images}
    name = {"type": "string", "pattern": r"^[0-9a-f]{32}\.(?:png|jpeg|webp|gif|svg)$"}
    link = {"type": "string"}
    return operation | {
        "security": [],
        "parameters": [
            {"name": "name", "in": "path", "required": True, "schema": name},
            {"name": "expires", "in": "query", "required": True, "schema": link},
            {"name": "signature", "in": "query", "required": True, "schema": link},
        ],
    }


def _itself() -> Json:
    operation = _revalidated(_operation("getOpenApi", "Show this document", None))
    return operation | {"security": [{}, {"bearer": []}]}


def _revalidated(operation: Json) -> Json:
    """Return an operation whose response a client can cache and revalidate."""
    headers = _response_headers("ETag", required=True)
    operation["responses"]["200"]["headers"] |= headers
    operation["responses"]["304"] = {
        "description": "The version that `If-None-Match` names is current.",
        "headers": headers,
    }
    return operation


def _asked(asked: ApiOperation, view: View | None) -> Json:
    """Return the parts that all operations for images share."""
    names: Json = {"type": "string"}
    if view is not None and view.providers:
        names["enum"] = sorted(view.providers)
    handling = {"type": "string", "examples": ["handling=strict", "handling=lenient"]}
    return {
        "requestBody": {
            "required": True,
            "content": {
                media_type: {"schema": _ref(body_name(asked, media_type))}
                for media_type in asked.media_types
            },
        },
        "parameters": [
            _header("X-Quantized-Provider", "Requires a provider.", names),
            _header("X-Tintype-Provider", "Another name of the same header.", names),
            _header(
                "Prefer",
                "Whether to adjust or to refuse unsupported parameters (RFC 7240).",
                handling,
            ),
            _header(PROFILE_HEADER, "The profile of the response: `router` or `openai`.", _PROFILE),
        ],
    }


def _operation(
    name: str, summary: str, response: str | None, statuses: Iterable[int] = AUTHENTICATED
) -> Json:
    schema = {"type": "object"} if response is None else _ref(response)
    success = {
        "description": summary,
        "headers": _response_headers("x-request-id", required=True),
        "content": {"application/json": {"schema": schema}},
    }
    responses = {"200": success} | {str(status): _fault(status) for status in sorted(statuses)}
    return {"operationId": name, "summary": summary, "responses": responses}


def _fault(status: int) -> Json:
    fault = FAULTS[status]
    schema = _ref(_ENVELOPES.get(status, "Error"))
    also = {405: ["Allow"], 409: ["Retry-After"], 429: ["Retry-After"], 503: ["Retry-After"]}
    return {
        "description": f"{fault.when} `code` is {_or(fault.codes)}.",
        "headers": _response_headers("x-should-retry", *also.get(status, [])),
        "content": {"application/json": {"schema": schema}},
    }


def _served_headers() -> Json:
    return _response_headers(
        *("Tintype-Route", "Tintype-Adjusted", "Tintype-Cost-Micro-Credits"),
        *("Tintype-Catalog-Revision", "Deprecation", "Sunset", "Preference-Applied"),
        *("Idempotent-Replayed", PROFILE_HEADER),
    )


RESPONSE_HEADERS = {
    "x-request-id": "The id of the request in the gateway's log.",
    "x-should-retry": "Whether the official SDKs may retry the request automatically.",
    "ETag": "Names this content, for `If-None-Match`.",
    "Allow": "The methods that the path supports.",
    "Retry-After": "Seconds to wait before a retry, if known.",
    "Tintype-Route": "Provider, region and ProviderBinding of each call.",
    "Tintype-Adjusted": "The changes that the gateway made to the request.",
    "Tintype-Cost-Micro-Credits": "The charge in micro-credits. Not in streams.",
    "Tintype-Catalog-Revision": "The SHA-256 of the catalog that set the price.",
    "Deprecation": "Since when the model is deprecated (RFC 9745).",
    "Sunset": "When the model is retired (RFC 8594).",
    "Preference-Applied": "The preference that the gateway applied (RFC 7240).",
    PROFILE_HEADER: "The profile of the response: `router` or `openai`.",
    "Idempotent-Replayed": "`true` if this is the stored response to an earlier request.",
}
"""The headers that responses may have, with their descriptions."""


def _response_headers(*names: str, required: bool = False) -> Json:
    return {
        name: {
            "description": RESPONSE_HEADERS[name],
            "required": required,
            "schema": {"type": "string"},
        }
        for name in names
    }


def _header(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _or(codes: tuple[str, ...]) -> str:
    return " or ".join(f"`{code}`" for code in codes)
