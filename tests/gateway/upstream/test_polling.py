"""Calls that are polled, through a gateway and against a provider on loopback."""

import asyncio
import base64
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.dialects import polled
from tests.gateway.dialects.polled import Cut, Other, Provider, Reply
from tintype_gateway.dialects.registry import get_dialect, register
from tintype_gateway.upstream import fetched_images, polling, task_cancels
from tintype_gateway.upstream.polling import Pauses
from tintype_testing.gateway import CREDITS_MICRO, Gateway, canvas, running_gateway
from tintype_testing.metrics import metric
from tintype_testing.sample_images import drawn
from tintype_testing.waiting import eventually

IMAGE = drawn("png", 64, 64)
READY: Reply = {"state": "ready", "file": "{url}/files/j1"}
QUEUED: Reply = {"state": "queued"}
SUBMIT, POLL, STOP, FILE = "POST /jobs", "GET /jobs/j1", "POST /jobs/j1/stop", "GET /files/j1"


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    """Let the dialect take the name of another one, which manifests may have."""
    usual = get_dialect("openai-images")
    register("openai-images", polled)
    yield
    register("openai-images", usual)


@asynccontextmanager
async def gateway_before(
    folder: Path, *polls: Reply, spec: dict[str, Any] | None = None, **fields: Any
) -> AsyncIterator[tuple[Gateway, Provider]]:
    """Run a provider that responds to polls like this, and a gateway before it."""
    provider = Provider(list(polls), IMAGE, **fields)
    async with polled.running(provider):
        manifests = canvas(endpoint=provider.url, provider="acme", **spec or {})
        async with running_gateway(folder, *manifests, heartbeat_seconds=0.05) as gateway:
            yield gateway, provider


def code_of(response: Any) -> str:
    return str(response.json()["error"]["code"])


async def is_free(gateway: Gateway) -> bool:
    account = await gateway.account()
    return (account.balance, account.held) == (CREDITS_MICRO, 0)


def lost(reason: str) -> float:
    return metric("tintype_unsettled_upstream_calls_total", provider="acme", reason=reason)


def cancelled(result: str) -> float:
    return metric("tintype_provider_task_cancels_total", provider="acme", result=result)


async def test_a_task_is_submitted_once_and_polled_until_it_is_ready(tmp_path: Path) -> None:
    async with gateway_before(tmp_path, QUEUED, {"state": "a new one"}, {}, READY) as (
        gateway,
        provider,
    ):
        response = await gateway.generate()

        assert base64.b64decode(response.json()["data"][0]["b64_json"]) == IMAGE
        assert (provider.count(SUBMIT), provider.count(POLL), provider.count(STOP)) == (1, 4, 0)
        assert (await gateway.account()).balance < CREDITS_MICRO


@pytest.mark.parametrize(
    "failure",
    [
        Other(500, "oops"),
        Other(503),
        Other(408),
        Other(200, "not JSON"),
    ],
)
async def test_a_poll_that_fails_is_polled_again_and_nothing_is_submitted_again(
    tmp_path: Path, failure: Other
) -> None:
    async with gateway_before(tmp_path, failure, READY) as (gateway, provider):
        response = await gateway.generate()

        assert response.status_code == 200, response.text
        assert (provider.count(SUBMIT), provider.count(POLL)) == (1, 2)


async def test_a_poll_whose_connection_breaks_is_polled_again(tmp_path: Path) -> None:
    async with gateway_before(tmp_path, Cut(), READY) as (gateway, provider):
        response = await gateway.generate()

        assert response.status_code == 200, response.text
        assert provider.count(SUBMIT) == 1


async def test_a_poll_that_hangs_is_polled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "POLL_SECONDS", 1)
    async with gateway_before(tmp_path, asyncio.Event(), READY) as (gateway, provider):
        request = asyncio.create_task(gateway.generate())
        await eventually(lambda: provider.count(POLL) > 0)
        monkeypatch.setattr(polling, "POLL_SECONDS", 60)  # the next one may take its time
        response = await request

        assert response.status_code == 200, response.text
        assert (provider.count(SUBMIT), provider.count(POLL)) == (1, 2)


@pytest.mark.parametrize("status", [200, 429])
async def test_a_retry_after_of_the_provider_is_obeyed(tmp_path: Path, status: int) -> None:
    later = Other(status, '{"state": "queued"}', {"Retry-After": "1"})
    spec = {"timeoutSeconds": 30}
    async with gateway_before(tmp_path, later, READY, spec=spec) as (gateway, provider):
        response = await gateway.generate()

        assert response.status_code == 200, response.text
        first, second = provider.times(POLL)
        assert second - first >= 1


