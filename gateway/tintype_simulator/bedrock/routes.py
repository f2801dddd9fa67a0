"""AWS Bedrock as a dialect: calls of image models, and the list of them.

A model's maker decides the form of a body: amazon.py and stability.py. The region is that of the
signature, and a model is found only in its own regions.
"""

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tintype_simulator.bedrock import amazon as bedrock_amazon
from tintype_simulator.bedrock import stability as bedrock_stability
from tintype_simulator.bedrock.errors import ERRORS, BedrockError, too_large
from tintype_simulator.bedrock.models import (
    AMAZON,
    MODELS,
    STABILITY,
    Model,
    described_model,
    invocable_model,
)
from tintype_simulator.bedrock.signature import Received, region_of_caller
from tintype_simulator.dialect import Dialect, Handler, SimulatedResponse, json_response

INVOKE: Mapping[
    str, Callable[[web.Request, Model, Mapping[str, Any]], Awaitable[SimulatedResponse]]
] = {
    AMAZON: bedrock_amazon.invoke,
    STABILITY: bedrock_stability.invoke,
}

MAX_BODY_BYTES = 25_000_000
"""botocore's model of `bedrock-runtime` names this limit for the bodies of all models."""

RegionalHandler = Callable[[web.Request, str | None], Awaitable[SimulatedResponse]]


def authorized(handler: RegionalHandler) -> Handler:
    """Return a handler that checks the credentials first, and makes responses of errors."""

    async def response(request: web.Request) -> SimulatedResponse:
        body = await request.read()
        received = Received(request.method, request.raw_path, request.headers, body)
        try:
            return await handler(request, region_of_caller(received, datetime.now(UTC)))
        except BedrockError as error:
            return error.response()

    return response


@authorized
async def post_invoke(request: web.Request, region: str | None) -> SimulatedResponse:
    """Let a model paint."""
    model = invocable_model(request.match_info["model"], region)
    content = await request.read()
    if len(content) > MAX_BODY_BYTES:
        raise too_large(len(content), MAX_BODY_BYTES)
    body = decoded(content)
    model.schema.check(body, "#")
    return await INVOKE[model.provider](request, model, body)


@authorized
async def get_models(request: web.Request, region: str | None) -> SimulatedResponse:
    """List the models of the region."""
    summaries = [
        summary(model, region)
        for model in MODELS.values()
        if region in (None, *model.regions) and is_wanted(model, request.query)
    ]
    return json_response({"modelSummaries": summaries})


@authorized
async def get_model(request: web.Request, region: str | None) -> SimulatedResponse:
    """Describe one model."""
    model = described_model(request.match_info["model"], region)
    return json_response({"modelDetails": summary(model, region)})


def decoded(body: bytes) -> Any:
    """Return the JSON in a body, or raise BedrockError."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ERRORS["ValidationException"] from error


def is_wanted(model: Model, filters: Mapping[str, str]) -> bool:
    """Return whether a model passes the filters of a list; no model can be customized."""
    return (
        filters.get("byProvider", model.provider).lower() == model.provider.lower()
        and filters.get("byOutputModality", "IMAGE") == "IMAGE"
        and filters.get("byInferenceType", model.inference_type) == model.inference_type
        and "byCustomizationType" not in filters
    )


def summary(model: Model, region: str | None) -> dict[str, object]:
    """Return a model as the list of models shows it."""
    home = region or model.regions[0]
    return {
        "modelArn": f"arn:aws:bedrock:{home}::foundation-model/{model.id}",
        "modelId": model.id,
        "modelName": model.name,
        "providerName": model.provider,
        "inputModalities": model.inputs,
        "outputModalities": ["IMAGE"],
        "responseStreamingSupported": False,
        "customizationsSupported": [],
        "inferenceTypesSupported": [model.inference_type],
        "modelLifecycle": dict(model.lifecycle),
    }


def standing_headers(elapsed_seconds: float) -> dict[str, str]:
    """Return the headers of every response."""
    return {"x-amzn-requestid": str(uuid.uuid4())}


DIALECT = Dialect(
    provider="bedrock",
    routes=(
        ("POST", "/model/{model}/invoke", post_invoke),
        ("GET", "/foundation-models", get_models),
        ("GET", "/foundation-models/{model}", get_model),
    ),
    errors={name: error.response() for name, error in ERRORS.items()},
    standing_headers=standing_headers,
)
"""The routes, errors and headers of Bedrock."""
