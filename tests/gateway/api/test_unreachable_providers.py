"""Providers that cannot be reached, that respond too late, or that send a Retry-After."""

from pathlib import Path

import pytest

from tests.gateway.api.test_provider_faults import unsettled
from tintype_gateway.upstream.credentials import Credentials
from tintype_gateway.upstream.retry import MAX_ATTEMPTS
from tintype_testing.cluster.processes import free_ports
from tintype_testing.gateway import CREDITS_MICRO, canvas, running_gateway


async def test_a_refused_connection_is_unavailable_and_retryable(
    tmp_path: Path,
) -> None:
    (port,) = free_ports(1)
    manifests = canvas(endpoint=f"http://127.0.0.1:{port}")
    async with running_gateway(tmp_path, *manifests) as gateway:
        response = await gateway.generate()

        assert response.status_code == 503
        assert response.json()["error"]["code"] == "provider_unavailable"
        assert response.headers["x-should-retry"] == "true"
        assert (await gateway.account()).balance == CREDITS_MICRO


async def test_a_provider_that_times_out_is_not_retried(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, *canvas(timeoutSeconds=1)) as gateway:
        await gateway.script({"hang": True})
        before = unsettled("timeout")

        response = await gateway.generate()

        assert response.status_code == 503
        assert response.json()["error"]["code"] == "timeout"
        assert response.headers["x-should-retry"] == "false"
        assert unsettled("timeout") == before + 1
        assert (await gateway.account()).balance == CREDITS_MICRO


@pytest.mark.parametrize(
    ("headers", "passed_on"),
    [
        ({"retry-after": "70"}, "70"),
        ({"retry-after-ms": "11200"}, "12"),
        (
            {
                "date": "Fri, 20 Nov 2026 12:00:00 GMT",
                "retry-after": "Fri, 20 Nov 2026 12:00:30 GMT",
            },
            "30",
        ),
        ({"retry-after": "soon"}, None),
    ],
)
async def test_when_to_come_again_is_passed_on_in_whole_seconds(
    tmp_path: Path, headers: dict[str, str], passed_on: str | None
) -> None:
    async with running_gateway(tmp_path, *canvas()) as gateway:
        await gateway.script(*[{"error": "openai/slow_down", "headers": headers}] * MAX_ATTEMPTS)

        response = await gateway.generate()

    assert response.status_code == 503
    assert response.headers.get("Retry-After") == passed_on


async def test_messages_about_the_gateways_account_are_not_passed_on(tmp_path: Path) -> None:
    message = "Incorrect API key provided: sk-upstream-12345"
    async with running_gateway(tmp_path, *canvas()) as gateway:
        await gateway.script({"status": 401, "body": {"error": {"message": message}}})

        response = await gateway.generate()

    assert "sk-upstream" not in response.text


async def test_a_message_of_the_provider_about_the_request_is_passed_on(tmp_path: Path) -> None:
    error = {"message": "Invalid size.", "code": "invalid_value", "param": "size"}
    async with running_gateway(tmp_path, *canvas()) as gateway:
        await gateway.script({"status": 400, "body": {"error": error}})

        response = await gateway.generate()

    assert response.status_code == 400
    assert "Invalid size." in response.json()["error"]["message"]


async def test_without_credentials_the_error_names_the_binding_and_no_call_is_made(
    tmp_path: Path,
) -> None:
    async with running_gateway(tmp_path, *canvas(), credentials=Credentials()) as gateway:
        response = await gateway.generate()

        assert response.status_code == 503
        assert "canvas-openai" in response.json()["error"]["message"]
        assert response.headers["x-should-retry"] == "false"
        assert await gateway.upstream_calls() == []


@pytest.mark.parametrize("file", ["openai.aws-bearer-token", "openai.api-key"])
async def test_credentials_of_no_use_are_an_unavailable_provider(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_bytes(b"\xff\xfe" if file.endswith("api-key") else b"token")
    credentials = Credentials()
    await credentials.load_folder(tmp_path)
    async with running_gateway(tmp_path, *canvas(), credentials=credentials) as gateway:
        response = await gateway.generate()

        assert response.status_code == 503
        assert await gateway.upstream_calls() == []