async def test_a_retry_after_beyond_the_time_limit_ends_the_call(tmp_path: Path) -> None:
    later = Other(429, headers={"Retry-After": "600"})
    async with gateway_before(tmp_path, later) as (gateway, provider):
        response = await gateway.generate()

        assert code_of(response) == "timeout"
        await eventually(lambda: provider.count(STOP) == 1)
        assert provider.count(POLL) == 1
        assert await is_free(gateway)


async def test_a_task_that_never_ends_is_cancelled_at_the_time_limit_of_the_call(
    tmp_path: Path,
) -> None:
    before = lost("timeout")
    async with gateway_before(tmp_path, QUEUED, spec={"timeoutSeconds": 3}) as (gateway, provider):
        response = await gateway.generate(headers={"Idempotency-Key": "17"})
        repeated = await gateway.generate(headers={"Idempotency-Key": "17"})

        assert (code_of(response), code_of(repeated)) == ("timeout", "idempotency_outcome_unknown")
        await eventually(lambda: provider.count(STOP) == 1)
        assert provider.count(SUBMIT) == 1
        assert await is_free(gateway)
    assert lost("timeout") == before + 1


async def test_a_client_that_leaves_cancels_the_task_and_holds_nothing(tmp_path: Path) -> None:
    before, cancels = lost("cancelled"), cancelled("success")
    async with gateway_before(tmp_path, asyncio.Event()) as (gateway, provider):
        request = asyncio.create_task(gateway.generate())
        await eventually(lambda: provider.count(POLL) == 1)
        request.cancel()

        await eventually(lambda: provider.count(STOP) == 1)
        await eventually(lambda: is_free(gateway))
        await eventually(lambda: cancelled("success") == cancels + 1)
    assert (provider.count(SUBMIT), provider.count(STOP)) == (1, 1)
    assert lost("cancelled") == before + 1


async def test_a_client_that_leaves_during_the_submission_cancels_the_task(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with gateway_before(tmp_path, QUEUED, submitting=gate) as (gateway, provider):
        request = asyncio.create_task(gateway.generate())
        await eventually(lambda: provider.count(SUBMIT) == 1)
        request.cancel()
        await eventually(lambda: is_free(gateway))
        gate.set()

        await eventually(lambda: provider.count(STOP) == 1)
        assert provider.count(POLL) == 0


async def test_a_submission_without_its_request_leaves_no_bytes_in_flight(tmp_path: Path) -> None:
    gate = asyncio.Event()
    before = metric("tintype_provider_bytes_in_flight")
    async with gateway_before(tmp_path, QUEUED, submitting=gate) as (gateway, provider):
        request = asyncio.create_task(gateway.generate())
        await eventually(lambda: provider.count(SUBMIT) == 1)
        request.cancel()
        await eventually(lambda: is_free(gateway))
        gate.set()

        await eventually(lambda: provider.count(STOP) == 1)
    assert metric("tintype_provider_bytes_in_flight") == before


async def test_a_task_that_cannot_be_cancelled_is_left_to_the_provider(tmp_path: Path) -> None:
    job = {"job": "j1", "watch": "{url}/jobs/j1"}
    async with gateway_before(tmp_path, asyncio.Event(), job=job) as (gateway, provider):
        request = asyncio.create_task(gateway.generate())
        await eventually(lambda: provider.count(POLL) == 1)
        request.cancel()

        await eventually(lambda: is_free(gateway))
    assert provider.count(STOP) == 0


async def test_a_cancellation_without_a_response_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_cancels.TaskCancels.__init__, "__defaults__", (2.0,))
    failed = cancelled("failure")
    async with gateway_before(tmp_path, QUEUED, stopping=asyncio.Event()) as (gateway, provider):
        request = asyncio.create_task(gateway.generate())
        await eventually(lambda: provider.count(POLL) > 0)
        request.cancel()

        await eventually(lambda: cancelled("failure") == failed + 1)
    assert provider.count(STOP) == 1


async def test_a_gateway_that_stops_waits_for_its_cancellations(tmp_path: Path) -> None:
    gate, cancels = asyncio.Event(), cancelled("success")
    async with gateway_before(tmp_path, QUEUED, stopping=gate) as (gateway, provider):
        request = asyncio.create_task(gateway.generate())
        await eventually(lambda: provider.count(POLL) > 0)
        request.cancel()
        await eventually(lambda: is_free(gateway))
        await eventually(lambda: provider.count(STOP) == 1)
        asyncio.get_running_loop().call_later(0.2, gate.set)
    assert cancelled("success") == cancels + 1


