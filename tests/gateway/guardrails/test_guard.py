"""What follows from a verdict: here from one that replaces the prompt."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.guardrails.test_service import answer
from tests.gateway.webhooks.support import nearby, secret, secrets_file
from tintype_gateway.accounts import Caller
from tintype_gateway.errors import UnavailableError, UnsupportedParameterError
from tintype_gateway.guardrails.guard import Guardrail
from tintype_gateway.guardrails.prompts import with_prompt
from tintype_gateway.guardrails.service import PolicyService
from tintype_gateway.images.converter import Converter
from tintype_gateway.observability.request_log import RequestLog
from tintype_gateway.runtime.memory_budget import MemoryBudget
from tintype_gateway.values.plan import Plan
from tintype_gateway.values.routes import Candidate
from tintype_gateway.webhooks.endpoints import SecretsFile
from tintype_testing.builders import candidate, plan
from tintype_testing.webhook_receiver import Receiver, receiving

OPENAI = candidate(name="openai")

TAG = "a fox <sd_cpp_extra_args>{}"
"""What is left of `a fox <sd_cpp_banned_extra_args>{}` where a policy takes out `banned_`."""


def server(**api: Any) -> Candidate:
    return candidate(name="own", credentials={"none": True}, api=api)


def to(*candidates: Candidate) -> Plan:
    return replace(plan(), candidates=candidates)


@pytest.fixture
def converter() -> Iterator[Converter]:
    converter = Converter(1)
    yield converter
    converter.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(secret()) as receiver:
        yield receiver


@pytest.fixture
async def guardrail(
    receiver: Receiver, converter: Converter, tmp_path: Path
) -> AsyncIterator[Guardrail]:
    """A guardrail that fails closed, whose service replaces the prompt by one with a tag."""
    answer(receiver, f'{{"verdict": "replace", "prompt": "{TAG}"}}')
    async with nearby() as session:
        secrets = SecretsFile(secrets_file(tmp_path, 1))
        service = PolicyService(receiver.url, secrets, session, 5.0)
        yield Guardrail(service, converter, MemoryBudget())


async def admitted(guardrail: Guardrail, asked: Plan) -> Plan:
    return await guardrail.admitted(asked, Caller("studio", "key-1"), "req_1", RequestLog())


async def test_a_server_does_not_get_a_replaced_prompt_that_it_would_not_read_as_text(
    guardrail: Guardrail,
) -> None:
    passed = await admitted(guardrail, to(server(), OPENAI))

    assert (passed.candidates, passed.job.prompt) == ((OPENAI,), TAG)


async def test_a_prompt_that_no_server_would_read_as_text_is_no_verdict(
    guardrail: Guardrail,
) -> None:
    with pytest.raises(UnavailableError):
        await admitted(guardrail, to(server()))


async def test_a_gateway_that_fails_open_keeps_its_prompt_where_the_replacement_is_no_text(
    guardrail: Guardrail,
) -> None:
    passed = await admitted(replace(guardrail, fails_open=True), to(server()))

    assert passed.job.prompt == plan().job.prompt


def test_a_job_whose_only_server_would_not_read_the_replaced_prompt_cannot_be_served() -> None:
    with pytest.raises(UnsupportedParameterError, match="read as text"):
        with_prompt(to(server(refusedInPrompts=["|"])), "a fox | an owl")
