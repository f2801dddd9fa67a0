"""Calls of the admin API over a real connection: the token, the author, errors and repeats."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tintype_accounts.backend import BackendUnavailableError
from tintype_accounts.documents import AUTHOR_HEADER
from tintype_operator.accounts.admin_http import (
    AdminHttp,
    ResponseError,
    TokenRefusedError,
    connect_admin,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def admin_api(handler: Handler, folder: Path) -> AsyncIterator[AdminHttp]:
    """A server with this handler, and a client with the token `first`."""
    (folder / "token").write_text("first\n")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with (
        TestServer(app) as server,
        connect_admin(str(server.make_url("")), folder / "token") as http,
    ):
        yield http


def refusing(status: int, code: str, message: str = "because") -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"error": {"code": code, "message": message}}, status=status)

    return handler


async def test_a_token_that_the_kubelet_renewed_is_used_for_the_next_call(tmp_path: Path) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers["Authorization"])
        return web.json_response({})

    async with admin_api(handler, tmp_path) as http:
        await http.call("GET", "/accounts")
        (tmp_path / "token").write_text("second")
        await http.call("GET", "/accounts")

    assert seen == ["Bearer first", "Bearer second"]


async def test_a_call_after_an_error_may_reach_another_gateway(tmp_path: Path) -> None:
    connections: set[object] = set()

    async def handler(request: web.Request) -> web.Response:
        connections.add(request.transport)
        return web.json_response({}, status=503)

    async with admin_api(handler, tmp_path) as http:
        for _ in range(2):
            with pytest.raises(BackendUnavailableError):
                await http.call("GET", "/accounts")

    assert len(connections) == 2


async def test_a_name_with_a_slash_stays_one_part_of_the_path(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(
            {"path": request.raw_path, "author": request.headers[AUTHOR_HEADER]}
        )

    async with admin_api(handler, tmp_path) as http:
        found = await http.call("PUT", "/grants/team%2Fmarch", body={}, author={"uid": "u1"})

    assert found["path"] == "/admin/v1/grants/team%2Fmarch"
    assert json.loads(found["author"]) == {"uid": "u1"}


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_a_response_that_says_nothing_of_the_request_means_to_try_again(
    tmp_path: Path, status: int
) -> None:
    async with admin_api(refusing(status, "ledger_unavailable"), tmp_path) as http:
        with pytest.raises(BackendUnavailableError, match="because"):
            await http.call("GET", "/accounts")


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_token_is_an_error_of_its_own(tmp_path: Path, status: int) -> None:
    async with admin_api(refusing(status, "role_required"), tmp_path) as http:
        with pytest.raises(TokenRefusedError, match="because"):
            await http.call("GET", "/accounts")


async def test_a_token_file_that_is_missing_is_no_crash(tmp_path: Path) -> None:
    async with admin_api(refusing(500, ""), tmp_path) as http:
        (tmp_path / "token").unlink()
        with pytest.raises(TokenRefusedError, match="cannot read the token"):
            await http.call("GET", "/accounts")


async def test_a_refusal_has_the_code_and_the_message_of_the_envelope(tmp_path: Path) -> None:
    async with admin_api(refusing(409, "account_owned", "owned by x"), tmp_path) as http:
        with pytest.raises(ResponseError, match="owned by x") as caught:
            await http.call("PUT", "/accounts/team")

    assert (caught.value.status, caught.value.code) == (409, "account_owned")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": null}', b'"text"', b"\xff"])
async def test_an_error_without_an_envelope_is_one_of_its_status(
    tmp_path: Path, body: bytes
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, status=404)

    async with admin_api(handler, tmp_path) as http:
        with pytest.raises(ResponseError, match="HTTP 404"):
            await http.call("GET", "/accounts")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"text"'])
async def test_a_success_that_is_no_json_object_is_an_error(tmp_path: Path, body: bytes) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, status=200)

    async with admin_api(handler, tmp_path) as http:
        with pytest.raises(BackendUnavailableError):
            await http.call("GET", "/accounts")


async def test_a_gateway_that_closes_its_connection_is_called_again(tmp_path: Path) -> None:
    calls = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        if calls == 1:
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"calls": calls})

    async with admin_api(handler, tmp_path) as http:
        assert await http.call("GET", "/accounts") == {"calls": 2}


async def test_no_gateway_is_an_error_that_names_the_address(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first")
    async with connect_admin("http://127.0.0.1:9", tmp_path / "token") as http:
        with pytest.raises(
            BackendUnavailableError, match=r"http://127\.0\.0\.1:9/admin/v1/accounts"
        ):
            await http.call("GET", "/accounts")