@pytest.mark.parametrize(
    ("state", "code"),
    [("refused", "moderation_blocked"), ("busy", "outcome_unknown")],
)
async def test_a_task_that_ends_without_an_image_is_neither_submitted_again_nor_cancelled(
    tmp_path: Path, state: str, code: str
) -> None:
    async with gateway_before(tmp_path, QUEUED, {"state": state}) as (gateway, provider):
        response = await gateway.generate()

        assert code_of(response) == code
        assert (provider.count(SUBMIT), provider.count(STOP)) == (1, 0)
        assert await is_free(gateway)


async def test_a_refusal_that_the_provider_may_charge_for_is_counted(tmp_path: Path) -> None:
    before = lost("refused")
    async with gateway_before(tmp_path, {"state": "refused"}) as (gateway, _):
        await gateway.generate()
    assert lost("refused") == before + 1


@pytest.mark.parametrize("status", [302, 401, 404])
async def test_a_task_that_cannot_be_polled_is_of_unknown_outcome_and_cancelled(
    tmp_path: Path, status: int
) -> None:
    gone = Other(status, headers={"Location": "/files/j1"})
    async with gateway_before(tmp_path, gone) as (gateway, provider):
        response = await gateway.generate()

        assert code_of(response) == "outcome_unknown"
        await eventually(lambda: provider.count(STOP) == 1)
        assert (provider.count(SUBMIT), provider.count(FILE)) == (1, 0)


async def test_a_throttled_submission_is_repeated_as_nothing_was_accepted(tmp_path: Path) -> None:
    async with gateway_before(tmp_path, READY, submit_status=429) as (gateway, provider):
        response = await gateway.generate()

        assert code_of(response) == "provider_throttled"
        assert (provider.count(SUBMIT), provider.count(POLL)) == (3, 0)


async def test_a_submission_without_a_response_is_not_repeated(tmp_path: Path) -> None:
    spec = {"timeoutSeconds": 3}
    gate = asyncio.Event()
    async with gateway_before(tmp_path, READY, submitting=gate, spec=spec) as (gateway, provider):
        response = await gateway.generate()

        assert code_of(response) == "timeout"
        assert provider.count(SUBMIT) == 1


async def test_a_result_that_comes_with_the_submission_needs_no_poll(tmp_path: Path) -> None:
    job = {"job": "j1", "watch": "{url}/jobs/j1", "state": "ready", "file": "{url}/files/j1"}
    async with gateway_before(tmp_path, QUEUED, job=job) as (gateway, provider):
        response = await gateway.generate()

        assert response.status_code == 200, response.text
        assert provider.count(POLL) == 0


async def test_a_poll_at_a_foreign_host_is_not_made(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with polled.running(Provider([READY], IMAGE)) as elsewhere:
        job = {"job": "j1", "watch": f"{elsewhere.url}/jobs/j1", "stop": "{url}/jobs/j1/stop"}
        async with gateway_before(tmp_path, READY, job=job) as (gateway, provider):
            with caplog.at_level(logging.INFO):
                response = await gateway.generate()

            assert code_of(response) == "outcome_unknown"
            await eventually(lambda: provider.count(STOP) == 1)
        assert (elsewhere.asked, provider.count(POLL)) == ([], 0)
        causes = [getattr(record, "cause", "") for record in caplog.records]
        assert any(elsewhere.url in cause for cause in causes)


async def test_a_cancellation_at_a_foreign_host_is_not_made(tmp_path: Path) -> None:
    failed = cancelled("failure")
    async with polled.running(Provider([READY], IMAGE)) as elsewhere:
        job = {"job": "j1", "watch": "{url}/jobs/j1", "stop": f"{elsewhere.url}/jobs/j1/stop"}
        async with gateway_before(tmp_path, Other(404), job=job) as (gateway, _):
            await gateway.generate()
        assert elsewhere.asked == []
    assert cancelled("failure") == failed + 1


async def test_the_key_goes_to_polls_and_never_to_the_host_of_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with polled.running(Provider([READY], IMAGE)) as elsewhere:
        own = {"state": "ready", "file": "{url}/files/j1"}
        listed = {"state": "ready", "file": f"{elsewhere.url}/files/j1"}
        monkeypatch.setattr(
            polled, "RESULT_HOSTS", (elsewhere.url.removeprefix("http://"), "files.polled.test")
        )
        async with gateway_before(tmp_path, own, listed) as (gateway, provider):
            for _ in range(2):
                response = await gateway.generate()
                assert response.status_code == 200, response.text

        assert [each["x-key"] for each in provider.headers(POLL)] == ["simulated"] * 2
        files = provider.headers(FILE) + elsewhere.headers(FILE)
        assert len(files) == 2
        assert not any("simulated" in str(headers) for headers in files)


async def test_an_image_at_a_foreign_host_is_not_fetched(tmp_path: Path) -> None:
    async with polled.running(Provider([READY], IMAGE)) as elsewhere:
        ready = {"state": "ready", "file": f"{elsewhere.url}/files/j1"}
        async with gateway_before(tmp_path, ready) as (gateway, _):
            response = await gateway.generate()

            assert code_of(response) == "outcome_unknown"
        assert elsewhere.asked == []


async def test_an_image_in_a_data_url_needs_no_fetch(tmp_path: Path) -> None:
    file = f"data:image/png;base64,{base64.b64encode(IMAGE).decode()}"
    async with gateway_before(tmp_path, {"state": "ready", "file": file}) as (gateway, provider):
        response = await gateway.generate()

        assert base64.b64decode(response.json()["data"][0]["b64_json"]) == IMAGE
        assert provider.count(FILE) == 0


async def test_an_image_that_cannot_be_sent_at_once_is_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetched_images, "PAUSES_SECONDS", (0, 0))
    async with gateway_before(tmp_path, READY, file_failures=2) as (gateway, provider):
        response = await gateway.generate()

        assert response.status_code == 200, response.text
        assert (provider.count(SUBMIT), provider.count(FILE)) == (1, 3)


