"""OpenAI's own client for Node.js against the gateway."""

import asyncio
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from openai.types import Image

from tests.gateway.api.scripted import COMPLETED, PARTIAL
from tintype_testing.edit_requests import hole, square
from tintype_testing.gateway import Gateway
from tintype_testing.requirements import missing, require
from tintype_testing.simulators import file_of, opened

HERE = Path(__file__).parent
LOCK = HERE / "package-lock.json"

HINT = "install Node.js 20 or newer with npm (https://nodejs.org, or `apt-get install nodejs npm`)"


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node.js, with the client installed."""
    node, npm = require("node", HINT), require("npm", HINT)
    if not installed():
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        ended = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=280)
        if ended.returncode != 0:
            missing(f"`npm ci` in tests/gateway/nodejs failed:\n{ended.stderr[-2000:]}")
    return node


def installed() -> bool:
    """Return whether the client is there in the version of the lock file."""
    name = "node_modules/openai"
    package = HERE / name / "package.json"
    wanted = json.loads(LOCK.read_text())["packages"][name]["version"]
    return package.is_file() and json.loads(package.read_text())["version"] == wanted


async def ask(
    node: str, gateway: Gateway, question: str, argument: object = None, **environ: str
) -> Any:
    """Return the response of one run of `ask.mjs`."""
    given = {"BASE_URL": f"{gateway.url}/v1", "API_KEY": gateway.key, "MAX_RETRIES": "0"}
    process = await asyncio.create_subprocess_exec(
        *(node, HERE / "ask.mjs", question, json.dumps(argument)),
        env=os.environ | given | environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(200):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out)


async def test_it_gets_an_image_and_the_bill(node: str, gateway: Gateway) -> None:
    request = {
        "model": "gpt-image-1",
        "prompt": "a red fox",
        "size": "1024x1536",
        "quality": "low",
        "output_format": "webp",
    }

    response = await ask(node, gateway, "generate", request)

    (entry,) = response["data"]
    image = opened(file_of(Image.model_validate(entry)))
    assert (image.format, image.size) == ("WEBP", (1024, 1536))
    assert response["usage"]["credits_used"] == (408 * 40 + 2 * 5) * 16
    assert response["requestId"].startswith("req_")


async def test_it_iterates_a_stream(node: str, gateway: Gateway) -> None:
    request = {"model": "gpt-image-1-mini", "prompt": "a red fox", "quality": "low"}

    preview, last = await ask(node, gateway, "stream", request | {"partial_images": 1})

    assert (preview["type"], preview["partial_image_index"]) == (PARTIAL, 0)
    image = opened(file_of(Image(b64_json=last["b64_json"])))
    assert (last["type"], image.size) == (COMPLETED, (1024, 1024))
    assert last["usage"]["credits_used"] == ((272 + 100) * 8 + 2 * 2) * 16


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """The paths of an image and of a mask for it."""
    (tmp_path / "photo.png").write_bytes(square())
    (tmp_path / "mask.png").write_bytes(hole())
    return {"image": str(tmp_path / "photo.png"), "mask": str(tmp_path / "mask.png")}


EDIT = {"model": "gpt-image-2", "prompt": "a red fox", "quality": "low", "size": "1024x1024"}


@pytest.mark.parametrize("count", [None, 1, 16], ids=["a file", "a list of one", "sixteen"])
async def test_it_edits_files_with_a_mask(
    node: str, gateway: Gateway, files: dict[str, str], count: int | None
) -> None:
    image = files["image"] if count is None else [files["image"]] * count

    response = await ask(node, gateway, "edit", EDIT | files | {"image": image})

    (entry,) = response["data"]
    assert opened(file_of(Image.model_validate(entry))).size == (1024, 1024)
    calls: list[Any] = await gateway.upstream_calls()
    names = [part["name"] for part in calls[0] if "filename" in part]
    assert names == [*(["image"] if count in (None, 1) else ["image[]"] * 16), "mask"]


async def test_it_iterates_the_stream_of_an_edit(
    node: str, gateway: Gateway, files: dict[str, str]
) -> None:
    preview, last = await ask(node, gateway, "editStream", EDIT | files | {"partial_images": 1})

    assert (preview["type"], last["type"]) == ("image_edit.partial_image", "image_edit.completed")
    assert opened(file_of(Image(b64_json=last["b64_json"]))).size == (1024, 1024)


async def test_it_makes_variations(node: str, gateway: Gateway, files: dict[str, str]) -> None:
    request = {"model": "gpt-image-2", "image": files["image"], "n": 2, "quality": "low"}

    assert len((await ask(node, gateway, "variation", request))["data"]) == 2


async def test_an_edit_that_is_refused_has_its_class(
    node: str, gateway: Gateway, files: dict[str, str]
) -> None:
    request = EDIT | files | {"model": "gemini-3.1-flash-image"}

    error = await ask(node, gateway, "edit", request)

    assert (error["raised"], error["param"]) == ("BadRequestError", "mask")
    assert error["code"] == "unsupported_parameter"


async def test_an_error_in_the_middle_of_a_stream_is_raised(node: str, gateway: Gateway) -> None:
    await gateway.script({"error": "openai/moderation_blocked_output", "after_frames": 1})
    request = {"model": "gpt-image-1-mini", "prompt": "a red fox", "quality": "low"}

    preview, error = await ask(node, gateway, "stream", request | {"partial_images": 1})

    assert preview["type"] == PARTIAL
    assert (error["raised"], error["code"]) == ("APIError", "moderation_blocked")


async def test_an_error_before_a_stream_has_its_class(node: str, gateway: Gateway) -> None:
    request = {"model": "gpt-image-1-mini", "prompt": "a red fox", "partial_images": 9}

    error = await ask(node, gateway, "stream", request)

    assert (error["raised"], error["status"]) == ("UnprocessableEntityError", 422)


async def test_it_lists_the_models(node: str, gateway: Gateway) -> None:
    models = await ask(node, gateway, "models")

    works = {model["id"] for model in models if model["active"]}
    assert {"gpt-image-1", "gpt-image-2"} <= works
    assert {"dall-e-3", "gpt-5-mini"} <= {model["id"] for model in models} - works


@pytest.mark.parametrize("name", ["gpt-image-1", "openai/gpt-image-1"])
async def test_it_looks_at_one_model(node: str, gateway: Gateway, name: str) -> None:
    assert (await ask(node, gateway, "model", name))["id"] == "gpt-image-1"


@pytest.mark.parametrize(
    ("fields", "raised", "status", "code", "param"),
    [
        ({"model": "dall-e-3"}, "BadRequestError", 400, "no_active_providers", "model"),
        ({"model": "gpt-image-0"}, "NotFoundError", 404, "model_not_found", "model"),
        ({"n": 11}, "UnprocessableEntityError", 422, "invalid_value", "n"),
        ({"qualty": "low"}, "UnprocessableEntityError", 422, "unknown_parameter", "qualty"),
    ],
)
async def test_each_status_has_its_class(
    node: str,
    gateway: Gateway,
    fields: dict[str, object],
    raised: str,
    status: int,
    code: str,
    param: str,
) -> None:
    request = {"model": "gpt-image-1", "prompt": "a red fox"} | fields

    error = await ask(node, gateway, "generate", request)

    assert (error["raised"], error["status"]) == (raised, status)
    assert (error["code"], error["param"]) == (code, param)
    assert error["requestID"].startswith("req_")


async def test_a_wrong_key_is_an_authentication_error(node: str, gateway: Gateway) -> None:
    error = await ask(node, gateway, "models", API_KEY="sk-wrong")

    assert (error["raised"], error["code"]) == ("AuthenticationError", "invalid_api_key")


async def test_an_account_that_cannot_pay_gets_an_error_without_a_class_of_its_own(
    node: str, gateway: Gateway
) -> None:
    await gateway.ledger.create_account("poor", credits_micro=1)
    _, key = await gateway.ledger.create_key("poor")
    request = {"model": "gpt-image-1", "prompt": "a red fox"}

    error = await ask(node, gateway, "generate", request, API_KEY=key)

    assert (error["raised"], error["status"]) == ("APIError", 402)
    assert (error["code"], error["type"]) == ("insufficient_credits", "insufficient_quota")


async def test_it_repeats_an_unprocessed_request(node: str, gateway: Gateway) -> None:
    await gateway.script({"error": "openai/slow_down"})
    request = {"model": "gpt-image-1", "prompt": "a red fox", "quality": "low"}

    response = await ask(node, gateway, "generate", request, MAX_RETRIES="1")

    assert response["usage"]["images"] == 1
    assert len(await gateway.upstream_calls()) == 2


async def test_it_never_repeats_a_request_that_may_have_been_charged(
    node: str, gateway: Gateway
) -> None:
    await gateway.script({"damage": "empty_data"})
    request = {"model": "gpt-image-1", "prompt": "a red fox"}

    error = await ask(node, gateway, "generate", request, MAX_RETRIES="2")

    assert (error["raised"], error["status"]) == ("InternalServerError", 503)
    assert error["code"] == "outcome_unknown"
    assert len(await gateway.upstream_calls()) == 1


def test_the_lock_file_names_no_registry() -> None:
    text = LOCK.read_text()

    assert "resolved" not in text
    assert "://" not in text
    assert "sha512-" in text
