"""Behind a reverse proxy, no client gets the response to the request of another one.

Each row of the corpus goes through nginx and haproxy to a real gateway, with a harmless request
behind it on the same connection, and one more that follows on the connection which the proxy keeps
to the gateway. What the proxy says that it passed on must be what the gateway says that it was
asked: a hidden request, or one that was swallowed as a body, would make a difference.
"""

import asyncio
import itertools
import re
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from tests.gateway.http.ambiguous import AMBIGUOUS
from tests.gateway.http.proxies import PROXIES, Proxy, Relayed, running_proxy
from tintype_testing.gateway_process import GatewayProcess, running_process
from tintype_testing.waiting import eventually

SECONDS = 50
"""A bound for every wait."""

MARKERS = (f"marker-{number}" for number in itertools.count())
"""Names of models that do not exist: the response says which was asked for."""

MODELS = "/v1/models"

IDS = re.compile(r"(?im)^x-request-id: (\S+)")

Request = tuple[str, str, str, int]
"""Its id, method, route and status."""

UNREADABLE = re.compile(
    r'^tintype_http_requests_total{method="unknown",route="unknown",status="400"} (\d+)', re.M
)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running_process(tmp_path_factory.mktemp("gateway"), "--simulate", "--demo") as gateway:
        yield gateway


@pytest.fixture(scope="module", params=PROXIES)
def proxy(
    request: pytest.FixtureRequest,
    gateway: GatewayProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proxy]:
    with running_proxy(request.param, tmp_path_factory.mktemp("proxy"), gateway.url) as proxy:
        yield proxy


@pytest.mark.parametrize("row", AMBIGUOUS)
async def test_a_proxy_and_the_gateway_understand_the_same(
    gateway: GatewayProcess, proxy: Proxy, row: str
) -> None:
    behind, after = next(MARKERS), next(MARKERS)
    key = f"Host: a\r\nAuthorization: Bearer {gateway.demo_key}".encode()
    hiding = AMBIGUOUS[row].replace(b"Host: a", key)
    done, known, unread = len(proxy.relayed()), len(asked(gateway)), unreadable(gateway)

    responses = await exchanged(proxy, hiding + about(behind, key))
    responses += await exchanged(proxy, about(after, key))
    proxy.process.wait_until(lambda: after in paths(proxy.relayed()), SECONDS, "the last line")

    relayed = proxy.relayed()[done:]
    read = [each for each in relayed if each.request_id]
    await eventually(lambda: len(asked(gateway)) >= known + len(read))
    understood, lengths = zip(*asked(gateway)[known:], strict=True)
    assert [meant(each) for each in read] == list(understood)
    assert all(each.length in (None, length) for each, length in zip(read, lengths, strict=True))
    assert unreadable(gateway) - unread == sum(each.is_forwarded for each in relayed) - len(read)
    assert IDS.findall(responses) == [each.request_id for each in read if each.has_head]
    for marker in (behind, after):
        assert responses.count(marker) == paths(relayed).count(marker)


def about(marker: str, key: bytes) -> bytes:
    """Return a request that ends a connection."""
    line = f"GET {MODELS}/{marker} HTTP/1.1\r\n".encode()
    return line + key + b"\r\nConnection: close\r\n\r\n"


async def exchanged(proxy: Proxy, message: bytes) -> str:
    """Send everything, and return everything that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    async with asyncio.timeout(SECONDS):
        writer.write(message)
        writer.write_eof()
        responses = await reader.read()
    writer.transport.abort()
    return responses.decode("latin-1")


def paths(relayed: list[Relayed]) -> list[str]:
    """Return what was asked for, of models only their names."""
    return [each.path.removeprefix(f"{MODELS}/") for each in relayed]


def meant(request: Relayed) -> Request:
    """Return a request as the proxy meant it, in the gateway's terms."""
    is_one = request.path.startswith(f"{MODELS}/")
    route = f"{MODELS}/{{id}}" if is_one else request.path
    return request.request_id, request.method, route, request.status


def asked(gateway: GatewayProcess) -> list[tuple[Request, int]]:
    """Return the requests that the gateway served, each with the bytes of its body."""
    lines = [line for line in gateway.log() if line["message"] == "request"]
    names = ("request_id", "method", "route", "status")
    return [(tuple(line[name] for name in names), line["request_bytes"]) for line in lines]


def unreadable(gateway: GatewayProcess) -> int:
    """Return how many requests the gateway could not read at all."""
    with urlopen(f"{gateway.admin_url}/metrics", timeout=SECONDS) as response:  # noqa: S310 - ours
        found = UNREADABLE.search(response.read().decode())
    return int(found[1]) if found else 0
