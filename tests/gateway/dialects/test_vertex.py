"""The way to Google's models through Vertex AI: what is sent is the same as to the Gemini API."""

from typing import Any

import pytest

from tests.gateway.dialects.google_responses import GEMINI, IMAGEN
from tintype_catalog.sizes import Size, SizeChoice
from tintype_gateway.dialects.google import (
    generate_content,
    predict,
    vertex_generate_content,
    vertex_predict,
)
from tintype_gateway.values.content import BytesContent, InputImage
from tintype_gateway.values.faults import FaultKind, UpstreamFault
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import UpstreamRequest
from tintype_testing.builders import job, route, upstream_response
from tintype_testing.upstream_requests import sent_json

VERTEX: dict[str, Any] = {
    "provider": "vertex",
    "vertexAi": {"project": "studio"},
    "regions": ["global"],
}
TOKEN = {"access-token": "ya29.secret"}
SQUARE = SizeChoice(Size(1024, 1024), "1:1", "1K")


def vertex_route(region: str = "global", **spec: Any) -> Route:
    return route(region, **GEMINI | VERTEX | {"dialect": "vertex-generate-content"} | spec)


def request(region: str = "global", *, asked: Any = None, **spec: Any) -> UpstreamRequest:
    to = vertex_route(region, **spec)
    return vertex_generate_content.translate(job(**asked or {"size": SQUARE}), to, 1, TOKEN)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("global", "aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("us-central1", "us-central1-aiplatform.googleapis.com"),
    ],
)
def test_the_region_is_the_location_and_decides_the_host(region: str, host: str) -> None:
    path = f"v1/projects/studio/locations/{region}/publishers/google/models"

    assert request(region).url == f"https://{host}/{path}/gemini-3.1-flash-image:generateContent"


def test_a_binding_without_regions_is_at_the_global_location() -> None:
    [only] = Route.all_of(vertex_route(regions=[]).binding)

    assert only.region == "global"


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9000/a", "http://127.0.0.1:9000/a/"])
def test_an_endpoint_replaces_the_host_alone(endpoint: str) -> None:
    url = request("eu", endpoint=endpoint, upstreamModel="../x?y").url

    folder = "/v1/projects/studio/locations/eu/publishers/google/models"
    assert url == f"http://127.0.0.1:9000/a{folder}/..%2Fx%3Fy:generateContent"


def test_the_token_is_in_a_header() -> None:
    assert dict(request().headers) == {
        "Authorization": "Bearer ya29.secret",
        "Content-Type": "application/json",
        "Accept": "application/json",
    }


def test_another_project_can_pay() -> None:
    projects = {"project": "example.com:studio", "quotaProject": "billing"}

    sent = request(vertexAi=projects)

    assert "/projects/example.com:studio/" in sent.url
    assert sent.headers["x-goog-user-project"] == "billing"


def test_an_api_key_is_no_token() -> None:
    with pytest.raises(UpstreamFault) as caught:
        vertex_generate_content.translate(job(), vertex_route(), 1, {"api-key": "AIza"})

    assert caught.value.kind == "unauthorized"


def test_a_stream_is_asked_for_as_events() -> None:
    sent = request(asked={"streamed": True})

    assert sent.url.endswith("/gemini-3.1-flash-image:streamGenerateContent?alt=sse")


@pytest.mark.parametrize("streamed", [False, True])
def test_gemini_gets_the_same_body_as_by_the_gemini_api(streamed: bool) -> None:
    image = InputImage(BytesContent(b"the file"), "png", Size(64, 48))
    asked = job(size=SQUARE, seed=7, streamed=streamed, inputs=(image,))
    by_key = generate_content.translate(asked, route(**GEMINI), 1, {"api-key": "AIza"})
    by_token = vertex_generate_content.translate(asked, vertex_route(), 1, TOKEN)

    body = sent_json(by_token)
    assert body == sent_json(by_key)
    assert body["contents"][0]["role"] == "user"
    assert body["generationConfig"]["responseModalities"] == ["TEXT", "IMAGE"]


def test_imagen_gets_the_same_body_as_by_the_gemini_api() -> None:
    asked = job(size=SQUARE, output_format="jpeg")
    to = route("us-central1", **IMAGEN | VERTEX | {"dialect": "vertex-predict"})
    by_key = predict.translate(asked, route(**IMAGEN), 3, {"api-key": "AIza"})
    by_token = vertex_predict.translate(asked, to, 3, TOKEN)

    assert sent_json(by_token) == sent_json(by_key)
    folder = "/v1/projects/studio/locations/us-central1/publishers/google/models"
    host = "https://us-central1-aiplatform.googleapis.com"
    assert by_token.url == f"{host}{folder}/imagen-4.0-generate-001:predict"


def test_a_binding_that_names_no_project_is_misconfigured() -> None:
    """The compiler refuses one; but the catalog of a newer operator may have another field."""
    to = vertex_route()
    lost = Route(to.binding.model_copy(update={"vertex_ai": None}), to.region)

    with pytest.raises(UpstreamFault) as caught:
        vertex_generate_content.translate(job(), lost, 1, TOKEN)

    assert caught.value.kind == "misconfigured"


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (400, "INVALID_ARGUMENT", "invalid"),
        (400, "FAILED_PRECONDITION", "unauthorized"),
        (401, "UNAUTHENTICATED", "unauthorized"),
        (403, "PERMISSION_DENIED", "unauthorized"),
        (404, "NOT_FOUND", "misconfigured"),
        (429, "RESOURCE_EXHAUSTED", "throttled"),
        (503, "UNAVAILABLE", "unavailable"),
        (504, "DEADLINE_EXCEEDED", "outcome_unknown"),
    ],
)
@pytest.mark.parametrize("dialect", [vertex_generate_content, vertex_predict])
def test_an_error_is_read_as_by_the_gemini_api_and_names_no_time(
    dialect: Any, code: int, status: str, kind: FaultKind
) -> None:
    error = {"error": {"code": code, "message": "of project studio", "status": status}}

    fault = dialect.read_error(upstream_response(error, code))

    assert (fault.kind, fault.code, fault.retry_after_seconds) == (kind, status, None)
    assert kind == "invalid" or "studio" not in fault.message
