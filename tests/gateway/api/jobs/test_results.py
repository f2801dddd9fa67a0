"""The result of a job is the response of the direct request, but for ids, times and balances."""

import base64
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.gateway.api.jobs.support import JOBS
from tintype_gateway.storage.image_tools import ImageTools
from tintype_testing.edit_requests import data_url, square
from tintype_testing.gateway import Gateway, running_gateway
from tintype_testing.http import fetched
from tintype_testing.image_stores import folder_store
from tintype_testing.simulators import opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

GENERATIONS, EDITS = "/v1/images/generations", "/v1/images/edits"
OPENAI = {"Tintype-Profile": "openai"}
WAIT = {"Prefer": "respond-async, wait=60"}
NOVA = "nova-canvas"
EDIT = {"model": "gpt-image-2", "images": [data_url(square())], "prompt": "blue", "quality": "low"}

CASES: dict[str, tuple[str, Mapping[str, str], Mapping[str, Any]]] = {
    "one image": (GENERATIONS, {}, {}),
    "a URL": (GENERATIONS, {}, {"response_format": "url"}),
    "several images of several calls": (GENERATIONS, {}, {"n": 3}),
    "another format": (GENERATIONS, {}, {"output_format": "webp", "output_compression": 50}),
    "adjusted": (GENERATIONS, {}, {"style": "vivid", "size": "300x200"}),
    "profile openai": (GENERATIONS, OPENAI, {"n": 2}),
    "token counts": (GENERATIONS, {}, {"model": "gpt-image-2", "quality": "low"}),
    "refused in part": (GENERATIONS, {}, {"model": NOVA, "prompt": "a half-flagged fox", "n": 4}),
    "refused in part, profile openai": (
        GENERATIONS,
        OPENAI,
        {"model": NOVA, "prompt": "a half-flagged fox", "n": 4},
    ),
    "an edit": (EDITS, {}, EDIT),
}

FAILURES: dict[str, tuple[Mapping[str, str], Mapping[str, Any], Mapping[str, Any] | None]] = {
    "refused": (OPENAI, {"model": NOVA, "prompt": "a flagged fox"}, None),
    "a provider that fails": ({}, {"model": "gpt-image-2"}, {"status": 500, "body": "no"}),
    "a provider that refuses": (
        {},
        {"model": "gpt-image-2"},
        {"status": 400, "body": json.dumps({"error": {"code": "moderation_blocked"}})},
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    images = ImageTools(store=folder_store(folder / "images"))
    async with running_gateway(folder, images=images, job_settings=RUNNING) as gateway:
        yield gateway


RUNNING = {"jobs_concurrency": 4}


async def post(
    gateway: Gateway, path: str, headers: Mapping[str, str], body: Mapping[str, Any]
) -> httpx2.Response:
    asked = {"model": "gpt-image-1-mini", "prompt": "a red fox", "quality": "low", **body}
    async with gateway.http() as http:
        return await http.post(path, json=asked, headers=headers)


@pytest.mark.parametrize("case", CASES)
async def test_a_job_gives_what_the_direct_request_gives(gateway: Gateway, case: str) -> None:
    path, headers, body = CASES[case]
    direct = await post(gateway, path, headers, body)
    key = {**headers, "Idempotency-Key": case.replace(" ", "-")}
    waited = await post(gateway, path, key | WAIT, body)
    (newest,) = (await get(gateway, "?limit=1")).json()["data"]
    shown = (await get(gateway, f"/{newest['id']}")).json()
    accepted = await post(gateway, path, key | {"Prefer": "respond-async"}, body)

    assert direct.status_code == waited.status_code == 200, (direct.text, waited.text)
    assert await plain(direct.json()) == await plain(waited.json())
    assert without_links(shown["result"]) == without_links(waited.json())
    assert list(direct.json()) == list(waited.json()) == list(shown["result"])
    assert same_headers(direct) == same_headers(waited)
    assert shown["usage"]["credits_used"] == waited.json()["usage"]["credits_used"]
    assert shown["usage"]["images"] == waited.json()["usage"]["images"]
    assert (accepted.status_code, accepted.json()["id"]) == (202, newest["id"])


@pytest.mark.parametrize("case", FAILURES)
async def test_a_job_fails_as_the_direct_request_fails(gateway: Gateway, case: str) -> None:
    headers, body, fault = FAILURES[case]
    await gateway.script(*[fault] * 2 if fault else [])
    direct = await post(gateway, GENERATIONS, headers, body)
    await gateway.script(*[fault] * 2 if fault else [])
    waited = await post(gateway, GENERATIONS, {**headers, **WAIT}, body)
    await gateway.script()
    (newest,) = (await get(gateway, "?limit=1")).json()["data"]

    assert direct.status_code == waited.status_code >= 400
    assert without_words(direct) == without_words(waited)
    for name in ("x-should-retry", "Retry-After"):
        assert direct.headers.get(name) == waited.headers.get(name)
    assert newest["error"] == waited.json()["error"]
    assert newest["status"] in ("failed", "outcome_unknown")
    assert newest["usage"] is None


def without_words(response: httpx2.Response) -> dict[str, Any]:
    """Return an error, of a refusal without its message: the provider's may quote the prompt."""
    error: dict[str, Any] = response.json()["error"]
    is_refusal = error["code"] == "moderation_blocked"
    return error | ({"message": None} if is_refusal else {})


async def get(gateway: Gateway, path: str) -> httpx2.Response:
    async with gateway.http() as http:
        return await http.get(f"{JOBS}{path}")


async def plain(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body without what two requests never share: pixels, times and the balance."""
    data = [await described(image) for image in body["data"]]
    usage = {name: value for name, value in body["usage"].items() if name != "credits_remaining"}
    return body | {"data": data, "usage": usage, "created": bool(body["created"])}


async def described(image: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of `data` with format and size in the place of the image."""
    entry = {name: value for name, value in image.items() if name != "seed"}
    if image.get("b64_json"):
        return entry | {"b64_json": size_of(decoded(image["b64_json"]))}
    if "url" in image:
        return entry | {"url": size_of((await fetched(image["url"])).content)}
    return entry


def size_of(content: bytes) -> tuple[str | None, tuple[int, int]]:
    image = opened(content)
    return image.format, image.size


def decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def without_links(body: dict[str, Any]) -> str:
    """Return a body whose links have no signatures, which are made anew each time."""
    return re.sub(r"\?expires=\d+&signature=[0-9a-f]+", "", json.dumps(body))


def same_headers(response: httpx2.Response) -> dict[str, str]:
    """Return the headers that tell of the images."""
    names = ("Tintype-Route", "Tintype-Adjusted", "Tintype-Catalog-Revision", "Tintype-Profile")
    return {name: response.headers[name] for name in names if name in response.headers}
