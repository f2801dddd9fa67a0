"""GIF and SVG of a provider reach the client as they came, and do no harm by their URL."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tintype_gateway.storage.image_tools import ImageTools
from tintype_testing.faulty_server import faulty_server, http_response, says
from tintype_testing.gateway import Gateway, running_gateway
from tintype_testing.http import fetched
from tintype_testing.image_stores import folder_store
from tintype_testing.manifests import image_model, provider_binding
from tintype_testing.sample_images import drawn

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 48"><script>alert(1)</script></svg>'
UNSIZED = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
GIF = drawn("gif", 64, 48)
FORMATS = {"handling": "Map", "values": {"png": "png", "gif": "gif", "svg": "svg"}}


@asynccontextmanager
async def gateway_giving(folder: Path, file: bytes) -> AsyncIterator[Gateway]:
    """Run a gateway whose provider returns this file for any request."""
    body = {"created": 1, "data": [{"b64_json": base64.b64encode(file).decode()}]}
    async with faulty_server(says(http_response(json.dumps(body).encode()))) as provider:
        model = image_model(
            size={"mode": "List", "sizes": ["256x256"]}, parameters={"output_format": FORMATS}
        )
        binding = provider_binding(upstreamModel="gpt-image-2", endpoint=provider.url)
        images = ImageTools(store=folder_store(folder / "images"))
        async with running_gateway(folder, model, binding, images=images) as gateway:
            yield gateway


@pytest.mark.parametrize(
    ("form", "file", "size"), [("gif", GIF, "64x48"), ("svg", SVG, "64x48"), ("svg", UNSIZED, None)]
)
async def test_a_file_is_passed_on_and_described_truthfully(
    tmp_path: Path, form: str, file: bytes, size: str | None
) -> None:
    async with gateway_giving(tmp_path, file) as gateway:
        response = await gateway.generate(output_format=form)
        streamed = await gateway.generate(output_format=form, stream=True)

    assert response.status_code == 200, response.text
    body = response.json()
    assert base64.b64decode(body["data"][0]["b64_json"]) == file
    assert (body["output_format"], body["size"]) == (form, size)
    assert f'"output_format": "{form}"' in streamed.text
    assert f'"size": "{size or "auto"}"' in streamed.text


async def test_an_unrequested_svg_is_labelled_as_svg(tmp_path: Path) -> None:
    async with gateway_giving(tmp_path, SVG) as gateway:
        assert (await gateway.generate()).json()["output_format"] == "svg"


async def test_a_stored_svg_is_saved_in_a_sandbox_and_not_shown(tmp_path: Path) -> None:
    async with gateway_giving(tmp_path, SVG) as gateway:
        response = await gateway.generate(output_format="svg", response_format="url")
        stored = await fetched(response.json()["data"][0]["url"])

    assert stored.content == SVG
    assert stored.headers["Content-Type"] == "image/svg+xml"
    assert "sandbox" in stored.headers["Content-Security-Policy"]
    assert stored.headers["Content-Disposition"].startswith("attachment")
    assert stored.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_stored_gif_is_shown(tmp_path: Path) -> None:
    async with gateway_giving(tmp_path, GIF) as gateway:
        response = await gateway.generate(output_format="gif", response_format="url")
        stored = await fetched(response.json()["data"][0]["url"])

    assert (stored.content, stored.headers["Content-Type"]) == (GIF, "image/gif")
    assert stored.headers["Content-Disposition"].startswith("inline")


async def test_an_unknown_format_is_refused_by_naming_all_that_there_are(tmp_path: Path) -> None:
    async with gateway_giving(tmp_path, GIF) as gateway:
        error = (await gateway.generate(output_format="svgz")).json()["error"]
        assert error["param"] == "output_format"
    assert "'gif'" in error["message"]


@pytest.mark.parametrize("form", ["gif", "svg"])
async def test_a_format_that_its_provider_does_not_stream_comes_in_events(
    gateway: Gateway, form: str
) -> None:
    response = await gateway.generate(
        model="gpt-image-2.6-flare",
        quality="low",
        output_format=form,
        n=2,
        stream=True,
        partial_images=1,
    )

    assert response.headers["Tintype-Adjusted"] == "partial_images=stripped"
    assert response.text.count("event: image_generation.completed") == 2
    assert response.text.count(f'"output_format": "{form}"') == 2


async def test_several_svgs_are_made_by_several_calls(gateway: Gateway) -> None:
    response = await gateway.generate(model="gpt-image-2.6-flare", output_format="svg", n=2)

    assert [call["n"] for call in await gateway.upstream_calls()] == [1, 1]
    assert len(response.json()["data"]) == 2
