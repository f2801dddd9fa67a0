"""Google's image models as a dialect: the Gemini API and Vertex AI, and the list of models."""

from aiohttp import web

from tintype_simulator.dialect import Dialect, SimulatedResponse, json_response
from tintype_simulator.google.access import (
    GEMINI_VERSIONS,
    api_key,
    authorized,
    paths,
    standing_headers,
)
from tintype_simulator.google.errors import ERRORS, invalid, not_found
from tintype_simulator.google.generate_content import post_content, post_stream
from tintype_simulator.google.models import MODELS, Model
from tintype_simulator.google.predict import post_predict

LISTED = {name: model for name, model in MODELS.items() if model.task == "generate"}
"""The models of the Gemini API, whose list this is."""

PAGE_SIZE = 50
"""How many models a page of the list has, if the request does not say."""


@authorized
async def get_models(request: web.Request) -> SimulatedResponse:
    """List the models, a page at a time."""
    size, start = number(request, "pageSize", PAGE_SIZE), number(request, "pageToken", 0)
    models = list(LISTED.values())
    page: dict[str, object] = {
        "models": [model_object(model) for model in models[start : start + size]]
    }
    if start + size < len(models):
        page["nextPageToken"] = str(start + size)
    return json_response(page)


@authorized
async def get_model(request: web.Request) -> SimulatedResponse:
    """Describe one model."""
    name = request.match_info["model"]
    if name not in LISTED:
        raise not_found(name, "generateContent", request.path.split("/")[1])
    return json_response(model_object(LISTED[name]))


def number(request: web.Request, name: str, default: int) -> int:
    """Return a number of the query, or raise GoogleError."""
    given = request.query.get(name, "")
    if not given:
        return default
    if not (given.isascii() and given.isdigit()) or len(given) > 9:
        raise invalid(name, f"Invalid value at '{name}' (TYPE_INT32), \"{given}\"")
    return int(given)


def model_object(model: Model) -> dict[str, object]:
    """Return a model as the list of models shows it."""
    methods = ["generateContent", "countTokens", "batchGenerateContent"]
    return {
        "name": f"models/{model.id}",
        "version": "001",
        "displayName": model.display_name,
        "inputTokenLimit": model.input_tokens,
        "outputTokenLimit": model.output_tokens,
        "supportedGenerationMethods": ["predict"] if model.method == "predict" else methods,
    }


def is_asked_for(request: web.Request) -> bool:
    """Return whether a request is Google's by its key: OpenAI, too, has a `/v1/models`."""
    return bool(api_key(request))


DIALECT = Dialect(
    provider="google",
    routes=(
        *(("POST", path, post_predict) for path in paths("predict")),
        *(("POST", path, post_content) for path in paths("generateContent")),
        *(("POST", path, post_stream) for path in paths("streamGenerateContent")),
        *(("GET", f"/{version}/models", get_models) for version in GEMINI_VERSIONS),
        *(("GET", f"/{version}/models/{{model}}", get_model) for version in GEMINI_VERSIONS),
    ),
    errors={name: error.response() for name, error in ERRORS.items()},
    standing_headers=standing_headers,
    claims=is_asked_for,
)
"""All that the simulator knows of Google."""
