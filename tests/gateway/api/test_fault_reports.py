"""The provider's cause of a failed call is one line in the log, and never tells a secret."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.upstream.dialect_manifests import DIALECTS, speaking
from tintype_catalog.catalog import Binding
from tintype_gateway.upstream.retry import Retrier, RetryBudget
from tintype_testing.faulty_server import Behavior, Call, faulty_server, http_response
from tintype_testing.gateway import canvas, running_gateway
from tintype_testing.metrics import metric

PROMPT = 'a heron made of "copper wire",\nwaiting beside the 7th canal'
SECRETS = {
    "api-key": "sk-proj-Zq81xhTTwPd0",
    "aws-access-key-id": "AKIAQ7PLANTED0000001",
    "aws-secret-access-key": "wJalrXUtnFEMI-K7MDENG-bPxRfiCY",
    "aws-session-token": "session.of.the.gateway.itself",
}
TENANT = "tenant-8f3Kd92hQ"
LEAKS = ("copper", "heron", "canal", "Zq81xh", "Q7PLANTED", "wJalrX", "of.the.gateway", "8f3Kd92")

IDS = {"bedrock": "x-amzn-requestid"}
"""The header with a provider's own id of a call, where it is not the usual one."""

ID = "req_0f8a2c4e6b1d3f5a7c9e0b2d4f6a8c1e"


class Credentials:
    """The same credentials for every binding."""

    async def read(self, binding: Binding) -> Mapping[str, str]:
        """Return them."""
        return SECRETS

    def headers(self, binding: Binding) -> Mapping[str, str]:
        """Return one, which a binding of any dialect has here."""
        return {"X-Tenant": TENANT}


def envelope(dialect: str, status: int, name: str, message: str) -> tuple[bytes, list[str]]:
    """Return the body and the headers of an error as the provider of a dialect writes it."""
    provider = DIALECTS[dialect]
    headers = [f"{IDS.get(provider, 'x-request-id')}: {ID}"]
    if provider == "bedrock":
        return json.dumps({"message": message}).encode(), [*headers, f"x-amzn-errortype: {name}"]
    if provider == "bfl":
        return json.dumps({"detail": message}).encode(), headers
    if provider == "xai":
        return json.dumps({"code": name, "error": message}).encode(), headers
    error: dict[str, Any] = {"message": message, "param": None}
    error |= {"type": "x", "code": name} if provider == "openai" else {"status": name, "code": 1}
    return json.dumps({"error": error}).encode(), headers


def quoting(dialect: str, status: int, name: str, words: str) -> Behavior:
    """Return the behavior of a provider whose errors quote all that it knows of the caller."""

    async def quote(call: Call) -> None:
        head = (await call.reader.readuntil(b"\r\n\r\n")).decode()
        length = head.lower().partition("content-length:")[2].partition("\r\n")[0]
        asked = (await call.reader.readexactly(int(length))).decode()
        secrets = " ".join(f"{key}={value}" for key, value in SECRETS.items())
        message = f"{words} {PROMPT} {PROMPT[:20]} {secrets} {head} {asked}"
        body, headers = envelope(dialect, status, name, message)
        await call.send(http_response(body, *headers, status=f"{status} No"))

    return quote


async def reports(
    folder: Path, caplog: pytest.LogCaptureFixture, dialect: str, behavior: Behavior
) -> tuple[dict[str, Any], str]:
    """Return the one line of a request that failed, and its request id."""
    caplog.set_level(logging.DEBUG)
    async with faulty_server(behavior) as provider:
        manifests = canvas(endpoint=provider.url, upstreamModel="gpt-image-2", **speaking(dialect))
        no_retries = Retrier(budget=RetryBudget(per_call=0, savings=0))
        async with running_gateway(
            folder, *manifests, credentials=Credentials(), retrier=no_retries
        ) as gateway:
            response = await gateway.generate(prompt=PROMPT)
    records = [
        each for each in caplog.records if each.name == "tintype_gateway.upstream.fault_reports"
    ]
    (line,) = [vars(each) for each in records]
    return line, response.headers["x-request-id"]


