"""One question to a policy service: what is a verdict, and why there is none."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.webhooks.support import nearby, secret, secrets_file
from tintype_catalog.egress_policy import EgressPolicy
from tintype_gateway.guardrails.protocol import (
    IMAGES_VERDICTS,
    PROMPT_VERDICTS,
    Allow,
    Deny,
    PromptCheck,
    Replace,
)
from tintype_gateway.guardrails.service import PolicyFailure, PolicyService
from tintype_gateway.upstream.sessions import open_session
from tintype_gateway.webhooks.endpoints import SecretsFile
from tintype_testing.webhook_receiver import Receiver, receiving

QUESTION = PromptCheck(
    request_id="req_1",
    operation="image_generation",
    model="canvas",
    account="studio",
    prompt="a planted heron",
)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(secret()) as receiver:
        yield receiver


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with nearby() as session:
        yield session


@pytest.fixture
def service(receiver: Receiver, session: aiohttp.ClientSession, tmp_path: Path) -> PolicyService:
    return PolicyService(receiver.url, SecretsFile(secrets_file(tmp_path, 1)), session, 5.0)


def answer(receiver: Receiver, text: str, status: int = 200) -> None:
    async def respond(request: web.Request) -> web.Response:
        return web.Response(status=status, text=text, content_type="application/json")

    receiver.respond = respond


async def failure(service: PolicyService) -> PolicyFailure:
    with pytest.raises(PolicyFailure) as caught:
        await service.ask(QUESTION, PROMPT_VERDICTS)
    assert "heron" not in str(caught.value)
    assert "/hook" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ('{"verdict": "allow"}', Allow(verdict="allow")),
        ('{"verdict": "allow", "score": 0.2}', Allow(verdict="allow")),
        ('{"verdict": "deny", "message": "no"}', Deny(verdict="deny", message="no")),
        ('{"verdict": "replace", "prompt": "x"}', Replace(verdict="replace", prompt="x")),
    ],
)
async def test_a_verdict_is_read_and_what_is_unknown_in_it_is_ignored(
    service: PolicyService, receiver: Receiver, text: str, verdict: object
) -> None:
    answer(receiver, text)

    assert await service.ask(QUESTION, PROMPT_VERDICTS) == verdict


async def test_a_question_is_signed_by_each_secret(
    receiver: Receiver, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    answer(receiver, '{"verdict": "allow"}')
    secrets = SecretsFile(secrets_file(tmp_path, 2, 1))

    await PolicyService(receiver.url, secrets, session, 5.0).ask(QUESTION, PROMPT_VERDICTS)

    assert (receiver.unverified, receiver.signatures) == (0, [2])
    assert receiver.messages == [QUESTION.model_dump(mode="json")]


async def test_each_question_has_an_id_of_its_own(
    service: PolicyService, receiver: Receiver
) -> None:
    answer(receiver, '{"verdict": "allow"}')

    await service.ask(QUESTION, PROMPT_VERDICTS)
    await service.ask(QUESTION, PROMPT_VERDICTS)

    assert len(set(receiver.ids)) == 2


@pytest.mark.parametrize(
    "text",
    [
        *("", "heron", "[]", "{}", "null", '"allow"', '{"verdict": "maybe heron"}'),
        *('{"verdict": "deny"}', '{"verdict": "deny", "message": ""}'),
        *('{"verdict": "replace"}', '{"verdict": "replace", "prompt": ""}'),
        '{"verdict": "deny", "message": "%s"}' % ("heron" * 300),
    ],
)
async def test_anything_else_is_no_verdict(
    service: PolicyService, receiver: Receiver, text: str
) -> None:
    answer(receiver, text)

    assert (await failure(service)).kind == "invalid"


async def test_images_cannot_be_replaced(service: PolicyService, receiver: Receiver) -> None:
    answer(receiver, '{"verdict": "replace", "prompt": "x"}')

    with pytest.raises(PolicyFailure) as caught:
        await service.ask(QUESTION, IMAGES_VERDICTS)

    assert caught.value.kind == "invalid"


@pytest.mark.parametrize("status", [201, 204, 302, 400, 401, 429, 500, 503])
async def test_another_status_is_no_verdict(
    service: PolicyService, receiver: Receiver, status: int
) -> None:
    answer(receiver, '{"verdict": "allow"}', status)

    found = await failure(service)

    assert (found.kind, str(found)) == ("refused", f"status {status}")


async def test_an_endless_response_is_no_verdict(
    service: PolicyService, receiver: Receiver
) -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b" " * 2**20)
                await asyncio.sleep(0)  # after the client has left, nothing else lets it be told
        except ConnectionError:
            return response

    receiver.respond = respond

    assert (await failure(service)).kind == "invalid"


async def test_a_service_has_its_time_for_all_of_a_verdict(
    receiver: Receiver, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"verdict"')
        await asyncio.Event().wait()
        return response

    receiver.respond = respond
    secrets = SecretsFile(secrets_file(tmp_path, 1))

    found = await failure(PolicyService(receiver.url, secrets, session, 0.2))

    assert (found.kind, str(found)) == ("timeout", "no verdict in 0.2 seconds")


async def test_a_service_that_is_away_is_unreachable(
    receiver: Receiver, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    secrets = SecretsFile(secrets_file(tmp_path, 1))

    found = await failure(PolicyService("http://127.0.0.1:1/hook", secrets, session, 5.0))

    assert found.kind == "unreachable"


async def test_the_guard_of_addresses_applies(receiver: Receiver, tmp_path: Path) -> None:
    secrets = SecretsFile(secrets_file(tmp_path, 1))
    async with open_session(EgressPolicy().to_webhook(receiver.url)) as guarded:
        found = await failure(PolicyService(receiver.url, secrets, guarded, 5.0))

    assert (found.kind, receiver.ids) == ("forbidden", [])


async def test_without_a_secret_nothing_is_sent(
    receiver: Receiver, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    secrets = SecretsFile(tmp_path / "missing")

    found = await failure(PolicyService(receiver.url, secrets, session, 5.0))

    assert (found.kind, receiver.unverified) == ("misconfigured", 0)


@given(prompt=st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50))
def test_any_prompt_survives_the_way_to_the_service(prompt: str) -> None:
    question = QUESTION.model_copy(update={"prompt": prompt})

    assert PromptCheck.model_validate_json(question.model_dump_json()) == question
