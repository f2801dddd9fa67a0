"""Calls to providers go only where they may."""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from tintype_catalog.addresses import Egress, Reach
from tintype_catalog.egress_policy import EgressPolicy
from tintype_gateway.dialects.registry import get_dialect
from tintype_gateway.upstream.egress import (
    ForbiddenAddressError,
    guarded_sockets,
)
from tintype_gateway.upstream.sessions import open_session
from tintype_gateway.upstream.transport import call
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.upstream import Timeouts, UpstreamRequest
from tintype_testing.builders import binding
from tintype_testing.gateway import canvas, running_gateway

DIALECTS = {"gemini": "google-predict", "bedrock": "bedrock-amazon"}

PUBLIC = [
    *("1.1.1.1", "104.18.6.192", "172.15.0.1", "172.32.0.1", "2606:4700::1", "::ffff:1.1.1.1"),
    *("8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.1", "169.253.0.1"),
    *("192.167.255.255", "192.169.0.1", "2a00:1450::1", "64:ff9b::8.8.8.8", "2002:808:808::"),
]
PRIVATE = [
    *("10.0.0.1", "10.96.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "fd00::1"),
    *("fc00::1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::", "100.64.0.1"),
    *("198.18.0.1", "192.0.2.1", "203.0.113.7", "2001:db8::1", "10.255.255.255", "172.20.10.2"),
    *("192.168.0.0", "192.168.255.255", "100.127.255.254", "fdff:ffff::1", "64:ff9b::c0a8:1"),
    *("2002:c0a8:101::1", "::ffff:192.168.1.1", "198.51.100.1"),
]
LOOPBACK = [
    *("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::"),
    *("127.255.255.255", "::ffff:7f00:1"),
]
FORBIDDEN = [
    *("169.254.169.254", "169.254.170.2", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"),
    *("2002:a9fe:a9fe::", "fe80::1", "fe80::1%eth0", "0.0.0.0", "::", "::ffff:0.0.0.0"),  # noqa: S104
    *("224.0.0.1", "239.255.255.250", "ff02::1", "255.255.255.255", "240.0.0.1", "0.1.2.3"),
    *("169.254.0.1", "169.254.169.123", "febf::1", "ff05::2", "::ffff:0:1"),
    # Metadata services that are not link-local: Azure, Alibaba, Oracle, AWS, Google, Scaleway.
    *("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23"),
    *("fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "::ffff:168.63.129.16"),
    *("64:ff9b::168.63.129.16", "2002:a83f:8110::", "64:ff9b::100.100.100.200"),
    # NAT64 of a network's own prefix, site-local, IPv4-compatible, IPv4-translated, ISATAP.
    *("64:ff9b:1::a9fe:a9fe", "64:ff9b:1:ffff::7f00:1", "fec0::1", "feff::1", "::127.0.0.1"),
    *("::8.8.8.8", "::a9fe:a9fe", "::2", "::ffff:0:127.0.0.1", "2001:db8::5efe:127.0.0.1"),
    *("2a00:1450::5efe:169.254.169.254", "2a00:1450::200:5efe:7f00:1", "fd00::5efe:10.0.0.1"),
    *("fe80::5efe:10.0.0.1", "100::1", "200::1", "5f00::1", "fb00::1"),
]

REACHES = [Reach.PUBLIC, Reach.NETWORK, Reach.PUBLIC | Reach.LOOPBACK, Reach.ANYWHERE]


@pytest.mark.parametrize("address", PUBLIC)
@pytest.mark.parametrize("reach", REACHES)
def test_the_internet_is_within_every_reach(address: str, reach: Reach) -> None:
    assert Egress(reach).allows(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_for_those_who_ask_for_them(address: str) -> None:
    assert not Egress(Reach.PUBLIC).allows(address)
    assert not Egress(Reach.PUBLIC | Reach.LOOPBACK).allows(address)
    assert Egress(Reach.NETWORK).allows(address)


@pytest.mark.parametrize("address", LOOPBACK)
def test_private_networks_do_not_include_this_machine(address: str) -> None:
    assert not Egress(Reach.PUBLIC).allows(address)
    assert not Egress(Reach.NETWORK).allows(address)
    assert Egress(Reach.PUBLIC | Reach.LOOPBACK).allows(address)


@pytest.mark.parametrize("address", FORBIDDEN)
@pytest.mark.parametrize("reach", REACHES)
def test_metadata_and_link_local_addresses_are_out_of_every_reach(
    address: str, reach: Reach
) -> None:
    assert not Egress(reach).allows(address)


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
    connector = aiohttp.TCPConnector(socket_factory=guarded_sockets(Egress(Reach.NETWORK)))
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
    with guarded_sockets(Egress(Reach.ANYWHERE))(info) as made:
        assert not made.getblocking()


def test_a_socket_for_a_forbidden_address_is_never_made() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("169.254.169.254", 80))
    with pytest.raises(ForbiddenAddressError, match=r"169\.254\.169\.254"):
        guarded_sockets(Egress(Reach.ANYWHERE))(info)


class Rebinding(AbstractResolver):
    """A name whose owner lets it mean this machine, after it was looked up by somebody else."""

    def __init__(self, *resolved: Sequence[str]) -> None:
        self._resolved = list(resolved)

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of this moment."""
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self._resolved.pop(0)
        ]

    @override
    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.2", "127.0.0.1"]])
async def test_a_name_is_judged_by_what_it_means_when_the_connection_is_made(
    addresses: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    upstream = UpstreamRequest("http://rebinding.example:80/", {}, b"")
    async with open_session(Egress(Reach.PUBLIC), Rebinding(addresses)) as session:
        with pytest.raises(UpstreamFault) as caught:
            await anext(call(upstream, get_dialect("openai-images"), session, Timeouts(5, 5, 5)))

    fault = caught.value
    assert (fault.kind, fault.message) == ("misconfigured", "its endpoint is not allowed")
    assert "TINTYPE_ALLOW_LOOPBACK_ENDPOINTS" in {
        getattr(record, "setting", None) for record in caplog.records
    }


@pytest.mark.parametrize(
    ("endpoint", "provider"),
    [
        ("http://127.0.0.1:9", "openai"),
        ("http://127.0.0.2:9/latest", "gemini"),
        ("http://[::1]:9", "bedrock"),
        ("http://localhost:9", "openai"),
    ],
)
async def test_a_client_learns_no_address_of_a_forbidden_endpoint(
    tmp_path: Path, endpoint: str, provider: str
) -> None:
    spec: dict[str, Any] = {"endpoint": endpoint, "provider": provider}
    if provider != "openai":
        spec |= {"regions": ["us-east-1"], "dialect": DIALECTS[provider]}
    running = running_gateway(tmp_path, *canvas(**spec), endpoints=Reach.NETWORK)
    async with running as gateway:
        response = await gateway.generate()

    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (503, "provider_unavailable")
    assert error["message"].endswith("its endpoint is not allowed")


def test_a_providers_own_host_may_be_a_private_address_and_an_endpoint_not() -> None:
    policy = EgressPolicy()
    assert policy.to_provider(binding()).allows("10.1.2.3")
    assert not policy.to_provider(binding(endpoint="https://proxy.example")).allows("10.1.2.3")


@pytest.mark.parametrize(
    "url", ["http://user@h/v1", "http://user:pass@h/v1", "http://", "http:///v1"]
)
async def test_an_endpoint_that_cannot_be_called_is_a_fault_of_its_binding(url: str) -> None:
    request = UpstreamRequest(url, {"Authorization": "Bearer key"}, b"")
    async with open_session(Egress(Reach.PUBLIC)) as session:
        with pytest.raises(UpstreamFault) as caught:
            await anext(call(request, get_dialect("openai-images"), session, Timeouts(5, 5, 5)))

    assert caught.value.kind == "misconfigured"
