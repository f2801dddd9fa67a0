"""Headers of a Secret go with each call to a server, and nowhere else."""

import base64
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tintype_gateway.upstream.credentials import Credentials
from tintype_testing.builders import binding
from tintype_testing.config_volume import Volume
from tintype_testing.gateway import Gateway, running_gateway
from tintype_testing.manifests import image_model, per_image, provider_binding
from tintype_testing.sample_images import drawn

FILES = {"header_tenant_X-Tenant": b"acme-canary\n", "header_tenant_X-Team": b"posters"}


@dataclass
class Server:
    """An image server that remembers the headers of each request, by path."""

    url: str = ""
    seen: dict[str, web.Request] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.Response:
        self.seen[request.path] = request
        if request.path.endswith(".png"):
            return web.Response(body=drawn("png", 64, 64), content_type="image/png")
        return web.json_response({"data": [{"url": "/made/1.png"}]})

    def header(self, path: str, name: str) -> str | None:
        return self.seen[path].headers.get(name)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    own, app = Server(), web.Application()
    app.router.add_route("*", "/{path:.*}", own.handle)
    async with TestServer(app, host="127.0.0.1") as running:
        own.url = str(running.make_url("/")).rstrip("/")
        yield own


@asynccontextmanager
async def serving(
    server: Server, folder: Path, files: dict[str, bytes], **spec: Any
) -> AsyncIterator[tuple[Gateway, Credentials, Volume]]:
    """Run a gateway whose binding takes headers of the Secret `tenant`."""
    volume, credentials = Volume(folder / "credentials"), Credentials()
    volume.write(files)
    await credentials.load_folder(volume.path)
    own = {
        "endpoint": server.url,
        "credentials": {"none": True},
        "pricing": per_image("0"),
        "api": {"headersSecretRef": {"name": "tenant"}, "send": {"responseFormat": "url"}},
    }
    manifests = image_model(size={"mode": "None"}), provider_binding(**own | spec)
    async with running_gateway(folder, *manifests, credentials=credentials) as gateway:
        yield gateway, credentials, volume


CALL, IMAGE = "/v1/images/generations", "/made/1.png"


async def test_each_call_has_the_headers_of_the_secret(server: Server, tmp_path: Path) -> None:
    async with serving(server, tmp_path, FILES) as (gateway, _, _):
        response = await gateway.generate()

    assert response.status_code == 200
    assert base64.b64decode(response.json()["data"][0]["b64_json"]) == drawn("png", 64, 64)
    for path in (CALL, IMAGE):  # the image is on the server itself
        assert server.header(path, "X-Tenant") == "acme-canary"
        assert server.header(path, "X-Team") == "posters"
    assert server.header(CALL, "Content-Type") == "application/json"


async def test_headers_go_beside_the_key(server: Server, tmp_path: Path) -> None:
    files = FILES | {"openai.api-key": b"sk-1"}
    keyed = {"credentials": {"secretRef": {"name": "openai"}}}
    async with serving(server, tmp_path, files, **keyed) as (gateway, _, _):
        await gateway.generate()

    assert server.header(CALL, "Authorization") == "Bearer sk-1"
    assert server.header(CALL, "X-Tenant") == "acme-canary"


async def test_a_server_without_a_key_may_have_another_authorization(
    server: Server, tmp_path: Path
) -> None:
    files = {"header_tenant_Authorization": b"Basic dXNlcjpwYXNz"}
    async with serving(server, tmp_path, files) as (gateway, _, _):
        await gateway.generate()

    assert server.header(CALL, "Authorization") == "Basic dXNlcjpwYXNz"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, []),
        ({"header_other_X-Tenant": b"acme"}, []),
        (FILES | {"header_tenant_X-Bad": b"a\r\nX-Evil: 1"}, ["its key `X-Bad` is not one line"]),
        (FILES | {"header_tenant_X-Big": b"x" * 4097}, ["its key `X-Big` is not one line"]),
        (FILES | {"header_tenant_Host": b"evil.example"}, ["its key `Host` is a header that"]),
        (FILES | {"header_tenant_x-team": b"prints"}, ["its key `X-Team` is there", "`x-team`"]),
    ],
)
async def test_no_call_goes_without_all_of_its_headers(
    server: Server,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    files: dict[str, bytes],
    told: list[str],
) -> None:
    async with serving(server, tmp_path, files) as (gateway, _, _):
        response = await gateway.generate()

    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (503, "provider_unauthorized")
    assert not server.seen
    (line,) = [vars(each) for each in caplog.records if each.message == "headers not usable"]
    assert (line["binding"], line["secret"]) == ("canvas-openai", "tenant")
    assert all(text in str(line["problems"]) for text in told)


async def test_a_rotated_header_counts_without_a_restart(server: Server, tmp_path: Path) -> None:
    async with serving(server, tmp_path, FILES) as (gateway, credentials, volume):
        await gateway.generate()
        volume.write({"header_tenant_X-Tenant": b"rotated"})
        await credentials.load_folder(volume.path)
        await gateway.generate()

    assert server.header(CALL, "X-Tenant") == "rotated"
    assert server.header(CALL, "X-Team") is None


async def test_only_names_of_headers_are_logged(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(server, tmp_path, FILES) as (gateway, _, _):
        await gateway.generate()

    lines = [vars(each) for each in caplog.records]
    assert any(sorted(FILES) == line.get("files") for line in lines)
    assert "acme-canary" not in str(lines)


def test_a_binding_without_a_secret_of_headers_has_none() -> None:
    assert Credentials().headers(binding()) == {}
