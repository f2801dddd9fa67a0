"""Vertex AI by itself: the models of Google's simulator, with the checks that only Vertex AI has.

A call needs a project, a location that has the model, and an OAuth token: no API key, for express
mode is not simulated here. Any token passes, except those that begin with `invalid` or `expired`.
No token may use a project that begins with `denied`, and none may bill one as its quota project.

Which location has which model is a simplification of Google's page on locations: the models of
Gemini 3 have `global` and the multi-regions, Gemini 2.5 has `global` and regions, Imagen regions.
"""

from collections.abc import Mapping

from aiohttp import web

from tintype_simulator.dialect import Dialect, Handler, SimulatedResponse
from tintype_simulator.google.access import VERTEX_VERSIONS, standing_headers
from tintype_simulator.google.errors import ERRORS, GoogleError, detail
from tintype_simulator.google.generate_content import post_content, post_stream
from tintype_simulator.google.models import MODELS, Model
from tintype_simulator.google.predict import post_predict

FOLDER = "/{version}/projects/{project}/locations/{location}/publishers/google/models"

MULTI_REGIONS = frozenset({"us", "eu"})
REGIONS = frozenset(
    {
        *{"us-central1", "us-east1", "us-east4", "us-east5", "us-south1", "us-west1", "us-west4"},
        *{"europe-west1", "europe-west4", "europe-west8", "europe-north1", "europe-central2"},
        *{"asia-northeast1", "asia-southeast1", "australia-southeast1", "northamerica-northeast1"},
    }
)

METHODS: Mapping[str, tuple[str, Handler]] = {
    "predict": ("predict", post_predict),
    "generateContent": ("generateContent", post_content),
    "streamGenerateContent": ("generateContent", post_stream),
}
"""The method that a model must have, and the handler, by the last word of a path."""


def locations(model: Model) -> frozenset[str]:
    """Return the locations that have a model."""
    if model.method == "predict":
        return REGIONS
    return frozenset({"global"}) | (MULTI_REGIONS if model.thinks else REGIONS)


def in_project(word: str) -> Handler:
    """Return the handler of a method behind the checks of Vertex AI."""
    method, handler = METHODS[word]

    async def checked(request: web.Request) -> SimulatedResponse:
        try:
            check_token(request)
            check_projects(request)
            check_model(request, method)
        except GoogleError as error:
            return error.response()
        return await handler(request)

    return checked


def check_token(request: web.Request) -> None:
    """Raise GoogleError unless the request carries an access token that has not ended."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token or token.startswith("invalid"):
        raise unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED")
    if token.startswith("expired"):
        raise unauthenticated("ACCESS_TOKEN_EXPIRED")


def check_projects(request: web.Request) -> None:
    """Raise GoogleError unless the token may use the project, and bill the quota project."""
    if request.match_info["project"].startswith("denied"):
        raise permission_denied(request.path)
    if request.headers.get("x-goog-user-project", "").startswith("denied"):
        raise GoogleError(
            "Caller does not have required permission to use project denied. Grant the caller the "
            "roles/serviceusage.serviceUsageConsumer role.",
            "PERMISSION_DENIED",
            403,
            [error_info("USER_PROJECT_DENIED")],
        )


def check_model(request: web.Request, method: str) -> None:
    """Raise GoogleError unless the location has the model, and the model the method."""
    model = MODELS.get(request.match_info["model"])
    location = request.match_info["location"]
    if model is None or model.method != method or location not in locations(model):
        raise not_found(request.match_info)


def error_info(reason: str) -> Mapping[str, object]:
    """Return the detail by which programs distinguish errors."""
    return detail(
        "ErrorInfo",
        reason=reason,
        domain="googleapis.com",
        metadata={"service": "aiplatform.googleapis.com"},
    )


def unauthenticated(reason: str) -> GoogleError:
    """Return the response to a call without a valid token."""
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential."
    )
    return GoogleError(message, "UNAUTHENTICATED", 401, [error_info(reason)])


def permission_denied(path: str) -> GoogleError:
    """Return the response to a caller without the role, or in a project that does not exist."""
    resource = path.partition("/projects/")[2].rpartition(":")[0]
    message = (
        "Permission 'aiplatform.endpoints.predict' denied on resource "
        f"'//aiplatform.googleapis.com/projects/{resource}' (or it may not exist)."
    )
    return GoogleError(message, "PERMISSION_DENIED", 403, [error_info("IAM_PERMISSION_DENIED")])


def not_found(named: Mapping[str, str]) -> GoogleError:
    """Return the response to a model that does not exist in the location."""
    name = "projects/{project}/locations/{location}/publishers/google/models/{model}"
    message = (
        f"Publisher Model `{name.format_map(named)}` was not found or your project does not have "
        "access to it. Please ensure you are using a valid model version."
    )
    return GoogleError(message, "NOT_FOUND", 404)


NAMED = {"project": "studio", "location": "us-central1", "model": "gemini-3-pro-image"}

VERTEX_ERRORS: Mapping[str, GoogleError] = {
    **{
        name: ERRORS[name]
        for name in (
            *("INVALID_ARGUMENT", "PROMPT_NOT_SUBMITTED"),
            *("INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"),
        )
    },
    "FAILED_PRECONDITION": GoogleError(
        "Organization Policy constraint constraints/vertexai.allowedModels violated for "
        "projects/studio attempting to use a disallowed Gen AI model.",
        "FAILED_PRECONDITION",
    ),
    "UNAUTHENTICATED": unauthenticated("ACCESS_TOKEN_EXPIRED"),
    "PERMISSION_DENIED": permission_denied("/projects/studio/locations/global:predict"),
    "SERVICE_DISABLED": GoogleError(
        "Vertex AI API has not been used in project studio before or it is disabled.",
        "PERMISSION_DENIED",
        403,
        [error_info("SERVICE_DISABLED")],
    ),
    "NOT_FOUND": not_found(NAMED),
    "RESOURCE_EXHAUSTED": GoogleError(
        "Resource exhausted. Please try again later.", "RESOURCE_EXHAUSTED", 429
    ),
}
"""The errors of Vertex AI. Its quota is shared and has no fixed limit, so that a 429 tells neither
a quota nor when to try again."""


DIALECT = Dialect(
    provider="vertex",
    routes=tuple(
        ("POST", f"{FOLDER.replace('{version}', version)}/{{model}}:{word}", in_project(word))
        for version in VERTEX_VERSIONS
        for word in METHODS
    ),
    errors={name: error.response() for name, error in VERTEX_ERRORS.items()},
    standing_headers=standing_headers,
)
"""All that the simulator knows of Vertex AI."""
