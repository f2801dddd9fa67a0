"""Clients of other languages, typed by OpenAI's schema, read responses of the profile `openai`."""

import asyncio
import base64
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.clients.programs import JAVA, JAVASCRIPT, PROGRAMS, RUST, Program
from tintype_testing.cluster.building import BuildError
from tintype_testing.gateway import Gateway
from tintype_testing.requirements import missing, require
from tintype_testing.simulators import opened

MODELS = [
    "gpt-image-1-mini",
    "amazon.nova-canvas-v1:0",
    "stability.stable-image-core-v1:1",
    "imagen-4.0-fast-generate-001",
    "gemini-2.5-flash-image",
]
"""A model of each dialect."""

PARTLY = ["amazon.nova-canvas-v1:0", "imagen-4.0-fast-generate-001"]
"""Those that withhold some images of a response."""

BUILD_SECONDS = 900
"""What building a client may take on a machine that never did."""

Response = dict[str, Any]

STREAMS = (JAVA, RUST)
"""The clients that know streams of images."""


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda program: program.name)
def program(request: pytest.FixtureRequest) -> Program:
    """A client, built."""
    program: Program = request.param
    for tool in program.tools:
        require(tool, program.hint)
    try:
        program.build()
    except BuildError as error:
        missing(str(error))
    return program


def plain(model: str, prompt: str = "a red fox", **fields: object) -> Response:
    """Return the question for a response as a whole."""
    return {"body": {"model": model, "prompt": prompt, "n": 1} | fields}


def streamed(model: str, prompt: str = "a red fox", **fields: object) -> Response:
    """Return the question for a stream."""
    return plain(model, prompt, **fields) | {"stream": True}


async def ask(
    program: Program, gateway: Gateway, questions: Sequence[Response], profile: str = "openai"
) -> list[Response]:
    """Return the response of a client to each question."""
    given = {"BASE_URL": f"{gateway.url}/v1", "API_KEY": gateway.key, "PROFILE": profile}
    process = await asyncio.create_subprocess_exec(
        *program.command,
        cwd=program.folder,
        env=os.environ | given,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    out, err = await process.communicate(lines.encode())
    assert process.returncode == 0, err.decode()
    responses: list[Response] = [json.loads(line) for line in out.splitlines()]
    assert len(responses) == len(questions), err.decode()
    return responses


def pixels_of(response: Response) -> list[tuple[int, int]]:
    """Return the sizes of the images that a client got."""
    return [opened(base64.b64decode(image)).size for image in response["images"]]


@pytest.mark.timeout(BUILD_SECONDS)
async def test_every_dialect_is_read_plain_and_streamed(program: Program, gateway: Gateway) -> None:
    before = int(time.time()) - 60
    questions = [plain(model) for model in MODELS]
    if program in STREAMS:
        questions += [streamed(model) for model in MODELS]

    for question, response in zip(questions, await ask(program, gateway, questions), strict=True):
        assert "raised" not in response, (question, response)
        assert len(pixels_of(response)) == 1, question
        assert all(isinstance(count, int) for count in response["total_tokens"]), question
        assert response["total_tokens"], question
        assert all(created > before for created in response["created"]), question


@pytest.mark.timeout(BUILD_SECONDS)
@pytest.mark.parametrize("program", STREAMS, ids=lambda program: program.name, indirect=True)
async def test_previews_are_read(program: Program, gateway: Gateway) -> None:
    question = streamed("gpt-image-1-mini", quality="low", partial_images=2, n=2)

    (response,) = await ask(program, gateway, [question])

    assert (response["previews"], len(response["images"])) == (4, 2)


@pytest.mark.timeout(BUILD_SECONDS)
async def test_a_refusal_is_openais_own(program: Program, gateway: Gateway) -> None:
    refusals = [(model, "a flagged fox") for model in MODELS[1:]]
    refusals.append(("gpt-image-1-mini", "a forbidden fox"))
    questions = [plain(*each) for each in refusals]
    if program in STREAMS:
        questions += [streamed(*each) for each in refusals]

    for question, response in zip(questions, await ask(program, gateway, questions), strict=True):
        assert response["images"] == [], question
        assert (response["status"], response["code"]) == (400, "moderation_blocked"), (
            question,
            response,
        )


@pytest.mark.timeout(BUILD_SECONDS)
async def test_paid_images_are_delivered_if_others_are_refused(
    program: Program, gateway: Gateway
) -> None:
    questions = [plain(model, "a half-flagged fox", n=4) for model in PARTLY]
    if program in STREAMS:
        questions += [streamed(model, "a half-flagged fox", n=4) for model in PARTLY]

    for question, response in zip(questions, await ask(program, gateway, questions), strict=True):
        assert 0 < len(pixels_of(response)) < 4, (question, response)
        # A stream tells what is missing by its last event, which each client raises.
        assert ("raised" in response) is (question.get("stream") is True), (question, response)
        assert "withheld" in response.get("message", "withheld")


@pytest.mark.timeout(BUILD_SECONDS)
async def test_without_the_profile_they_lose_paid_images(
    program: Program, gateway: Gateway
) -> None:
    """The tests above could not fail if these clients accepted every response."""
    question = plain("amazon.nova-canvas-v1:0", "a half-flagged fox", n=4)

    (response,) = await ask(program, gateway, [question], profile="router")

    assert (response["images"], "raised" in response) == ([], True)


def test_the_lock_file_of_the_javascript_client_names_no_registry() -> None:
    text = (Path(__file__).parent / JAVASCRIPT.name / "package-lock.json").read_text()

    assert "resolved" not in text
    assert "://" not in text
    assert "sha512-" in text
