"""Builds the OpenAPI 3.1 document from the models of requests and responses."""

from functools import cache

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tintype_catalog.__about__ import __version__
from tintype_gateway.accounts import PROFILES
from tintype_gateway.api.openapi import job_responses, responses
from tintype_gateway.api.openapi.errors import ALWAYS, AUTHENTICATED, WITH_BODY
from tintype_gateway.api.openapi.jobs import PREFERENCES, accepted, job_paths
from tintype_gateway.api.openapi.parts import (
    Json,
    header,
    operation_of,
    ref,
    response_headers,
    served_headers,
)
from tintype_gateway.api.openapi.requests import body_name, request_schemas
from tintype_gateway.api.operations import OPERATIONS, ApiOperation
from tintype_gateway.api.response_headers import PROFILE_HEADER
from tintype_gateway.catalog.snapshot import View
from tintype_gateway.storage.folder import PATH
from tintype_gateway.storage.interface import FOLDER_OF_IMAGES

_RESPONSES: tuple[type[BaseModel], ...] = (
    responses.Error,
    responses.FieldErrors,
    responses.MissingCredits,
    responses.ExceededBudget,
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
    job_responses.JobSummary,
    job_responses.ImageJob,
    job_responses.JobList,
)

FILE_PATH = f"{PATH}/{FOLDER_OF_IMAGES}/{{name}}"


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
        **job_paths(_event()),
        "/v1/models": {"get": _models()},
        "/v1/models/{id}": {"get": _model()},
        "/v1/credits": {
            "get": operation_of(
                "getCredits", "Show what the caller's account has, and used this month", "Credits"
            )
        },
        "/openapi.json": {"get": _itself()},
    }


def _create(asked: ApiOperation, view: View | None) -> Json:
    name = f"create{asked.title}"
    operation = operation_of(name, asked.summary, "ImagesResponse", WITH_BODY) | _asked(asked, view)
    success = operation["responses"]["200"]
    shapes = [ref("ImagesResponse"), ref("OpenAIImagesResponse")]
    success["content"]["application/json"] = {"schema": {"anyOf": shapes}}
    success["content"]["text/event-stream"] = {"schema": _event()}
    success["headers"] |= served_headers()
    operation["responses"]["202"] = accepted()
    operation["parameters"].append(
        header(
            "Idempotency-Key", "The gateway never charges twice for the same key and body.", _KEY
        )
    )
    return operation


def _event() -> Json:
    """Return the schema of one event of a stream, whose data is JSON in a string."""
    named = ("PartialImageEvent", "CompletedEvent")
    names = (*named, *(f"OpenAI{name}" for name in named), "ErrorEvent")
    kinds = [ref(name) for name in names]
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
    operation = operation_of(name, summary, "Quote", WITH_BODY) | _asked(asked, view)
    operation["responses"]["200"]["headers"] |= response_headers(
        "Preference-Applied", PROFILE_HEADER
    )
    return operation


def _models() -> Json:
    summary = "List the models that the caller may use"
    return _revalidated(operation_of("listModels", summary, "ModelList"))


def _model() -> Json:
    operation = operation_of("getModel", "Show one model", "Model", (*AUTHENTICATED, 404))
    operation["responses"]["200"]["headers"] |= response_headers("Deprecation", "Sunset")
    text = "The id, or an alias, of a model, optionally behind a provider. It may hold slashes."
    named = {"name": "id", "in": "path", "required": True, "description": text}
    return operation | {"parameters": [named | {"schema": {"type": "string", "minLength": 1}}]}


def _file() -> Json:
    operation = operation_of("getFile", "Get an image", None, (*ALWAYS, 403, 404, 416))
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
    operation = _revalidated(operation_of("getOpenApi", "Show this document", None))
    return operation | {"security": [{}, {"bearer": []}]}


def _revalidated(operation: Json) -> Json:
    """Return an operation whose response a client can cache and revalidate."""
    headers = response_headers("ETag", required=True)
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
    return {
        "requestBody": {
            "required": True,
            "content": {
                media_type: {"schema": ref(body_name(asked, media_type))}
                for media_type in asked.media_types
            },
        },
        "parameters": [
            header("X-Quantized-Provider", "Requires a provider.", names),
            header("X-Tintype-Provider", "Another name of the same header.", names),
            header(
                "Prefer",
                "Whether to adjust or to refuse unsupported parameters, and whether to store the"
                " request as a job (RFC 7240).",
                PREFERENCES,
            ),
            header(PROFILE_HEADER, "The profile of the response: `router` or `openai`.", _PROFILE),
        ],
    }
