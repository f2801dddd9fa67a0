"""Connections that a provider or a proxy resets, slows down or never ends."""

import tracemalloc
from pathlib import Path

import pytest

from tests.gateway.upstream.dialect_manifests import counted_as, gateway_before, is_refused
from tintype_gateway.values.upstream import ResponseLimits
from tintype_testing import faulty_server as faulty_server
from tintype_testing.faulty_server import Behavior, http_response, says
from tintype_testing.waiting import eventually

STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])

BROKEN: dict[str, Behavior] = {
    "it resets the connection before it reads": faulty_server.resets_before_the_request,
    "it resets the connection in its head": faulty_server.resets_in_the_head,
    "it resets the connection in its body": faulty_server.resets_in_the_body,
    "it speaks no HTTP": says(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "it speaks an HTTP of its own": says(b"HTTP/9.9 OK\r\n\r\n"),
    "it sends less than it promised": says(http_response(b"{}", length=3)),
    "it says two lengths": says(http_response(b"{}", "Content-Length: 50")),
    "its chunks have no length": says(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n{}\r\n0\r\n\r\n"
    ),
    "its chunks break off": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}"),
    "its head has no end": faulty_server.never_ends_its_head,
    "a header is longer than any": says(http_response(b"{}", f"X-Long: {'x' * 100_000}")),
    "its response is empty": says(http_response(b"")),
}
"""It is unknown whether the provider made the image."""


@STREAMED
@pytest.mark.parametrize("case", BROKEN)
async def test_a_connection_that_fails_is_an_unknown_outcome(
    tmp_path: Path, case: str, stream: bool
) -> None:
    async with gateway_before(tmp_path, BROKEN[case]) as (gateway, provider):
        with counted_as("outcome_unknown"):
            response = await gateway.generate(stream=stream)

        await is_refused(gateway, response, 503, "outcome_unknown")
        assert response.headers["x-should-retry"] == "false"
        assert provider.calls == 1


@STREAMED
@pytest.mark.parametrize("form", ["body", "stream"])
async def test_an_endless_response_is_aborted_and_the_connection_closed(
    tmp_path: Path, form: str, stream: bool
) -> None:
    behavior = {
        "body": faulty_server.never_ends_its_body,
        "stream": faulty_server.never_ends_its_stream,
    }[form]
    limits = ResponseLimits(response_bytes=1_000_000)
    async with gateway_before(tmp_path, behavior, limits) as (gateway, provider):
        with counted_as("outcome_unknown"):
            response = await gateway.generate(stream=stream)

        await is_refused(gateway, response, 503, "outcome_unknown")
        await eventually(lambda: provider.left == 1)


@STREAMED
@pytest.mark.parametrize(
    "behavior",
    [
        faulty_server.drips_its_head,
        faulty_server.drips_its_body,
        faulty_server.drips_its_stream,
        faulty_server.never_gets_to_the_point,
    ],
    ids=lambda behavior: behavior.__name__,
)
async def test_a_slow_response_ends_with_the_time_limit_of_the_binding(
    tmp_path: Path, behavior: Behavior, stream: bool
) -> None:
    async with gateway_before(tmp_path, behavior, timeoutSeconds=2) as (gateway, provider):
        with counted_as("timeout"):
            response = await gateway.generate(stream=stream)

        await is_refused(gateway, response, 503, "timeout")
        assert response.headers["x-should-retry"] == "false"
        await eventually(lambda: provider.left == 1)


@STREAMED
async def test_an_unrequested_compressed_response_is_never_decompressed(
    tmp_path: Path, stream: bool
) -> None:
    async with gateway_before(tmp_path, says(faulty_server.gzip_bomb(64))) as (gateway, _):
        tracemalloc.start()
        try:
            with counted_as("outcome_unknown"):
                response = await gateway.generate(stream=stream)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        await is_refused(gateway, response, 503, "outcome_unknown")
        assert peak_bytes < 16 * 2**20