async def test_a_result_at_a_url_of_its_own_is_asked_for_with_the_key(tmp_path: Path) -> None:
    done = {"state": "ready", "at": "{url}/results/j1"}
    async with gateway_before(tmp_path, done) as (gateway, provider):
        response = await gateway.generate()

        assert response.status_code == 200, response.text
        assert provider.headers("GET /results/j1")[0]["x-key"] == "simulated"


@pytest.mark.parametrize(
    ("status", "code", "tries"), [(422, "unsupported_parameter", 1), (503, "outcome_unknown", 3)]
)
async def test_an_error_in_the_place_of_a_result_is_that_of_the_call(
    tmp_path: Path, status: int, code: str, tries: int
) -> None:
    done = {"state": "ready", "at": "{url}/results/j1"}
    result = Other(status)
    async with gateway_before(tmp_path, done, result=result) as (gateway, provider):
        response = await gateway.generate()

        assert code_of(response) == code
        assert (provider.count("GET /results/j1"), provider.count(STOP)) == (tries, 0)


async def test_a_stream_has_heartbeats_while_its_task_is_polled(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with gateway_before(tmp_path, gate, READY) as (gateway, _):
        body = {"model": "canvas", "prompt": "a red fox", "stream": True}
        async with (
            gateway.http() as http,
            http.stream("POST", "/v1/images/generations", json=body) as response,
        ):
            lines = response.aiter_lines()
            while not (await anext(lines)).startswith(":"):
                pass
            gate.set()
            events = [line async for line in lines if line.startswith("event:")]

        assert events == ["event: image_generation.completed"]


async def test_the_polls_of_a_call_are_one_call(tmp_path: Path) -> None:
    def calls() -> float:
        return metric(
            "tintype_provider_requests_total", provider="acme", model="canvas", outcome="success"
        )

    def polls(outcome: str) -> float:
        return metric("tintype_provider_polls_total", provider="acme", outcome=outcome)

    before, waited, done = calls(), polls("waiting"), polls("done")
    async with gateway_before(tmp_path, QUEUED, QUEUED, READY) as (gateway, _):
        await gateway.generate()
    assert (calls(), polls("waiting"), polls("done")) == (before + 1, waited + 2, done + 1)


async def test_time_in_our_own_queue_is_no_time_of_the_provider(tmp_path: Path) -> None:
    gate = asyncio.Event()
    pricing = {"type": "per_second", "usd": "0.01", "maxUsd": "10"}
    spec = {"pricing": pricing, "maxConcurrentCalls": 1}
    async with gateway_before(tmp_path, gate, READY, spec=spec) as (gateway, provider):
        first = asyncio.create_task(gateway.generate())
        await eventually(lambda: provider.count(POLL) == 1)
        second = asyncio.create_task(gateway.generate())
        await eventually(lambda: metric("tintype_slots_waiting", binding="canvas-openai") == 1)
        await asyncio.sleep(0.5)  # what the second call spends in the queue, and more
        freed = time.monotonic()
        gate.set()
        await first
        cost = int((await second).headers["Tintype-Cost-Micro-Credits"])
        seconds = time.monotonic() - freed

    assert cost <= (seconds + 0.001) * 0.01 * 16_000_000


@pytest.mark.parametrize("polls", [0, 1, 5, 10**6])
def test_pauses_grow_to_a_longest_one(polls: int) -> None:
    pauses = Pauses(first=0.5, longest=5.0)

    assert 0.5 <= pauses.before(polls) <= pauses.before(polls + 1) <= 5.0
