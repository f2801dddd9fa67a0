"""What the access log says of a request, and what a client can make it say."""

import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tintype_logging.logs import JsonFormatter
from tintype_testing.gateway import Gateway, canvas, running_gateway
from tintype_testing.waiting import eventually

NASTY = (
    "\n",
    "\r\n",
    "\x00",
    "\x1b[2J",
    "\x85",
    "\u2028",
    "\u2029",
    "\u202e",
    '"}\n{"level": "error"',
    "\U0001f600",
)
"""What ends a line, begins one, or moves a cursor, somewhere."""


@pytest.fixture(autouse=True)
def _info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tintype.access")


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the access log as a process writes it."""
    records = [record for record in caplog.records if record.name == "tintype.access"]
    return [JsonFormatter().format(record) for record in records]


async def only_line(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """Return the line of the only request, which is written just after its response."""
    await eventually(lambda: bool(lines(caplog)))
    (line,) = lines(caplog)
    found: dict[str, Any] = json.loads(line)
    return found


HTTP_FIELDS = [
    *("time", "level", "logger", "message", "status", "request_id", "method", "route"),
    *("seconds", "provider_seconds", "overhead_seconds", "request_bytes"),
]

PLAN_FIELDS = [
    *("account", "key", "profile", "model", "provider", "region", "binding"),
    *("images", "stream", "adjustments", "user"),
]


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, [*HTTP_FIELDS, *PLAN_FIELDS, "cost_micro_credits", "bytes", "attempts"]),
        ({"stream": True}, [*HTTP_FIELDS, *PLAN_FIELDS, "cost_micro_credits", "bytes", "attempts"]),
        (
            {"prompt": "a forbidden fox"},
            [*HTTP_FIELDS, *PLAN_FIELDS, "error", "bytes", "attempts"],
        ),
        ({"n": 0}, [*HTTP_FIELDS, "account", "key", "profile", "error", "bytes"]),
    ],
)
async def test_the_fields_of_a_line_have_one_order(
    fields: dict[str, Any], names: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        await gateway.generate(**fields)
        line = await only_line(caplog)

    assert list(line) == names


async def test_a_line_has_account_model_provider_durations_and_charge(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        response = await gateway.generate(style="vivid", user="pupil-7")
        line = await only_line(caplog)

    seen = {name: line[name] for name in ("status", "account", "model", "provider", "region")}
    assert seen == {
        "status": 200,
        "account": "studio",
        "model": "canvas",
        "provider": "openai",
        "region": "global",
    }
    assert line["request_id"] == response.headers["x-request-id"]
    assert line["cost_micro_credits"] == 640_000
    assert line["adjustments"] == ["style=stripped"]
    assert line["bytes"] == len(response.content)
    assert line["request_bytes"] == len(response.request.content)
    assert 0 < line["provider_seconds"] < line["seconds"]
    rest = line["seconds"] - line["provider_seconds"]
    assert line["overhead_seconds"] == pytest.approx(rest, abs=2e-6)  # each is rounded by itself
    assert line["attempts"] == 1


async def test_the_log_line_of_an_error_has_the_size_of_its_response(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        response = await gateway.generate(n=99)
        line = await only_line(caplog)

    assert (line["level"], line["status"], line["error"]) == ("warning", 422, "invalid_value")
    assert line["bytes"] == len(response.content)
    assert line["provider_seconds"] == 0


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
async def test_nothing_in_a_body_can_forge_a_line(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, nasty: str
) -> None:
    user = f"before{nasty}after"
    await gateway.generate(model="gpt-image-1-mini", size="1024x1024", quality="low", user=user)

    line = await only_line(caplog)
    assert all(text.isascii() and text.isprintable() for text in lines(caplog))
    assert line["user"] == user


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
async def test_nothing_in_a_path_or_a_model_can_forge_a_line(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, nasty: str
) -> None:
    async with gateway.http() as http:
        await http.get(f"/{quote(nasty)}", params={"a": nasty})
        await http.get(f"/v1/models/{quote(nasty)}")
        await http.post("/v1/images/generations", json={"model": nasty, "prompt": "a fox"})

    await eventually(lambda: len(lines(caplog)) == 3)
    assert all(text.isascii() and text.isprintable() for text in lines(caplog))
    assert {json.loads(text)["status"] for text in lines(caplog)} <= {400, 404, 422}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(("Prefer", "X-Quantized-Provider", "Idempotency-Key")),
    value=st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f")),
)
async def test_nothing_in_a_header_can_forge_a_line(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, name: str, value: str
) -> None:
    caplog.clear()
    headers = {name.encode(): f"x{value}x".encode("latin-1")}
    async with gateway.http() as http:
        await http.post("/v1/images/generations", json={"model": "none"}, headers=headers)

    await eventually(lambda: bool(lines(caplog)))
    assert all(text.isascii() and text.isprintable() for text in lines(caplog))
