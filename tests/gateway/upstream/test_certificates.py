"""Providers that cannot prove who they are get nothing: not the prompt, and not our credentials."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.upstream.dialect_manifests import counted_as, gateway_before, is_refused
from tintype_testing.certificates import self_signed
from tintype_testing.faulty_server import Call, FaultyProvider, faulty_server, http_response, says

CERTIFICATES = {
    "self-signed": "-addext subjectAltName=IP:127.0.0.1",
    "of another host": "-addext subjectAltName=DNS:provider.example",
}


@pytest.fixture(params=CERTIFICATES)
async def impostor(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FaultyProvider]:
    tls = await self_signed(tmp_path, CERTIFICATES[request.param])
    async with faulty_server(says(http_response(b"{}")), tls) as provider:
        yield provider


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_a_certificate_that_fails_ends_the_call_before_anything_is_sent(
    tmp_path: Path, impostor: FaultyProvider, stream: bool
) -> None:
    async with gateway_before(tmp_path, says(b""), endpoint=impostor.url) as (gateway, _):
        with counted_as("unavailable"):
            response = await gateway.generate(stream=stream)

        await is_refused(gateway, response, 503, "provider_unavailable")
    assert impostor.calls == 0


async def responds_in_plain_text(call: Call) -> None:
    """Respond in plain text to a TLS handshake, as HTTP servers do."""
    await call.reader.readexactly(1)
    await call.send(http_response(b"", status="400 Bad Request"))


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_a_provider_without_tls_where_tls_is_asked_for_is_not_spoken_to(
    tmp_path: Path, stream: bool
) -> None:
    async with faulty_server(responds_in_plain_text) as plain:
        endpoint = plain.url.replace("http:", "https:")
        async with gateway_before(tmp_path, says(b""), endpoint=endpoint) as (gateway, _):
            with counted_as("unavailable"):
                response = await gateway.generate(stream=stream)

            await is_refused(gateway, response, 503, "provider_unavailable")
