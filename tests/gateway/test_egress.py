"""Calls to providers go only where they may."""

import socket

import aiohttp
import pytest
from aiohttp import web

from tintype_gateway.egress import ForbiddenAddressError, Reach, guarded_sockets, is_allowed

PUBLIC = ["1.1.1.1", "104.18.6.192", "172.15.0.1", "172.32.0.1", "2606:4700::1", "::ffff:1.1.1.1"]
PRIVATE = [
    *("10.0.0.1", "10.96.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "fd00::1"),
    *("fc00::1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::", "100.64.0.1"),
    *("198.18.0.1", "192.0.2.1", "203.0.113.7", "2001:db8::1"),
]
FORBIDDEN = [
    *("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::"),
    *("169.254.169.254", "169.254.170.2", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"),
    *("2002:a9fe:a9fe::", "fe80::1", "fe80::1%eth0", "0.0.0.0", "::", "::ffff:0.0.0.0"),  # noqa: S104
    *("224.0.0.1", "239.255.255.250", "ff02::1", "255.255.255.255"),
]


@pytest.mark.parametrize("address", PUBLIC)
@pytest.mark.parametrize("reach", Reach)
def test_the_internet_is_within_every_reach(address: str, reach: Reach) -> None:
    assert is_allowed(address, reach)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_for_a_providers_own_name_only(address: str) -> None:
    assert not is_allowed(address, Reach.PUBLIC)
    assert is_allowed(address, Reach.NETWORK)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_this_machine_and_its_metadata_are_out_of_reach(address: str) -> None:
    assert not is_allowed(address, Reach.PUBLIC)
    assert not is_allowed(address, Reach.NETWORK)
    assert is_allowed(address, Reach.ANYWHERE)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "0"),
        *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "127.0.0.1.", "LOCALHOST"),
    ],
)
async def test_no_spelling_of_this_machine_reaches_it(host: str) -> None:
    called = []

    async def serve(request: web.Request) -> web.Response:
        called.append(request)
        return web.Response()

    runner = web.ServerRunner(web.Server(serve))  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    connector = aiohttp.TCPConnector(socket_factory=guarded_sockets(Reach.NETWORK))
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            port = runner.addresses[0][1]
            with pytest.raises((aiohttp.ClientError, ValueError)):
                await session.get(f"http://{host}:{port}/")
    finally:
        await runner.cleanup()
    assert not called


def test_a_socket_is_made_for_an_address_that_is_allowed() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 80))
    with guarded_sockets(Reach.ANYWHERE)(info) as made:
        assert not made.getblocking()


def test_a_socket_for_a_forbidden_address_is_never_made() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("169.254.169.254", 80))
    with pytest.raises(ForbiddenAddressError, match=r"169\.254\.169\.254"):
        guarded_sockets(Reach.NETWORK)(info)
