"""Azure OpenAI by itself: the GPT models of OpenAI's simulator, at Azure's paths.

Each model has a deployment of its own name. A call carries the key of the resource in `api-key`, or
a token of Entra ID, of which any passes, except those that begin with `invalid` or `expired`. What
differs from OpenAI is what Microsoft's reference of image generation (2026-04) says: no WebP, no
`moderation`, `quality` high by default, and errors of a form of their own. That
`/openai/v1` refuses a dated `api-version` is an assumption.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from tintype_simulator.dialect import (
    Dialect,
    Handler,
    SimulatedResponse,
    in_painters,
    json_response,
)
from tintype_simulator.openai.edit_request import read_edit
from tintype_simulator.openai.errors import OpenAIError, moderation_blocked
from tintype_simulator.openai.fields import text
from tintype_simulator.openai.images import now
from tintype_simulator.openai.models import MODELS, Model
from tintype_simulator.openai.request import ModelOf, decoded_json, read_generation
from tintype_simulator.openai.routes import painted_response

NOT_SERVED = frozenset({"moderation", "complexity"})
"""Fields that OpenAI has and Azure does not: its filter is a setting of the resource."""

DATED = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?", re.ASCII)


def deployed(model: Model) -> Model:
    """Return a model as Azure serves it."""
    choices = {name: kept for name, kept in model.family.choices.items() if name not in NOT_SERVED}
    choices |= {
        "quality": ("high", *(value for value in choices["quality"] if value != "high")),
        "output_format": ("png", "jpeg"),
    }
    return replace(model, family=replace(model.family, choices=choices))


DEPLOYMENTS: Mapping[str, Model] = {
    name: deployed(MODELS[name])
    for name in ("gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2")
}
"""The model behind each deployment."""


def failed(status: int, code: str, message: str, /, **more: object) -> SimulatedResponse:
    """Return an error in Azure's envelope, which has no `type`."""
    return json_response({"error": {"code": code, "message": message, **more}}, status)


def filtered(message: str) -> SimulatedResponse:
    """Return the refusal of the Images API, with `created` beside the error."""
    error = {"code": "contentFilter", "message": message}
    return json_response({"created": now(), "error": error}, 400)


def violation() -> SimulatedResponse:
    """Return the refusal in the form of Azure's other APIs, which names the categories."""
    safe = {"filtered": False, "severity": "safe"}
    results = {
        "hate": safe,
        "self_harm": safe,
        "sexual": safe,
        "violence": {"filtered": True, "severity": "medium"},
        "jailbreak": {"detected": False, "filtered": False},
    }
    return failed(
        400,
        "content_filter",
        "The response was filtered due to the prompt triggering Azure OpenAI's content management "
        "policy. Please modify your prompt and retry.",
        type=None,
        param="prompt",
        status=400,
        innererror={"code": "ResponsibleAIPolicyViolation", "content_filter_result": results},
    )


INPUT_FILTERED = "Your task failed as a result of our safety system."
OUTPUT_FILTERED = "Generated image was filtered as a result of our safety system."


def no_deployment() -> SimulatedResponse:
    """Return the response to a deployment that is not there."""
    return failed(
        404,
        "DeploymentNotFound",
        "The API deployment for this resource does not exist. If you created the deployment within "
        "the last 5 minutes, please wait a moment and try again.",
    )


def unauthenticated() -> SimulatedResponse:
    """Return the response to a wrong key or token."""
    return failed(
        401,
        "401",
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide "
        "a valid key for an active subscription and use a correct regional API endpoint for your "
        "resource.",
    )


def throttled() -> SimulatedResponse:
    """Return the response to too many requests of a deployment."""
    response = failed(
        429,
        "429",
        "Requests to the ImageGenerations_Create Operation under Azure OpenAI API have exceeded "
        "call rate limit of your current pricing tier. Please retry after 12 seconds.",
    )
    return replace(response, headers={**response.headers, "retry-after": "12"})


def has_access(request: web.Request) -> bool:
    """Return whether a request carries a key or a token that the simulator accepts."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    credential = request.headers.get("api-key") or (token if scheme.lower() == "bearer" else "")
    return bool(credential) and not credential.startswith(("invalid", "expired"))


def has_version(request: web.Request) -> bool:
    """Return whether the path has the `api-version` that was sent."""
    version = request.query.get("api-version")
    if "deployment" in request.match_info:
        return version is not None and DATED.fullmatch(version) is not None
    return version in (None, "preview", "latest", "v1")


def model_of(request: web.Request) -> ModelOf:
    """Return how the model of a request is found: the path of a deployment goes before the body."""

    def found(fields: Mapping[str, Any]) -> Model:
        name = request.match_info.get("deployment") or text(fields, "model")
        if name not in DEPLOYMENTS:
            raise OpenAIError("", 404, code="DeploymentNotFound")
        return DEPLOYMENTS[name]

    return found


def authorized(handler: Handler) -> Handler:
    """Return the handler behind the checks of Azure, with OpenAI's errors in Azure's form."""

    async def respond(request: web.Request) -> SimulatedResponse:
        if not has_access(request):
            return unauthenticated()
        if not has_version(request):
            return failed(404, "404", "Resource not found")
        try:
            return await handler(request)
        except OpenAIError as error:
            return translated(error)

    return respond


def translated(error: OpenAIError) -> SimulatedResponse:
    """Return an error of OpenAI's simulator as Azure reports it."""
    if error.code == "moderation_blocked":
        return filtered(INPUT_FILTERED)
    return no_deployment() if error.code == "DeploymentNotFound" else error.response()


@authorized
async def post_generations(request: web.Request) -> SimulatedResponse:
    """Paint what the request asks for."""
    body = decoded_json(await request.read())
    return await painted_response(request, read_generation(body, model_of(request)))


@authorized
async def post_edits(request: web.Request) -> SimulatedResponse:
    """Edit the images of the request."""
    media_type, body = request.headers.get("content-type", ""), await request.read()
    edit = await in_painters(request, read_edit, media_type, body, model_of(request))
    return await painted_response(request, edit)


def standing_headers(elapsed_seconds: float) -> dict[str, str]:
    """Return the headers of every response: two ids, of Azure's front end and of the model."""
    return {
        "apim-request-id": str(uuid.uuid4()),
        "x-request-id": str(uuid.uuid4()),
        "x-ms-region": "Sweden Central",
        "x-envoy-upstream-service-time": str(round(elapsed_seconds * 1000)),
    }


DIALECT = Dialect(
    provider="azure",
    routes=(
        ("POST", "/openai/v1/images/generations", post_generations),
        ("POST", "/openai/v1/images/edits", post_edits),
        ("POST", "/openai/deployments/{deployment}/images/generations", post_generations),
        ("POST", "/openai/deployments/{deployment}/images/edits", post_edits),
    ),
    errors={
        "content_filter_input": filtered(INPUT_FILTERED),
        "content_filter_output": filtered(OUTPUT_FILTERED),
        "policy_violation": violation(),
        "moderation_blocked": moderation_blocked("output").response(),
        "deployment_not_found": no_deployment(),
        "unauthorized": unauthenticated(),
        "throttled": throttled(),
        "internal_error": failed(500, "InternalServerError", "Internal server error"),
        "unavailable": failed(503, "ServiceUnavailable", "The service is temporarily unavailable"),
    },
    standing_headers=standing_headers,
)
"""All that the simulator knows of Azure OpenAI."""
