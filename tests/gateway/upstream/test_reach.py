"""Calls to servers with a private authority, with a client certificate, and through a proxy."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tintype_catalog.addresses import Reach
from tintype_catalog.catalog import Binding
from tintype_catalog.egress_policy import EgressPolicy
from tintype_catalog.private_networks import read_private_networks
from tintype_gateway.dialects.registry import get_dialect
from tintype_gateway.upstream.credentials import Credentials
from tintype_gateway.upstream.sessions import MAX_SESSIONS, Sessions, open_sessions
from tintype_gateway.upstream.tls import TlsFiles
from tintype_gateway.upstream.transport import call
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult
from tintype_gateway.values.upstream import Timeouts, UpstreamRequest
from tintype_testing.builders import binding
from tintype_testing.certificates import Authority, Certificate, authority
from tintype_testing.connect_proxy import ConnectProxy, connect_proxy
from tintype_testing.sample_images import sample_image

ANYWHERE = EgressPolicy(Reach.ANYWHERE)
BUNDLE: dict[str, Any] = {"caBundle": {"configMapRef": {"name": "cluster-ca"}}}
BUNDLE_FILE = "configmap_cluster-ca_ca.crt"
IDENTITY: dict[str, Any] = {"clientCertificate": {"secretRef": {"name": "gateway"}}}
NAME = "gpu.example.com"


@dataclass
class Server:
    """An image server, which remembers the certificates of its clients."""

    port: int = 0
    peers: list[str] = field(default_factory=list)
    """The common name of each call's client, empty without a certificate."""

    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while a call waits for `released`."""

    released: asyncio.Event | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    async def respond(self, request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        shown = request.transport.get_extra_info("peercert") or {}
        names = dict(pair for part in shown.get("subject", ()) for pair in part)
        self.peers.append(names.get("commonName", ""))
        if self.released is not None:
            self.waiting.set()
            await self.released.wait()
        image = sample_image("png").decode()
        return web.json_response({"created": 1, "data": [{"b64_json": image}]})


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None) -> AsyncIterator[Server]:
    server = Server()
    runner = web.ServerRunner(web.Server(server.respond))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        server.port = runner.addresses[0][1]
        yield server
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("theirs"))


@pytest.fixture
async def secure(ours: Authority) -> AsyncIterator[Server]:
    async with serving(ours.server("IP:127.0.0.1", f"DNS:{NAME}")) as server:
        yield server


@pytest.fixture
async def mutual(ours: Authority) -> AsyncIterator[Server]:
    """A server that takes clients of its own authority only."""
    async with serving(ours.server("IP:127.0.0.1", wants_clients=True)) as server:
        yield server


@pytest.fixture
async def proxy() -> AsyncIterator[ConnectProxy]:
    async with connect_proxy() as proxy:
        yield proxy


def bundle(of: Authority) -> dict[str, bytes]:
    return {BUNDLE_FILE: of.certificate}


def identity(of: Certificate) -> dict[str, bytes]:
    return {"secret_gateway_tls.crt": of.certificate, "secret_gateway_tls.key": of.key}


@asynccontextmanager
async def opened(
    files: Mapping[str, bytes] | None = None, policy: EgressPolicy = ANYWHERE
) -> AsyncIterator[tuple[Sessions, TlsFiles]]:
    tls = TlsFiles(files or {})
    async with open_sessions(policy, tls) as sessions:
        yield sessions, tls


async def images_from(sessions: Sessions, to: Binding) -> int:
    """Call a binding, and return the number of images."""
    url = f"{to.endpoint}/v1/images/generations"
    request, dialect = UpstreamRequest(url, {}, b"{}"), get_dialect(to.dialect)
    identifies = to.client_certificate is not None
    async with sessions.to(to) as session:
        async for event in call(
            request, dialect, session, Timeouts(5, 5, 5), presents_certificate=identifies
        ):
            assert isinstance(event, CallResult)
            return len(event.images)
    raise AssertionError("no result")


async def fault_of(sessions: Sessions, to: Binding) -> UpstreamFault:
    with pytest.raises(UpstreamFault) as caught:
        await images_from(sessions, to)
    return caught.value


async def test_a_bundle_lets_its_authorities_identify_the_server(
    secure: Server, ours: Authority
) -> None:
    async with opened(bundle(ours)) as (sessions, _):
        assert await images_from(sessions, binding(endpoint=secure.url, **BUNDLE)) == 1


async def test_without_a_bundle_a_private_authority_identifies_nobody(
    secure: Server, ours: Authority
) -> None:
    async with opened(bundle(ours)) as (sessions, _):
        fault = await fault_of(sessions, binding(endpoint=secure.url))

    assert fault.kind == "unavailable"
    assert not secure.peers


async def test_a_bundle_replaces_all_other_authorities(secure: Server, theirs: Authority) -> None:
    async with opened(bundle(theirs)) as (sessions, _):
        fault = await fault_of(sessions, binding(endpoint=secure.url, **BUNDLE))

    assert fault.kind == "unavailable"
    assert not secure.peers


async def test_a_server_sees_the_certificate_of_the_gateway(
    mutual: Server, ours: Authority
) -> None:
    files = bundle(ours) | identity(ours.issue("gateway"))
    async with opened(files) as (sessions, _):
        assert await images_from(sessions, binding(endpoint=mutual.url, **BUNDLE, **IDENTITY)) == 1

    assert mutual.peers == ["gateway"]


@pytest.mark.parametrize("issuer", ["nobody", "theirs"])
async def test_a_server_that_refuses_the_gateway_gets_no_request(
    mutual: Server, ours: Authority, theirs: Authority, issuer: str
) -> None:
    of = {} if issuer == "nobody" else IDENTITY
    files = bundle(ours) | identity(theirs.issue("gateway"))
    async with opened(files) as (sessions, _):
        await fault_of(sessions, binding(endpoint=mutual.url, **BUNDLE, **of))

    assert not mutual.peers


async def test_a_rotated_certificate_counts_for_the_next_call(
    mutual: Server, ours: Authority
) -> None:
    there = binding(endpoint=mutual.url, **BUNDLE, **IDENTITY)
    async with opened(bundle(ours) | identity(ours.issue("old"))) as (sessions, tls):
        await images_from(sessions, there)
        tls.files = bundle(ours) | identity(ours.issue("new"))
        await images_from(sessions, there)

    assert mutual.peers == ["old", "new"]


async def test_a_call_in_progress_outlives_the_rotation_of_its_certificate(
    mutual: Server, ours: Authority
) -> None:
    there = binding(endpoint=mutual.url, **BUNDLE, **IDENTITY)
    mutual.released = asyncio.Event()
    async with opened(bundle(ours) | identity(ours.issue("old"))) as (sessions, tls):
        async with sessions.to(there) as before, asyncio.TaskGroup() as tasks:
            slow = tasks.create_task(images_from(sessions, there))
            await mutual.waiting.wait()
            tls.files = bundle(ours) | identity(ours.issue("new"))
            async with sessions.to(there) as after:
                assert after is not before
            mutual.released.set()
        assert slow.result() == 1
        assert before.closed
        assert not after.closed
    assert after.closed


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "its TLS files are missing"),
        ({BUNDLE_FILE: b""}, "its TLS files are missing"),
        ({BUNDLE_FILE: b"no certificate"}, "its TLS files cannot be used"),
        ({BUNDLE_FILE: b"\xff"}, "its TLS files cannot be used"),
    ],
)
async def test_a_bundle_that_cannot_be_used_is_a_fault_of_its_binding(
    files: dict[str, bytes], message: str
) -> None:
    async with opened(files) as (sessions, _):
        fault = await fault_of(sessions, binding(endpoint="https://127.0.0.1:9", **BUNDLE))

    assert (fault.kind, fault.message) == ("misconfigured", message)


async def test_a_certificate_with_the_key_of_another_is_a_fault_of_its_binding(
    ours: Authority,
) -> None:
    one, other = ours.issue("one"), ours.issue("other")
    async with opened(identity(Certificate(one.certificate, other.key))) as (sessions, _):
        fault = await fault_of(sessions, binding(endpoint="https://127.0.0.1:9", **IDENTITY))

    assert (fault.kind, fault.message) == ("misconfigured", "its TLS files cannot be used")


async def test_an_encrypted_key_is_a_fault_and_no_question_at_a_terminal(ours: Authority) -> None:
    one = ours.issue("one")
    encrypted = _encrypted(one.key, ours.folder)
    async with opened(identity(Certificate(one.certificate, encrypted))) as (sessions, _):
        fault = await fault_of(sessions, binding(endpoint="https://127.0.0.1:9", **IDENTITY))

    assert (fault.message, fault.cause) == (
        "its TLS files cannot be used",
        "the key is encrypted",
    )


def _encrypted(key: bytes, folder: Path) -> bytes:
    command = "openssl pkcs8 -topk8 -v2 aes256 -passout pass:secret"
    ran = subprocess.run(command.split(), input=key, cwd=folder, check=True, capture_output=True)
    return ran.stdout


async def test_a_call_goes_through_the_proxy_to_a_name_that_only_the_proxy_knows(
    secure: Server, ours: Authority, proxy: ConnectProxy
) -> None:
    proxy.names[NAME] = secure.port
    there = binding(endpoint=f"https://{NAME}", proxy=proxy.url, **BUNDLE)
    async with opened(bundle(ours)) as (sessions, _):
        assert await images_from(sessions, there) == 1

    assert proxy.asked == [f"{NAME}:443"]
    assert secure.peers == [""]


async def test_a_service_is_called_with_the_files_of_the_credentials_folder(
    ours: Authority, proxy: ConnectProxy, tmp_path: Path
) -> None:
    service = {"name": "vllm", "namespace": "images", "port": 8443, "scheme": "https"}
    there = binding(serviceRef=service, proxy=proxy.url, **BUNDLE, **IDENTITY)
    for name, content in (bundle(ours) | identity(ours.issue("gateway"))).items():
        (tmp_path / name).write_bytes(content)
    credentials = Credentials()
    await credentials.load_folder(tmp_path)
    policy = EgressPolicy(Reach.PUBLIC | Reach.LOOPBACK, read_private_networks(["images/vllm"]))

    async with (
        serving(ours.server("DNS:vllm.images.svc", wants_clients=True)) as server,
        open_sessions(policy, credentials.tls) as sessions,
    ):
        proxy.names["vllm.images.svc"] = server.port
        assert await images_from(sessions, there) == 1

    assert proxy.asked == ["vllm.images.svc:8443"]
    assert server.peers == ["gateway"]


async def test_a_plain_call_goes_through_the_proxy_as_well(proxy: ConnectProxy) -> None:
    async with serving(None) as plain, opened() as (sessions, _):
        proxy.names[NAME] = plain.port
        there = binding(endpoint=f"http://{NAME}:80", proxy=proxy.url)
        assert await images_from(sessions, there) == 1

    assert proxy.asked[0].startswith(f"http://{NAME}")


async def test_a_proxy_cannot_pretend_to_be_the_server(
    ours: Authority, theirs: Authority, proxy: ConnectProxy
) -> None:
    async with serving(theirs.server(f"DNS:{NAME}")) as impostor:
        proxy.names[NAME] = impostor.port
        there = binding(endpoint=f"https://{NAME}", proxy=proxy.url, **BUNDLE)
        async with opened(bundle(ours)) as (sessions, _):
            fault = await fault_of(sessions, there)

    assert fault.kind == "unavailable"
    assert not impostor.peers


@pytest.mark.parametrize("status", ["403 Forbidden", "407 Proxy Auth", "502 Bad Gateway"])
async def test_a_proxy_that_does_not_connect_makes_the_provider_unavailable(
    proxy: ConnectProxy, status: str
) -> None:
    proxy.status = status
    async with opened() as (sessions, _):
        fault = await fault_of(sessions, binding(endpoint=f"https://{NAME}", proxy=proxy.url))

    assert (fault.kind, fault.message) == (
        "unavailable",
        "the proxy did not connect to the provider",
    )


@pytest.mark.parametrize(
    "endpoint",
    ["https://169.254.169.254", "https://metadata.google.internal", "https://2852039166"],
)
async def test_a_proxy_is_not_asked_for_a_metadata_service(
    proxy: ConnectProxy, endpoint: str
) -> None:
    async with opened() as (sessions, _):
        fault = await fault_of(sessions, binding(endpoint=endpoint, proxy=proxy.url))

    assert (fault.kind, fault.message) == ("misconfigured", "its endpoint is not allowed")
    assert not proxy.asked


async def test_the_address_of_a_proxy_is_checked_when_a_socket_is_made(
    proxy: ConnectProxy,
) -> None:
    policy = EgressPolicy(private=read_private_networks(["10.0.0.0/8"]))
    async with opened(policy=policy) as (sessions, _):
        fault = await fault_of(sessions, binding(endpoint=f"https://{NAME}", proxy=proxy.url))

    assert (fault.kind, fault.message) == ("misconfigured", "its endpoint is not allowed")
    assert not proxy.asked


async def test_bindings_with_the_same_needs_share_a_session() -> None:
    async with (
        opened(policy=EgressPolicy()) as (sessions, _),
        sessions.to(binding(endpoint="https://a.example")) as one,
        sessions.to(binding(endpoint="https://b.example")) as same,
        sessions.to(binding()) as own,
        sessions.to(binding(proxy="http://p.example")) as proxied,
    ):
        assert one is same
        assert len({id(one), id(own), id(proxied)}) == 3
    assert all(session.closed for session in (one, own, proxied))


async def test_the_sessions_of_bindings_that_are_gone_do_not_pile_up() -> None:
    async with opened() as (sessions, _):
        seen = []
        for number in range(MAX_SESSIONS + 1):
            async with sessions.to(binding(proxy=f"http://p{number}.example")) as session:
                seen.append(session)
        assert [session.closed for session in seen] == [True] + [False] * MAX_SESSIONS
