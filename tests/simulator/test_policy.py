"""The reference policy service: it knows who asks, and judges by words."""

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from standardwebhooks.webhooks import Webhook

from tintype_simulator.app import running
from tintype_simulator.policy import IMAGES, parse_secrets, verdict_on
from tintype_testing.http import http_client

SECRET = "whsec_" + "A" * 32
OTHER = "whsec_" + "B" * 32
PROMPT = "guardrail.prompt"


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with running(policy_keys=parse_secrets(SECRET)) as url, http_client(url) as http:
        yield http


async def ask(
    http: httpx2.AsyncClient, body: str, secret: str = SECRET, age_seconds: float = 0
) -> httpx2.Response:
    moment = datetime.fromtimestamp(time.time() - age_seconds, UTC)
    headers = {
        "webhook-id": "grd_1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign("grd_1", moment, body),
    }
    return await http.post("/policy", content=body, headers=headers)


def question(prompt: str = "a fox") -> str:
    return json.dumps({"type": PROMPT, "prompt": prompt})


async def test_a_signed_question_gets_a_verdict_and_is_listed(http: httpx2.AsyncClient) -> None:
    response = await ask(http, question("a banned fox"))

    assert response.json() == {"verdict": "deny", "message": "the prompt has the word `banned`"}
    assert (await http.get("/_simulator/policy")).json() == [json.loads(question("a banned fox"))]
    await http.delete("/_simulator/policy")
    assert (await http.get("/_simulator/policy")).json() == []


@pytest.mark.parametrize(
    ("secret", "age"), [(OTHER, 0), (SECRET, 400), (SECRET, -400)], ids=["other", "old", "early"]
)
async def test_a_question_of_another_secret_or_time_is_refused(
    http: httpx2.AsyncClient, secret: str, age: float
) -> None:
    response = await ask(http, question(), secret, age)

    assert response.status_code == 401
    assert (await http.get("/_simulator/policy")).json() == []


async def test_a_question_without_a_signature_is_refused(http: httpx2.AsyncClient) -> None:
    assert (await http.post("/policy", content=question())).status_code == 401


@pytest.mark.parametrize("body", ["", "no", "[]", "{}", '{"type": "guardrail.prompt"}'])
async def test_what_is_no_question_is_refused(http: httpx2.AsyncClient, body: str) -> None:
    assert (await ask(http, body)).status_code == 400


async def test_a_simulator_without_secrets_has_no_policy_service() -> None:
    async with running() as url, http_client(url) as http:
        assert (await ask(http, question())).status_code == 404


@pytest.mark.parametrize(
    ("kind", "prompt", "verdict"),
    [
        (PROMPT, "a fox", {"verdict": "allow"}),
        (PROMPT, "an indecent fox", {"verdict": "allow"}),
        (PROMPT, "a swapped fox", {"verdict": "replace", "prompt": "a harmless fox"}),
        (PROMPT, "an undecided fox", None),
        (IMAGES, "an undecided, banned and swapped fox", {"verdict": "allow"}),
        (IMAGES, "an indecent fox", {"verdict": "deny", "message": "the image is indecent"}),
        (IMAGES, "an unjudged fox", None),
    ],
)
def test_words_decide(kind: str, prompt: str, verdict: dict[str, Any] | None) -> None:
    assert verdict_on(kind, prompt) == verdict


@pytest.mark.parametrize("text", ["", "\n", "secret", f"{SECRET}\nsecret", "whsec_!"])
def test_a_file_without_secrets_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="each line must be") as caught:
        parse_secrets(text)

    assert "A" * 8 not in str(caught.value)
