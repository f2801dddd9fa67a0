"""The paths of the Gemini API and of Vertex AI, their headers, and the check of credentials.

The Gemini API requires an API key, in a header or in the query. Vertex AI requires an OAuth token;
its express mode accepts a key, too. Any value passes, except those that begin with `invalid`.
"""

from aiohttp import web

from tintype_simulator.dialect import Handler, SimulatedResponse
from tintype_simulator.google.errors import (
    GoogleError,
    invalid_key,
    no_key,
    not_found,
    unauthenticated,
)
from tintype_simulator.google.models import MODELS, Model

KEY_HEADER = "x-goog-api-key"

GEMINI_VERSIONS = ("v1", "v1beta")
VERTEX_VERSIONS = ("v1", "v1beta1")

VERTEX_FOLDERS = (
    "/{version}/publishers/google/models",
    "/{version}/projects/{project}/locations/{location}/publishers/google/models",
)
"""Where Vertex AI has its models: in express mode, and in a project."""


def authorized(handler: Handler) -> Handler:
    """Return the handler behind the check of credentials, with errors turned into responses."""

    async def respond(request: web.Request) -> SimulatedResponse:
        try:
            check_credentials(request)
            return await handler(request)
        except GoogleError as error:
            return error.response()

    return respond


def check_credentials(request: web.Request) -> None:
    """Raise GoogleError unless the request carries the credentials that its API requires."""
    key = api_key(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    has_token = scheme.lower() == "bearer" and token != ""
    if key.startswith("invalid"):
        raise invalid_key()
    if token.startswith("invalid"):
        raise unauthenticated()
    if not key and not (has_token and is_vertex(request)):
        raise unauthenticated() if is_vertex(request) else no_key()


def api_key(request: web.Request) -> str:
    """Return the API key of a request, empty where it has none."""
    return request.headers.get(KEY_HEADER, "") or request.query.get("key", "")


def is_vertex(request: web.Request) -> bool:
    """Return whether the request is for Vertex AI, which has more fields than the Gemini API."""
    return "/publishers/google/" in request.path


def model_for(request: web.Request, method: str) -> Model:
    """Return the model that the path names.

    Raises:
        GoogleError: No model of that name has the method.
    """
    name = request.match_info["model"]
    model = MODELS.get(name)
    is_elsewhere = model is not None and model.task != "generate" and not is_vertex(request)
    if model is None or model.method != method or is_elsewhere:
        raise not_found(name, method, request.path.split("/")[1])
    return model


def paths(method: str) -> list[str]:
    """Return every path at which a method of a model is called."""
    folders = [f"/{version}/models" for version in GEMINI_VERSIONS]
    folders += [
        folder.replace("{version}", version)
        for folder in VERTEX_FOLDERS
        for version in VERTEX_VERSIONS
    ]
    return [f"{folder}/{{model}}:{method}" for folder in folders]


def standing_headers(elapsed_seconds: float) -> dict[str, str]:
    """Return the headers of every response; Google sends no request id."""
    return {
        "server": "scaffolding on HTTPServer2",
        "server-timing": f"gfet4t7; dur={round(elapsed_seconds * 1000)}",
    }
