import json
import socket
from pathlib import Path

import pytest
from aiohttp import web

from tests.kubernetes.serving import refusing, serving
from tintype_kubernetes.client import MAX_ATTEMPTS, PAGE_SIZE, connect
from tintype_kubernetes.config import ClusterConfig
from tintype_kubernetes.errors import (
    ApiError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    UnreachableError,
    WatchExpiredError,
)
from tintype_kubernetes.resources import CONFIGMAPS, IMAGE_MODELS, SELF_SUBJECT_ACCESS_REVIEWS


def test_the_path_of_a_core_resource_is_under_api_and_of_others_under_apis() -> None:
    assert CONFIGMAPS.path("ns", "catalog") == "/api/v1/namespaces/ns/configmaps/catalog"
    assert (
        IMAGE_MODELS.path("ns", "x", "status")
        == "/apis/tintype.dev/v1alpha1/namespaces/ns/imagemodels/x/status"
    )


def test_the_path_of_a_cluster_resource_has_no_namespace() -> None:
    path = SELF_SUBJECT_ACCESS_REVIEWS.path("ns")

    assert path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


async def test_a_list_is_read_page_by_page() -> None:
    pages = {
        None: {"items": [{"n": 1}], "metadata": {"resourceVersion": "7", "continue": "more"}},
        "more": {"items": [{"n": 2}], "metadata": {"resourceVersion": "7"}},
    }

    async def handler(request: web.Request) -> web.Response:
        assert request.query["limit"] == str(PAGE_SIZE)
        return web.json_response(pages[request.query.get("continue")])

    async with serving(handler) as client:
        listed = await client.list(IMAGE_MODELS, "ns")

    assert [item["n"] for item in listed.items] == [1, 2]
    assert listed.resource_version == "7"


async def test_a_list_keeps_only_the_transformed_objects() -> None:
    async def handler(request: web.Request) -> web.Response:
        items = [{"n": 1, "more": "text"}]
        return web.json_response({"items": items, "metadata": {"resourceVersion": "7"}})

    async with serving(handler) as client:
        listed = await client.list(IMAGE_MODELS, "ns", transform=lambda item: {"n": item["n"]})

    assert listed.items == ({"n": 1},)


async def test_a_failed_page_fails_the_whole_list() -> None:
    async def handler(request: web.Request) -> web.Response:
        if "continue" in request.query:
            return refusing(410, "Expired")
        return web.json_response(
            {"items": [{}], "metadata": {"resourceVersion": "7", "continue": "more"}}
        )

    async with serving(handler) as client:
        with pytest.raises(WatchExpiredError):
            await client.list(IMAGE_MODELS, "ns")


@pytest.mark.parametrize(
    ("code", "kind"),
    [(403, ForbiddenError), (404, NotFoundError), (409, ConflictError), (422, ApiError)],
)
async def test_an_api_error_has_the_message_of_the_server(code: int, kind: type[ApiError]) -> None:
    async def handler(request: web.Request) -> web.Response:
        return refusing(code, "Reason")

    async with serving(handler) as client:
        with pytest.raises(kind) as raised:
            await client.get(CONFIGMAPS, "ns", "catalog")

    assert (raised.value.status, raised.value.reason, raised.value.message) == (
        code,
        "Reason",
        "because",
    )


async def test_the_error_page_of_a_proxy_is_an_api_error() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>bad gateway</html>")

    async with serving(handler) as client:
        with pytest.raises(ApiError, match=r"502 Bad Gateway: <html>"):
            await client.get(CONFIGMAPS, "ns", "catalog")


async def test_a_response_that_is_not_json_is_an_unreachable_error() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text="welcome to the hotel's wireless network")

    async with serving(handler) as client:
        with pytest.raises(UnreachableError):
            await client.get(CONFIGMAPS, "ns", "catalog")


@pytest.mark.parametrize("code", [429, 503])
async def test_a_request_is_retried_after_the_retry_after_of_an_overloaded_server(
    code: int,
) -> None:
    responses = [refusing(code, "TooManyRequests", **{"Retry-After": "0"}) for _ in range(2)]

    async def handler(request: web.Request) -> web.Response:
        return responses.pop() if responses else web.json_response({"kind": "ConfigMap"})

    async with serving(handler) as client:
        assert await client.get(CONFIGMAPS, "ns", "catalog") == {"kind": "ConfigMap"}


async def test_the_number_of_retries_is_limited() -> None:
    attempts = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal attempts
        attempts += 1
        return refusing(429, "TooManyRequests", **{"Retry-After": "0"})

    async with serving(handler) as client:
        with pytest.raises(ApiError, match="429"):
            await client.get(CONFIGMAPS, "ns", "catalog")

    assert attempts == MAX_ATTEMPTS


async def test_a_create_is_never_retried() -> None:
    attempts = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal attempts
        attempts += 1
        return refusing(503, "ServiceUnavailable", **{"Retry-After": "0"})

    async with serving(handler) as client:
        with pytest.raises(ApiError):
            await client.create(CONFIGMAPS, {"metadata": {"namespace": "ns", "name": "x"}})

    assert attempts == 1


async def test_apply_names_its_field_manager_and_forces_ownership() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(
            {
                "method": request.method,
                "path": request.path,
                "query": dict(request.query),
                "type": request.content_type,
                "body": json.loads(await request.text()),
            }
        )

    body = {"metadata": {"namespace": "ns", "name": "x"}, "status": {}}
    async with serving(handler) as client:
        seen = await client.apply(
            IMAGE_MODELS, body, field_manager="tintype-operator", subresource="status"
        )

    assert seen == {
        "method": "PATCH",
        "path": IMAGE_MODELS.path("ns", "x", "status"),
        "query": {"fieldManager": "tintype-operator", "force": "true"},
        "type": "application/apply-patch+yaml",
        "body": body,
    }


async def test_a_truncated_response_is_an_unreachable_error() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b'{"kind"')
        assert request.transport is not None
        request.transport.abort()
        return response

    async with serving(handler) as client:
        with pytest.raises(UnreachableError, match="GET http"):
            await client.get(CONFIGMAPS, "ns", "catalog")


async def test_a_refused_connection_is_an_unreachable_error() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        async with connect(ClusterConfig(server=f"http://127.0.0.1:{port}")) as client:
            with pytest.raises(UnreachableError):
                await client.get(CONFIGMAPS, "ns", "catalog")


async def test_a_rotated_token_is_used_for_the_next_request(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"sent": request.headers["Authorization"]})

    token_file = tmp_path / "token"
    async with serving(handler, token_file=token_file) as client:
        token_file.write_text("first\n")
        assert await client.get(CONFIGMAPS, "ns", "x") == {"sent": "Bearer first"}
        token_file.write_text("second\n")
        assert await client.get(CONFIGMAPS, "ns", "x") == {"sent": "Bearer second"}
