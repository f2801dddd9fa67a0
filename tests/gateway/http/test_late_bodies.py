"""A body that has arrived when its time is over, after a pause of the process, is accepted."""

import asyncio
import time
from unittest.mock import Mock

import pytest
from aiohttp import StreamReader
from aiohttp.test_utils import make_mocked_request

from tintype_gateway.errors import RequestTimeoutError
from tintype_gateway.http.bodies.json import read_json_body
from tintype_gateway.http.connection_limits import BodyPace
from tintype_gateway.values.content import JsonBody


@pytest.mark.parametrize("complete", [True, False])
async def test_only_an_incomplete_body_is_too_slow(complete: bool) -> None:
    loop = asyncio.get_running_loop()
    payload = StreamReader(Mock(_reading_paused=False), 2**16, loop=loop)
    headers = {"Content-Type": "application/json"}
    request = make_mocked_request("POST", "/", headers, payload=payload, client_max_size=100)
    reading = asyncio.create_task(read_json_body(request, BodyPace(grace_seconds=0.01)))
    await asyncio.sleep(0)

    loop.call_soon(payload.feed_data, b"{}")
    if complete:
        loop.call_soon(payload.feed_eof)
    time.sleep(0.05)  # noqa: ASYNC251 - the process gets no CPU time

    if complete:
        assert await reading == JsonBody(b"{}")
    else:
        with pytest.raises(RequestTimeoutError):
            await reading
