"""No bytes on a connection cause a 500."""

import logging
import re

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.http.raw import connected, request
from tintype_gateway.http.drain import create_runner
from tintype_testing.gateway import Gateway
from tintype_testing.http import http_client

BODY = b'{"prompt": 5, "size": 7}'
MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.integers(0, 20),
        st.binary(max_size=20)
        | st.sampled_from(
            (b"\r\n", b"\n", b"\0", b"chunked", b"0\r\n\r\n", b": ", b"Content-Length: ")
        ),
    ),
    min_size=1,
    max_size=5,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(mutations=MUTATIONS)
async def test_a_damaged_request_is_never_a_500(
    gateway: Gateway, mutations: list[tuple[int, int, bytes]]
) -> None:
    content = request(gateway, BODY)
    for start, length, replacement in mutations:
        content = content[:start] + replacement + content[start + length :]
    async with connected(gateway) as connection:
        await connection.send(content)
        connection.writer.write_eof()
        responses = await connection.rest()

    assert {int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", responses)} <= CLIENTS_ERRORS


CLIENTS_ERRORS = {100, *range(400, 500)}
"""What the request above can get, whose body is at fault however it is framed."""


async def test_a_defect_is_a_500_without_details(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(asked: web.Request) -> web.Response:
        raise RuntimeError(f"secret of {asked.path}")

    app = web.Application()
    app.router.add_get("/", fail)
    runner = create_runner(app, drain_seconds=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with http_client(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
        response = await http.get("/")
    await runner.cleanup()

    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal_error"
    assert "secret" not in response.text
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == [
        "unexpected error"
    ]
