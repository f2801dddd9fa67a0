"""The two ways to Google's models: the Gemini API with a key, Vertex AI with an access token."""

from collections.abc import Mapping
from urllib.parse import quote

from tintype_catalog.providers import SERVICES, own_host
from tintype_gateway.dialects.common import required
from tintype_gateway.faults import SUMMARIES
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.json_text import json_bytes
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest
from tintype_gateway.values.upstream_body import json_body

GEMINI_ENDPOINT = "https://generativelanguage.googleapis.com"
GEMINI_VERSION = "v1beta"
VERTEX_VERSION = "v1"


def call_gemini_api(
    route: Route,
    method: str,
    body: Mapping[str, object],
    credentials: Mapping[str, str],
    *,
    has_files: bool = False,
) -> UpstreamRequest:
    """Return the call of a method of the route's model. The body may have files as values.

    Raises:
        UpstreamFault: There is no API key.
    """
    base = (route.binding.endpoint or GEMINI_ENDPOINT).rstrip("/")
    path = f"{GEMINI_VERSION}/models/{_model(route)}:{method}"
    key = {"x-goog-api-key": required(credentials, "api-key")}
    return _request(f"{base}/{path}", key, body, has_files=has_files)


def call_vertex_ai(
    route: Route,
    method: str,
    body: Mapping[str, object],
    credentials: Mapping[str, str],
    *,
    has_files: bool = False,
) -> UpstreamRequest:
    """Return the call of a method of the route's model in the project of its binding.

    The location is the region of the route. It is in the path, and decides the host as well.

    Raises:
        UpstreamFault: There is no access token, or the binding names no project.
    """
    binding, location = route.binding, route.region
    if binding.vertex_ai is None:
        raise UpstreamFault(
            "misconfigured", SUMMARIES["misconfigured"], cause="there is no vertexAi"
        )
    base = (binding.endpoint or f"https://{own_host(SERVICES[binding.dialect], location)}").rstrip(
        "/"
    )
    project = quote(binding.vertex_ai.project, safe=":")
    folder = f"{VERTEX_VERSION}/projects/{project}/locations/{location}/publishers/google/models"
    headers = {"Authorization": f"Bearer {required(credentials, 'access-token')}"}
    if binding.vertex_ai.quota_project is not None:
        headers["x-goog-user-project"] = binding.vertex_ai.quota_project
    return _request(f"{base}/{folder}/{_model(route)}:{method}", headers, body, has_files=has_files)


def _model(route: Route) -> str:
    """Return the model's id as one segment of a path."""
    return quote(route.binding.upstream_model, safe="")


def _request(
    url: str, headers: Mapping[str, str], body: Mapping[str, object], *, has_files: bool
) -> UpstreamRequest:
    json_headers = {"Content-Type": "application/json", "Accept": "application/json"}
    content = json_body(body) if has_files else json_bytes(body)
    return UpstreamRequest(url=url, headers={**headers, **json_headers}, body=content)
