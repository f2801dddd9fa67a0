"""Servers that refuse the gateway's certificate, and say so as TLS 1.2 and TLS 1.3 do."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field

import aiohttp
import pytest

from tests.gateway.upstream.test_reach import (
    BUNDLE,
    IDENTITY,
    bundle,
    fault_of,
    identity,
    images_from,
    opened,
    ours,
    serving,
    theirs,
)
from tintype_gateway.upstream.connection_faults import CERTIFICATE_ALERTS, connection_fault
from tintype_gateway.values.faults import UpstreamFault
from tintype_testing.builders import binding
from tintype_testing.certificates import Authority
from tintype_testing.http import read_request
from tintype_testing.sample_images import sample_image

__all__ = ["ours", "theirs"]  # fixtures

VERSIONS = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}


@pytest.fixture(params=VERSIONS.values(), ids=list(VERSIONS))
def version(request: pytest.FixtureRequest) -> ssl.TLSVersion:
    found: ssl.TLSVersion = request.param
    return found


@dataclass
class Strict:
    """A server on blocking sockets, which sends the alerts that asyncio's servers lose."""

    context: ssl.SSLContext
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    requests: int = 0

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                connection, _ = self.listener.accept()
                connection.settimeout(10)
                with self.context.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                ) as secure:
                    self._respond(secure)

    def _respond(self, connection: ssl.SSLSocket) -> None:
        try:
            connection.do_handshake()
        except ssl.SSLError:
            # A close with unread bytes would reset the connection, and the alert could be lost.
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
            return
        self.requests += 1
        read_request(connection)
        body = b'{"created":1,"data":[{"b64_json":"%b"}]}' % sample_image("png")
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        connection.sendall(head + body)


@pytest.fixture
def strict(ours: Authority, version: ssl.TLSVersion) -> Iterator[Strict]:
    server = Strict(demanding(ours, version))
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()
    thread.join()


def demanding(of: Authority, version: ssl.TLSVersion) -> ssl.SSLContext:
    """Return the settings of a server that takes clients of this authority only."""
    context = of.server("IP:127.0.0.1", wants_clients=True)
    context.minimum_version = context.maximum_version = version
    return context


async def test_a_certificate_of_the_right_authority_is_taken(
    strict: Strict, ours: Authority
) -> None:
    async with opened(bundle(ours) | identity(ours.issue("gateway"))) as (sessions, _):
        assert await images_from(sessions, binding(endpoint=strict.url, **BUNDLE, **IDENTITY)) == 1

    assert strict.requests == 1


async def test_a_refused_certificate_is_a_refusal_of_the_gateway_and_the_log_says_why(
    strict: Strict, ours: Authority, theirs: Authority
) -> None:
    async with opened(bundle(ours) | identity(theirs.issue("gateway"))) as (sessions, _):
        fault = await fault_of(sessions, binding(endpoint=strict.url, **BUNDLE, **IDENTITY))

    assert (fault.kind, fault.message) == (
        "unauthorized",
        "the provider refuses the gateway's TLS certificate",
    )
    assert fault.cause == f"{fault.message}: TLS alert unknown ca"
    assert strict.requests == 0


async def test_a_server_that_demands_a_certificate_of_a_binding_without_one_is_named(
    strict: Strict, ours: Authority, version: ssl.TLSVersion
) -> None:
    async with opened(bundle(ours)) as (sessions, _):
        fault = await fault_of(sessions, binding(endpoint=strict.url, **BUNDLE))

    if version is ssl.TLSVersion.TLSv1_3:
        why = "the provider demands a TLS certificate of the gateway"
        assert (fault.kind, fault.cause) == (
            "unauthorized",
            f"{why}: TLS alert certificate required",
        )
    else:  # the alert has other reasons as well
        why = "the provider cannot be reached: TLS alert handshake failure"
        assert (fault.kind, fault.cause) == (
            "unavailable",
            f"{why}; it may demand a client certificate",
        )
    assert strict.requests == 0


async def test_a_certificate_that_is_refused_without_a_word_is_not_taken_for_a_failed_image(
    ours: Authority, theirs: Authority, version: ssl.TLSVersion
) -> None:
    files = bundle(ours) | identity(theirs.issue("gateway"))
    async with serving(demanding(ours, version)) as silent, opened(files) as (sessions, _):
        fault = await fault_of(sessions, binding(endpoint=silent.url, **BUNDLE, **IDENTITY))

    assert not silent.peers
    assert fault.cause is not None
    if version is ssl.TLSVersion.TLSv1_3:  # the request is sent: it may have been read
        assert fault.kind == "outcome_unknown"
        assert "with TLS 1.3 it may so refuse the client certificate" in fault.cause
    else:
        assert fault.kind == "unauthorized"
        assert fault.cause.endswith("the connection was closed in the handshake")


async def test_a_server_that_cannot_be_verified_is_no_refusal_of_the_gateway(
    strict: Strict, ours: Authority, theirs: Authority
) -> None:
    async with opened(bundle(theirs) | identity(ours.issue("gateway"))) as (sessions, _):
        fault = await fault_of(sessions, binding(endpoint=strict.url, **BUNDLE, **IDENTITY))

    assert (fault.kind, fault.message) == (
        "unavailable",
        "the provider's TLS certificate cannot be verified",
    )
    assert fault.cause is not None
    assert fault.cause.startswith(f"{fault.message}: ")
    assert "certificate" in fault.cause.removeprefix(fault.message)


async def test_a_closed_port_is_no_refusal_of_the_certificate(ours: Authority) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    async with opened(bundle(ours) | identity(ours.issue("gateway"))) as (sessions, _):
        fault = await fault_of(sessions, binding(endpoint=url, **BUNDLE, **IDENTITY))

    assert (fault.kind, fault.message) == ("unavailable", "the provider cannot be reached")


@pytest.mark.parametrize("alert", sorted(CERTIFICATE_ALERTS))
@pytest.mark.parametrize("protocol", ["SSLV3", "TLSV1", "TLSV13"])
def test_every_alert_about_a_certificate_refuses_it(protocol: str, alert: str) -> None:
    assert _after(f"{protocol}_ALERT_{alert}").kind == "unauthorized"


@pytest.mark.parametrize("reason", ["TLSV1_ALERT_INTERNAL_ERROR", "SSLV3_ALERT_HANDSHAKE_FAILURE"])
def test_another_alert_on_a_connection_in_use_leaves_the_outcome_unknown(reason: str) -> None:
    assert _after(reason).kind == "outcome_unknown"


def _after(reason: str) -> UpstreamFault:
    alert = ssl.SSLError(1, reason)
    alert.reason = reason
    error = aiohttp.ClientOSError(*alert.args)
    error.__cause__ = alert
    return connection_fault(error, 5, presents_certificate=True)
