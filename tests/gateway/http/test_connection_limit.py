"""A gateway limits the number of its client connections."""

import asyncio
import resource
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.gateway.http.raw import Connection, connected
from tintype_gateway.http import drain as runner
from tintype_testing.gateway import Gateway, canvas, running_gateway
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually

ASKING = b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"


async def is_served(connection: Connection) -> bool:
    await connection.send(ASKING)
    return (await connection.response()).status == 401


def turned_away() -> float:
    return metric("tintype_http_connections_cut_total", reason="too_many")


def limited(folder: Path, most: int) -> AbstractAsyncContextManager[Gateway]:
    return running_gateway(folder, *canvas(), max_connections=most)


async def asks_anew(gateway: Gateway) -> bool:
    """Return whether there is room for a new connection."""
    async with connected(gateway) as connection:
        try:
            return await is_served(connection)
        except (ConnectionError, asyncio.IncompleteReadError):
            return False


async def test_one_too_many_is_closed_and_the_others_are_served(tmp_path: Path) -> None:
    before = turned_away()
    async with (
        limited(tmp_path, 2) as gateway,
        connected(gateway) as first,
        connected(gateway) as second,
    ):
        assert await is_served(first)
        assert await is_served(second)
        async with connected(gateway) as third:
            assert await third.rest() == b""

        assert turned_away() == before + 1
        assert await is_served(first)


async def test_a_closed_connection_makes_room(tmp_path: Path) -> None:
    async with limited(tmp_path, 1) as gateway:
        async with connected(gateway) as first:
            assert await is_served(first)
        await eventually(lambda: asks_anew(gateway))


async def test_the_probes_still_get_responses(tmp_path: Path) -> None:
    async with limited(tmp_path, 1) as gateway, connected(gateway) as first:
        assert await is_served(first)
        async with gateway.http() as http:
            assert (await http.get(f"{gateway.admin_url}/readyz")).status_code == 200


@pytest.mark.parametrize(("files", "room"), [(1024, 768), (10**6, 20_000), (-1, 20_000)])
def test_by_default_there_is_room_for_three_quarters_of_the_open_files(
    monkeypatch: pytest.MonkeyPatch, files: int, room: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))

    assert runner._room_for_connections() == room
