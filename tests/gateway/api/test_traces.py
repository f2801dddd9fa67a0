"""What a collector gets of a request: one span for each stage, and never a prompt unasked."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from aiohttp import web

from tests.gateway.api.test_provider_faults import LATER
from tests.gateway.webhooks.support import secret, secrets_file
from tintype_simulator.app import running
from tintype_testing.gateway import canvas, towards
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.http import http_client
from tintype_testing.simulators import requests_received, script
from tintype_testing.trace_collector import (
    CLIENT,
    CONSUMER,
    ERROR,
    SERVER,
    Collector,
    Span,
    running_collector,
)
from tintype_testing.waiting import eventually
from tintype_testing.webhook_receiver import receiving

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}

PROMPT = "a planted fox"
REQUEST = "POST /v1/images/generations"
JOB = "job image_generation"
CALL = "image_generation dall-e-2"

STAGES = ("authenticate", "validate", "resolve", "adapt", "hold", "translate", "settle", "respond")
"""Those beside the call and what is in it."""


@dataclass
class Traced:
    """A gateway that sends its traces, and what stands around it."""

    gateway: GatewayProcess
    collector: Collector
    simulator: str

    async def ask(self, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        """Ask for an image, and wait until its trace has arrived."""
        key = {"Authorization": f"Bearer {self.gateway.demo_key}"}
        async with http_client(self.gateway.url, headers=key) as http:
            body = {"model": "canvas", "prompt": PROMPT}
            response = await http.post("/v1/images/generations", json=body, headers=headers)
        await eventually(lambda: self.collector.has(REQUEST))
        return response


@asynccontextmanager
async def traced(
    folder: Path, binding: Mapping[str, Any] | None = None, /, **environ: str
) -> AsyncIterator[Traced]:
    """Run a gateway whose traces go to a collector, with these fields of its binding."""
    manifests = folder / "manifests"
    manifests.mkdir()
    (folder / "openai.api-key").write_text("sk-upstream")
    flags = ("--catalog-dir", manifests, "--credentials-dir", folder, "--demo")
    async with running_collector() as collector, running() as simulator:
        for manifest in canvas(**binding or {}):
            path = manifests / f"{manifest['kind']}.yaml"
            path.write_text(json.dumps(towards(manifest, simulator)))
        own = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "120",  # after the usual 10 s spans would come twice
            "TINTYPE_ALLOW_LOOPBACK_ENDPOINTS": "true",
        }
        with running_process(folder, *flags, environ=own | environ) as gateway:
            yield Traced(gateway, collector, simulator)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Traced]:
    async with traced(tmp_path_factory.mktemp("traced")) as run:
        yield run


@pytest_asyncio.fixture(loop_scope="module")
async def run(shared: Traced) -> Traced:
    """A traced gateway, of which nothing has been asked yet that a test can see."""
    async with http_client(shared.simulator) as http:
        await http.delete("/_simulator/requests")
    shared.collector.forget()
    return shared


async def test_every_stage_is_a_span_of_the_request(run: Traced) -> None:
    response = await run.ask()

    assert response.status_code == 200
    request = run.collector.named(REQUEST)
    assert request.kind == SERVER
    for stage in STAGES:
        span = run.collector.named(stage)
        assert (span.trace, span.parent) == (request.trace, request.own)
        assert span.attributes == {"tintype.stage": stage}
    call = run.collector.named(CALL)
    assert (call.trace, call.parent, call.kind) == (request.trace, request.own, CLIENT)


async def test_a_question_to_the_policy_service_is_a_span_that_goes_on_there(
    tmp_path: Path,
) -> None:
    parents = []

    async def allow(request: web.Request) -> web.Response:
        parents.append(request.headers["traceparent"])
        return web.json_response({"verdict": "allow"})

    async with receiving(secret()) as policy:
        policy.respond = allow
        environ = {
            "TINTYPE_GUARDRAIL_URL": policy.url,
            "TINTYPE_GUARDRAIL_SECRETS_FILE": str(secrets_file(tmp_path, 1)),
            "TINTYPE_GUARDRAIL_OUTPUT_IMAGES": "sha256",
        }
        async with traced(tmp_path, **environ) as run:
            await run.ask()
            request = run.collector.named(REQUEST)
            spans = [span for span in run.collector.spans if span.name == "guardrail"]

    assert [span.parent for span in spans] == [request.own] * 2
    assert [each.rsplit("-", 1)[0] for each in parents] == [
        f"00-{request.trace}-{span.own}" for span in spans
    ]


async def test_a_job_has_a_trace_of_its_own_that_links_to_its_submission(run: Traced) -> None:
    response = await run.ask({**TRACEPARENT, "Prefer": "respond-async, wait=60"})
    await eventually(lambda: run.collector.has(JOB))

    assert response.status_code == 200
    submission, job = run.collector.named(REQUEST), run.collector.named(JOB)
    assert (submission.trace, job.kind) == (TRACE, CONSUMER)
    assert job.trace != TRACE
    assert job.links == ((TRACE, submission.own),)
    assert job.attributes["tintype.job"].startswith("job_")
    call = run.collector.named(CALL)
    assert call.trace == job.trace
    assert PROMPT.encode() not in run.collector.raw


async def test_a_request_is_named_by_its_route_and_tells_how_it_ended(run: Traced) -> None:
    response = await run.ask()

    assert run.collector.named(REQUEST).attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/images/generations",
        "http.response.status_code": 200,
        "tintype.request_id": response.headers["x-request-id"],
    }
    assert run.collector.resource["service.name"] == "tintype-gateway"


async def test_a_call_has_the_attributes_of_the_conventions(run: Traced) -> None:
    await run.ask()

    attributes = run.collector.named(CALL).attributes
    assert attributes.pop("tintype.route") == "openai/global/canvas-openai"
    assert attributes == {
        "tintype.stage": "call",
        "tintype.model": "canvas",
        "gen_ai.operation.name": "image_generation",
        "gen_ai.output.type": "image",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "dall-e-2",
        "gen_ai.request.choice.count": 1,
        "server.address": "127.0.0.1",
    }


async def test_a_wait_for_a_slot_is_a_span_with_the_position_that_the_call_found(
    tmp_path: Path,
) -> None:
    async with traced(tmp_path, {"maxConcurrentCalls": 1}) as run:
        await script(run.simulator, {"delay_seconds": 3})
        await asyncio.gather(run.ask(), run.ask())
        await eventually(lambda: len(run.collector.all_named("queue")) == 2)

        found = [span.attributes for span in run.collector.all_named("queue")]
        assert {"tintype.stage": "queue"} in found
        assert {"tintype.stage": "queue", "tintype.queue_position": 1} in found


async def test_a_trace_that_a_client_began_goes_on_and_reaches_the_provider(run: Traced) -> None:
    await run.ask(headers=TRACEPARENT | {"baggage": "customer=secret"})

    request = run.collector.named(REQUEST)
    assert (request.trace, request.parent) == (TRACE, PARENT)
    [received] = await requests_received(run.simulator)
    headers = received["headers"]
    assert isinstance(headers, dict)
    assert headers["traceparent"] == f"00-{TRACE}-{run.collector.named(CALL).own}-01"
    assert "baggage" not in headers


async def test_the_access_log_names_the_trace(run: Traced) -> None:
    response = await run.ask(headers=TRACEPARENT)

    line = await run.gateway.access_line(response.headers["x-request-id"])
    assert line["trace_id"] == TRACE


async def test_openmetrics_has_exemplars_with_the_trace(run: Traced) -> None:
    await run.ask(headers=TRACEPARENT)

    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with http_client(run.gateway.admin_url, headers=accept) as http:
        text = (await http.get("/metrics")).text
    linked = {line.partition("{")[0] for line in text.splitlines() if TRACE in line}
    assert linked == {
        "gen_ai_client_operation_duration_seconds_bucket",
        "tintype_gateway_overhead_seconds_bucket",
        "tintype_provider_request_duration_seconds_bucket",
    }


async def test_a_span_has_the_kind_of_a_failure_and_never_its_message(tmp_path: Path) -> None:
    async with traced(tmp_path) as run:
        error = {"message": f"{PROMPT}: no", "type": "server_error", "code": "overloaded"}
        await script(run.simulator, {"status": 503, "body": {"error": error}, **LATER})
        await run.ask()

        call, request = run.collector.named(CALL), run.collector.named(REQUEST)
        assert (call.attributes["error.type"], call.status) == ("unavailable", ERROR)
        assert call.attributes["http.response.status_code"] == 503
        assert call.attributes["tintype.upstream_error"] == "overloaded"
        assert call.attributes["tintype.cause"] == "[removed]: no"
        assert (request.attributes["error.type"], request.status) == ("503", ERROR)
        assert [span.events for span in run.collector.spans if span.events] == []
        assert PROMPT.encode() not in run.collector.raw


async def test_the_span_of_a_refusing_stage_has_the_error_code(run: Traced) -> None:
    key = {"Authorization": f"Bearer {run.gateway.demo_key}"}
    async with http_client(run.gateway.url, headers=key) as http:
        await http.post("/v1/images/generations", json={"model": PROMPT, "prompt": "a fox"})
    await eventually(lambda: run.collector.has(REQUEST))

    resolve = run.collector.named("resolve")
    assert (resolve.attributes["error.type"], resolve.status) == ("model_not_found", ERROR)
    assert run.collector.named(REQUEST).status != ERROR
    assert PROMPT.encode() not in run.collector.raw


async def test_no_prompt_and_no_key_leaves_the_gateway(run: Traced) -> None:
    await run.ask()

    assert PROMPT.encode() not in run.collector.raw
    assert run.gateway.demo_key.encode() not in run.collector.raw
    assert b"sk-upstream" not in run.collector.raw


async def test_a_prompt_is_a_message_where_it_is_asked_for(tmp_path: Path) -> None:
    capture = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
    async with traced(tmp_path, **capture) as run:
        await run.ask()

        messages = json.loads(run.collector.named(CALL).attributes["gen_ai.input.messages"])
        assert messages == [{"role": "user", "parts": [{"type": "text", "content": PROMPT}]}]


async def test_the_last_spans_are_sent_before_the_end(tmp_path: Path) -> None:
    async with traced(tmp_path, OTEL_BSP_SCHEDULE_DELAY="60000") as run:
        key = {"Authorization": f"Bearer {run.gateway.demo_key}"}
        async with http_client(run.gateway.url, headers=key) as http:
            await http.get("/v1/models")
        run.gateway.process.popen.terminate()

        await eventually(lambda: run.collector.has("GET /v1/models"))


async def test_the_service_name_of_the_environment_counts(tmp_path: Path) -> None:
    async with traced(tmp_path, OTEL_SERVICE_NAME="images") as run:
        await run.ask()

        assert run.collector.resource["service.name"] == "images"


async def test_an_unavailable_collector_does_not_affect_requests(tmp_path: Path) -> None:
    async with traced(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9") as run:
        key = {"Authorization": f"Bearer {run.gateway.demo_key}"}
        async with http_client(run.gateway.url, headers=key) as http:
            body = {"model": "canvas", "prompt": PROMPT}
            response = await http.post("/v1/images/generations", json=body)

        assert response.status_code == 200


def spans_of(collector: Collector, name: str) -> list[Span]:
    return [span for span in collector.spans if span.name == name]


async def test_images_that_are_fanned_out_have_a_span_for_each_call(run: Traced) -> None:
    key = {"Authorization": f"Bearer {run.gateway.demo_key}"}
    async with http_client(run.gateway.url, headers=key) as http:
        body = {"model": "canvas", "prompt": PROMPT, "n": 3}
        await http.post("/v1/images/generations", json=body)
    await eventually(lambda: run.collector.has(REQUEST))

    assert len(spans_of(run.collector, CALL)) == 3
