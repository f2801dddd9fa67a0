"""What docs/guardrails.md says works as it stands."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import jsonschema
import pytest

from tests.gateway.webhooks.support import nearby, secret, secrets_file
from tests.pages.blocks import claim
from tintype_gateway.guardrails import openapi
from tintype_gateway.guardrails.protocol import (
    PROMPT_VERDICTS,
    Deny,
    ImagesCheck,
    PromptCheck,
)
from tintype_gateway.guardrails.service import PolicyService
from tintype_gateway.webhooks.endpoints import SecretsFile
from tintype_testing.cluster.processes import free_ports
from tintype_testing.gateway_process import clean_environ
from tintype_testing.http import responded
from tintype_testing.waiting import eventually, eventually_blocking

DOCS = Path(__file__).parents[3] / "docs"
BLOCKS = claim(__name__, "docs/guardrails.md", "sh", "json", "python")


def blocks(language: str) -> list[str]:
    """Return the code of this language in the page, in order."""
    return [block.code for block in BLOCKS if block.language == language]


def test_the_openapi_document_is_that_of_the_models() -> None:
    written = (DOCS / "guardrail-openapi.json").read_text()

    assert written == openapi.text(), "run `make guardrail-openapi`"


def schema(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DOCS / "guardrail-openapi.json").read_text())
    return {"$ref": f"#/components/schemas/{name}", "components": document["components"]}


def test_the_example_of_a_question_is_one() -> None:
    example = json.loads(blocks("json")[1])

    jsonschema.validate(example, schema("PromptCheck"))
    assert PromptCheck.model_validate(example).model_dump(mode="json") == example


@pytest.mark.parametrize("kind", [PromptCheck, ImagesCheck])
def test_what_the_gateway_sends_is_what_the_document_describes(
    kind: type[PromptCheck] | type[ImagesCheck],
) -> None:
    question = kind(request_id="r", operation="o", model="m", account="a", prompt="p")

    described = schema(kind.__name__)
    jsonschema.validate(question.model_dump(mode="json"), described)
    properties = described["components"]["schemas"][kind.__name__]["properties"]
    assert properties.keys() == question.model_dump().keys()
    assert all("description" in each for each in properties.values())


def test_the_examples_of_verdicts_are_valid() -> None:
    answers = json.loads(blocks("json")[2])

    verdicts = [PROMPT_VERDICTS.validate_python(each) for each in answers]

    assert [each.verdict for each in verdicts] == ["allow", "deny", "replace"]


@pytest.fixture
def judge(tmp_path: Path) -> Iterator[int]:
    """The port of the page's policy service."""
    (port,) = free_ports(1)
    program = tmp_path / "judge.py"
    program.write_text(blocks("python")[0])
    environ = os.environ | {"POLICY_SECRET": secret(), "POLICY_PORT": str(port)}
    with subprocess.Popen([sys.executable, program], env=environ, stderr=subprocess.DEVNULL) as run:
        try:
            yield port
        finally:
            run.kill()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with nearby() as session:
        yield session


async def test_the_service_in_python_judges(
    judge: int, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    secrets = SecretsFile(secrets_file(tmp_path, 1))
    service = PolicyService(f"http://127.0.0.1:{judge}/", secrets, session, 10.0)

    async def is_up() -> bool:
        try:
            async with session.get(service.url):
                return True
        except aiohttp.ClientError:
            return False

    await eventually(is_up)
    question = PromptCheck(
        request_id="r", operation="o", model="m", account="a", prompt="a lighthouse in a storm"
    )
    calm = question.model_copy(update={"prompt": "a lighthouse"})

    assert await service.ask(question, PROMPT_VERDICTS) == Deny(verdict="deny", message="no storms")
    assert (await service.ask(calm, PROMPT_VERDICTS)).verdict == "allow"


def test_the_commands_show_a_denied_prompt(tmp_path: Path) -> None:
    start, ask, *_ = blocks("sh")
    simulator, api, admin = map(str, free_ports(3))
    start = start.replace("9000", simulator)
    here = Path(sys.executable).parent
    environ = clean_environ() | {
        "PATH": f"{here}:{os.environ['PATH']}",
        "TINTYPE_PORT": api,
        "TINTYPE_ADMIN_PORT": admin,
    }
    shell = ["bash", "-euo", "pipefail", "-c"]
    with (tmp_path / "log").open("wb") as log:
        started = subprocess.Popen(
            [*shell, start], cwd=tmp_path, env=environ, stdout=log, stderr=log, process_group=0
        )
    try:
        eventually_blocking(lambda: _is_ready(admin), "a gateway that is ready")
        key = tmp_path / ".tintype" / "demo.key"
        eventually_blocking(
            lambda: key.exists() and key.read_text(),
            "the key of the demo, which is made after that",
        )
        command = ask.replace("8080", api)
        shown = subprocess.run(
            [*shell, command], cwd=tmp_path, env=environ, capture_output=True, check=True
        )
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()

    assert json.loads(shown.stdout) == json.loads(blocks("json")[0])


def _is_ready(port: str) -> bool:
    try:
        return responded(f"http://127.0.0.1:{port}/readyz")[0] == 200
    except (OSError, httpx2.HTTPError):
        return False
