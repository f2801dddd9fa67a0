"""Servers with OpenAI's paths and their own oddities, behind a binding that describes them."""

import base64
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image, PngImagePlugin

from tintype_gateway.upstream.credentials import Credentials
from tintype_testing.gateway import CREDITS_MICRO, Gateway, running_gateway
from tintype_testing.manifests import image_model, per_image, provider_binding
from tintype_testing.sample_images import drawn

PROMPT = "a red fox"
FREE = per_image("0")


def embedding_png() -> bytes:
    """Return a PNG with its prompt in a text chunk, as stable-diffusion.cpp writes it."""
    texts, file = PngImagePlugin.PngInfo(), io.BytesIO()
    texts.add_text("parameters", PROMPT)
    Image.new("RGB", (256, 256), "teal").save(file, "png", pnginfo=texts)
    return file.getvalue()


@dataclass
class OwnServer:
    """Gives its images by URLs, and in base64 where it is asked for that by `b64_json`."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    forms: list[dict[str, bytes]] = field(default_factory=list)
    image: bytes = field(default_factory=lambda: drawn("png", 256, 256))
    error: tuple[int, Any] | None = None
    image_url: str = "/generated-images/1.png"

    async def generate(self, request: web.Request) -> web.Response:
        self.asked.append(fields := await request.json())
        if self.error is not None:
            status, body = self.error
            if isinstance(body, str):
                return web.Response(status=status, text=body)
            return web.json_response(body, status=status)
        if fields.get("response_format") == "b64_json":
            entry = {"b64_json": base64.b64encode(self.image).decode()}
        else:
            entry = {"url": self.image_url}
        return web.json_response({"created": 17, "data": [entry], "usage": {"total_tokens": 0}})

    async def edit(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.forms.append(
            {
                name: value.file.read() if isinstance(value, web.FileField) else str(value).encode()
                for name, value in form.items()
            }
        )
        entry = {"b64_json": base64.b64encode(self.image).decode()}
        return web.json_response({"data": [entry]})

    async def serve_image(self, request: web.Request) -> web.Response:
        return web.Response(body=self.image, content_type="image/png")


@pytest.fixture
async def server() -> AsyncIterator[OwnServer]:
    own = OwnServer()
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/v1/images/generations", own.generate)
    app.router.add_post("/v1/images/edits", own.edit)
    app.router.add_get("/generated-images/1.png", own.serve_image)
    running = TestServer(app, host="127.0.0.1")
    await running.start_server()
    own.url = str(running.make_url("/")).rstrip("/")
    yield own
    await running.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def serving(
    server: OwnServer, folder: Path, *, model: Any = None, pricing: Any = FREE, **api: Any
) -> Any:
    """Return a gateway whose model `canvas` is on a server without a key, by default free."""
    own = {"size": {"mode": "List", "sizes": ["256x256"], "acceptsAuto": True}} | (model or {})
    binding = provider_binding(
        endpoint=server.url, credentials={"none": True}, pricing=pricing, api=api
    )
    # No credentials at all: the binding needs none.
    return running_gateway(folder, image_model(**own), binding, credentials=Credentials())


def image_of(response: Any) -> bytes:
    assert response.status_code == 200, response.text
    return base64.b64decode(response.json()["data"][0]["b64_json"])


async def test_an_image_comes_from_a_server_without_a_key_at_no_charge(
    server: OwnServer, folder: Path
) -> None:
    async with serving(server, folder) as gateway:
        response = await gateway.generate(size="auto")

        assert image_of(response) == server.image
        assert response.headers["Tintype-Cost-Micro-Credits"] == "0"
    assert server.asked == [
        {
            "model": "canvas",
            "prompt": PROMPT,
            "n": 1,
            "size": "256x256",
            "response_format": "b64_json",
        }
    ]


@pytest.mark.parametrize("wanted", ["url", "Omit"])
async def test_an_image_behind_a_url_of_the_server_is_delivered_as_any_other(
    server: OwnServer, folder: Path, wanted: str
) -> None:
    async with serving(server, folder, send={"responseFormat": wanted}) as gateway:
        plain = await gateway.generate()
        converted = await gateway.generate(output_format="jpeg")

    assert image_of(plain) == server.image
    assert Image.open(io.BytesIO(image_of(converted))).format == "JPEG"


async def test_a_url_of_another_host_is_not_followed(server: OwnServer, folder: Path) -> None:
    server.image_url = "http://127.0.0.2/generated-images/1.png"
    async with serving(server, folder, send={"responseFormat": "url"}) as gateway:
        response = await gateway.generate()

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "outcome_unknown"
    assert "not at the provider's own host" in response.json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_texts_that_a_server_embeds_do_not_reach_the_client(
    server: OwnServer, folder: Path, stream: bool
) -> None:
    server.image = embedding_png()
    async with serving(server, folder, stripText=True) as gateway:
        response = await gateway.generate(stream=stream)

    (_, _, rest) = response.text.partition('"b64_json":')
    image = base64.b64decode(rest.lstrip().split('"')[1])
    assert PROMPT.encode() in server.image
    assert PROMPT.encode() not in image
    assert Image.open(io.BytesIO(image)).size == (256, 256)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ((422, {"detail": [{"loc": ["body", "size"], "msg": "odd"}]}), "size: odd"),
        ((400, {"detail": "the model has no such size"}), "the model has no such size"),
        ((400, "size must be a multiple of 8"), "size must be a multiple of 8"),
        ((400, {"error": "prompt is too long"}), "prompt is too long"),
    ],
)
async def test_the_reason_of_a_server_reaches_the_client(
    server: OwnServer, folder: Path, error: tuple[int, Any], told: str
) -> None:
    server.error = error
    async with serving(server, folder) as gateway:
        response = await gateway.generate()

    assert response.status_code == 400
    assert told in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"lora": {"path": "/weights"}}, "lora"),
        ({"options": {"lora_path": "/weights"}}, "options.lora_path"),
        ({"prompt": "a fox <sd_cpp_extra_args>{}</sd_cpp_extra_args>"}, "prompt"),
        ({"prompt": "a fox | an owl"}, "prompt"),
    ],
)
async def test_what_reaches_into_the_server_is_refused_before_it_is_called(
    server: OwnServer, folder: Path, fields: dict[str, Any], param: str
) -> None:
    parameters: dict[str, Any] = {"providerParameters": {"lora": [], "options": []}}
    async with serving(server, folder, model=parameters, refusedInPrompts=["|"]) as gateway:
        response = await gateway.generate(**fields)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
    assert server.asked == []


async def test_equal_requests_get_different_seeds_where_the_server_has_a_fixed_one(
    server: OwnServer, folder: Path
) -> None:
    accepts = {"parameters": {"seed": {"handling": "Accept"}}}
    async with serving(server, folder, model=accepts, send={"seed": "Random"}) as gateway:
        for fields in ({}, {}, {"seed": 7}):
            await gateway.generate(**fields)

    first, second, own = [fields["seed"] for fields in server.asked]
    assert first != second
    assert own == 7


EDITS = {"operations": {"generation": {}, "edit": {"mask": "Optional"}}}


async def edit(gateway: Gateway, **files: bytes) -> Any:
    async with gateway.http() as http:
        return await http.post(
            "/v1/images/edits",
            data={"model": "canvas", "prompt": PROMPT},
            files={name: (f"{name}.png", file, "image/png") for name, file in files.items()},
        )


async def test_a_mask_is_drawn_as_the_server_reads_it(server: OwnServer, folder: Path) -> None:
    mask = Image.new("RGBA", (256, 256), "black")
    mask.paste((0, 0, 0, 0), (0, 0, 128, 256))
    file = io.BytesIO()
    mask.save(file, "png")
    own = {"convention": "white_edits", "field": "mask_image"}
    async with serving(server, folder, model=EDITS, mask=own) as gateway:
        response = await edit(gateway, image=drawn("png", 256, 256), mask=file.getvalue())

    assert image_of(response) == server.image
    (form,) = server.forms
    assert form["response_format"] == b"b64_json"
    sent = Image.open(io.BytesIO(form["mask_image"])).convert("L")
    assert (sent.getpixel((10, 10)), sent.getpixel((200, 10))) == (255, 0)


async def test_a_mask_that_the_server_would_ignore_is_refused(
    server: OwnServer, folder: Path
) -> None:
    async with serving(server, folder, model=EDITS) as gateway:
        image = drawn("png", 256, 256, mode="RGBA")
        masked = await edit(gateway, image=image, mask=image)
        plain = await edit(gateway, image=image)

    assert (masked.status_code, masked.json()["error"]["param"]) == (400, "mask")
    assert plain.status_code == 200


async def test_an_operation_that_the_server_lacks_is_refused(
    server: OwnServer, folder: Path
) -> None:
    async with serving(server, folder, model=EDITS, operations=["generation"]) as gateway:
        response = await edit(gateway, image=drawn("png", 256, 256))

    assert response.status_code == 400
    assert (
        "none of its providers can be asked for `image_edit`" in response.json()["error"]["message"]
    )


@pytest.mark.parametrize(
    ("price", "micro_credits"),
    [
        # 65536 measured pixels at 1 USD for a million of them, of which one is 16 credits
        ({"type": "per_megapixel", "usd": "1", "maxUsd": "9"}, 1_048_576),
        ({"type": "per_megapixel", "usd": "1000", "maxUsd": "0.01"}, 160_000),
        ({"type": "per_second", "usd": "0", "maxUsd": "0.01"}, 0),
    ],
)
async def test_a_charge_is_for_what_was_measured_up_to_its_ceiling(
    server: OwnServer, folder: Path, price: dict[str, str], micro_credits: int
) -> None:
    model = {"size": {"mode": "List", "sizes": ["512x512"]}}  # the server ignores it
    async with serving(server, folder, model=model, pricing=price) as gateway:
        response = await gateway.generate(n=1)
        account = await gateway.account()

    assert response.headers["Tintype-Cost-Micro-Credits"] == str(micro_credits)
    assert account.balance == CREDITS_MICRO - micro_credits