NAMES = {
    "openai": {
        401: "invalid_api_key",
        404: "model_not_found",
        429: "rate_limit_exceeded",
        500: "server_error",
        503: "overloaded",
    },
    "bedrock": {
        401: "AccessDeniedException",
        404: "ResourceNotFoundException",
        429: "ServiceQuotaExceededException",
        500: "InternalServerException",
        503: "ServiceUnavailableException",
    },
    "gemini": {
        401: "UNAUTHENTICATED",
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
        500: "INTERNAL",
        503: "UNAVAILABLE",
    },
    "xai": {
        401: "unauthenticated:bad-credentials",
        404: "not-found",
        429: "resource-exhausted",
        500: "internal",
        503: "unavailable",
    },
    "bfl": dict.fromkeys((401, 404, 429, 500, 503), ""),  # its errors have no names
}
KINDS = {
    401: "unauthorized",
    404: "misconfigured",
    429: "throttled",
    500: "outcome_unknown",
    503: "unavailable",
}


@pytest.mark.parametrize("status", KINDS)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_fault_of_the_platform_is_reported_with_its_cause_and_without_secrets(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    dialect: str,
    status: int,
) -> None:
    name = NAMES[DIALECTS[dialect]][status]
    behavior = quoting(dialect, status, name, "Organization unverified:")

    line, request_id = await reports(tmp_path, caplog, dialect, behavior)

    assert line["request_id"] == request_id
    assert (line["provider"], line["fault"]) == (DIALECTS[dialect], KINDS[status])
    assert (line["upstream_status"], line.get("upstream_error", "")) == (status, name)
    assert line["upstream_request_id"] == ID
    assert line["cause"].startswith("Organization unverified:")
    assert len(line["cause"]) <= 300
    everything = json.dumps([vars(record) for record in caplog.records], default=str)
    assert [leak for leak in LEAKS if leak in everything] == []


REFUSALS = {
    "openai-images": [(400, "moderation_blocked", "refused"), (400, "invalid_value", "invalid")],
    "bedrock-amazon": [(400, "ValidationException", "invalid")],
    "bedrock-stability": [(400, "ValidationException", "invalid")],
    "google-predict": [(400, "INVALID_ARGUMENT", "invalid")],
    "google-generate-content": [(400, "INVALID_ARGUMENT", "invalid")],
    "xai-images": [(400, "invalid-argument", "invalid"), (422, "invalid-argument", "invalid")],
}


@pytest.mark.parametrize(
    ("dialect", "status", "name", "kind"),
    [(dialect, *row) for dialect, rows in REFUSALS.items() for row in rows],
)
async def test_a_fault_of_the_request_is_reported_without_the_providers_message(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    dialect: str,
    status: int,
    name: str,
    kind: str,
) -> None:
    behavior = quoting(dialect, status, name, "Refused for its words:")

    line, request_id = await reports(tmp_path, caplog, dialect, behavior)

    assert (line["request_id"], line["fault"]) == (request_id, kind)
    assert (line["upstream_error"], line["upstream_request_id"]) == (name, ID)
    assert "cause" not in line
    everything = json.dumps([vars(record) for record in caplog.records], default=str)
    assert [leak for leak in (*LEAKS, "Refused for") if leak in everything] == []


async def test_a_name_that_quotes_the_request_is_not_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    behavior = quoting("openai-images", 500, f"{PROMPT} {SECRETS['api-key']}", "Failed:")

    line, _ = await reports(tmp_path, caplog, "openai-images", behavior)

    assert [leak for leak in LEAKS if leak in line["upstream_error"]] == []


async def test_a_provider_without_a_response_is_reported_as_well(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def hangs_up(call: Call) -> None:
        await call.request()

    line, _ = await reports(tmp_path, caplog, "openai-images", hangs_up)

    assert line["fault"] == "outcome_unknown"
    assert "closed the connection" in line["cause"]
    assert "upstream_status" not in line


async def test_an_endpoint_with_the_path_of_its_dialect_is_a_mistake_of_the_catalog(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    labels = {"provider": "openai", "binding": "canvas-openai"}
    before = metric("tintype_misconfigured_calls_total", **labels)
    async with faulty_server(quoting("openai-images", 404, "x", "Invalid URL")) as provider:
        manifests = canvas(endpoint=f"{provider.url}/v1")
        async with running_gateway(tmp_path, *manifests) as gateway:
            response = await gateway.generate()

    assert response.json()["error"]["code"] == "provider_unavailable"
    assert response.headers["x-should-retry"] == "false"
    assert provider.calls == 1
    assert metric("tintype_misconfigured_calls_total", **labels) == before + 1
