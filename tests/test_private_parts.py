"""What the code uses of the private parts of libraries: one module for each library, one test for
each part, and no version that was not looked at."""

import ast
import asyncio
import importlib
import inspect
import tomllib
from collections.abc import AsyncIterator, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import kopf
import prometheus_client
import pytest
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler
from packaging.requirements import Requirement
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from tintype_gateway.http.private_aiohttp import Connection, HeadWithBody, Runner, Server
from tintype_gateway.observability.metrics import BYTES_IN_FLIGHT
from tintype_gateway.observability.private_prometheus import Histogram
from tintype_operator.process.run import IDENTITY
from tintype_testing.private_prometheus import (
    collectors,
    has_labels,
    label_names,
    name_and_type,
)
from tintype_testing.waiting import eventually

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path for folder in ("gateway", "operator", "bench") for path in (ROOT / folder).rglob("*.py")
)
BOUNDED = ("aiohttp", "kopf", "prometheus-client")
USERS = {
    "gateway/tintype_gateway/http/private_aiohttp.py",
    "gateway/tintype_gateway/observability/private_prometheus.py",
    "gateway/tintype_testing/private_prometheus.py",
}


NAMED_TUPLE = frozenset({"_asdict", "_fields", "_make", "_replace"})
"""What the standard library documents."""


def changed(library: str, part: str) -> str:
    """Say what to do about a part that is not as it was."""
    return f"{library} {version(library)} has changed {part}: amend the module that uses it"


# Bounds


@pytest.mark.parametrize("library", BOUNDED)
def test_no_other_minor_version_is_installed_unseen(library: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        requirement.specifier
        for extra in extras["optional-dependencies"].values()
        for requirement in map(Requirement, extra)
        if requirement.name == library
    ]
    major, minor, *_ = map(int, version(library).split("."))

    assert wanted
    for specifier in wanted:
        assert specifier.contains(version(library))
        assert not specifier.contains(f"{major}.{minor + 1}")
        assert not specifier.contains(f"{major + 1}.0")


# One module for each library


@cache
def private_names(library: str) -> frozenset[str]:
    """The private attributes of a library's objects, and its private functions and modules."""
    folder = Path(inspect.getfile(importlib.import_module(library))).parent
    names: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(node.name)
    return frozenset(name for name in names if is_private(name)) - NAMED_TUPLE


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_uses(path: Path, text: str) -> Iterator[str]:
    """The private parts of the libraries that a module reaches for."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            library, *inner = node.module.split(".")
            names = [*inner, *(alias.name for alias in node.names)]
            if library in ("aiohttp", "kopf", "prometheus_client") and any(map(is_private, names)):
                yield f"{path.name}:{node.lineno}: {ast.unparse(node)}"
    for library in ("aiohttp", "kopf", "prometheus_client"):
        if imports(tree, library):
            yield from _attributes(path, tree, private_names(library))


def _attributes(path: Path, tree: ast.Module, private: frozenset[str]) -> Iterator[str]:
    own = {*own_names(tree)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or node.attr not in private:
            continue
        if not (is_of_self(node) and node.attr in own):
            yield f"{path.name}:{node.lineno}: {ast.unparse(node)}"


def own_names(tree: ast.Module) -> Iterator[str]:
    """The attributes and methods that a module itself gives to its objects."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def is_of_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "self"


def imports(tree: ast.Module, library: str) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            if any(alias.name.partition(".")[0] == library for alias in node.names):
                return True
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == library:
            return True
    return False


def test_private_parts_are_used_in_one_module_for_each_library() -> None:
    found = {
        str(path.relative_to(ROOT)): [*private_uses(path, path.read_text())] for path in SOURCES
    }
    users = {path for path, uses in found.items() if uses}

    assert users == USERS, {path: found[path] for path in users ^ USERS}


@pytest.mark.parametrize(
    "text",
    [
        "from kopf._core.engines.peering import Identity",
        "from aiohttp import web\nweb.Application()._client_max_size",
        "from prometheus_client import Gauge\nGauge('x', 'x')._value.get()",
        "from aiohttp import web\nclass C(web.Server):\n    def f(self): return self._kwargs",
    ],
)
def test_a_private_part_is_found(text: str) -> None:
    assert [*private_uses(Path("example.py"), text)]


# aiohttp


class OneServer(Server):
    """Makes connections of the test."""

    @override
    def __call__(self) -> Connection:
        return self.connect(Connection)


class OneRunner(Runner):
    """Keeps what aiohttp hands over."""

    @override
    def adapted(self, made: web.Server, options: dict[str, Any]) -> Server:
        self.made, self.options = made, options
        self.served = OneServer(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **options,
        )
        return self.served


class Served:
    """A server with one request under way."""

    def __init__(self, runner: OneRunner) -> None:
        self.runner = runner
        self.seen: list[tuple[int, bool]] = []
        """What the connection said of itself within each request."""

        self.begun, self.ended = asyncio.Event(), asyncio.Event()

    @property
    def connection(self) -> Connection:
        (connection,) = self.runner.served.connections
        assert isinstance(connection, Connection)
        return connection

    async def outlive(self, request: web.Request) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, Connection)
        connection.release_handler()
        self.begun.set()
        await eventually(lambda: connection.transport is None)
        self.ended.set()
        return web.Response()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        connection = self.connection
        self.seen.append((connection.request_count, connection.is_between_requests()))
        response = HeadWithBody()
        await response.prepare(request)
        transport = request.transport
        assert isinstance(transport, asyncio.Transport)
        self.sent_before_the_body = request.writer.output_size
        self.was_chunked = response.take_chunks()
        await response.write_eof(b"5\r\nhello\r\n0\r\n\r\n")
        return response


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    app = web.Application()
    runner = OneRunner(app, max_line_size=4321, handler_cancellation=True)
    serving = Served(runner)
    app.add_routes([web.get("/", serving.handle), web.get("/outlive", serving.outlive)])
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
        for _ in range(2):
            async with session.get("/") as response:
                assert await response.text() == "hello"
        yield serving
    await runner.cleanup()


async def test_a_connection_counts_its_requests(served: Served) -> None:
    counts = [count for count, _ in served.seen]
    assert counts == [1, 2], changed("aiohttp", "RequestHandler._request_count")


async def test_a_connection_knows_whether_it_waits_for_a_request(served: Served) -> None:
    part = changed("aiohttp", "RequestHandler._waiter")
    assert [waits for _, waits in served.seen] == [False, False], part
    await eventually(served.connection.is_between_requests)


async def test_a_connection_has_its_event_loop(served: Served) -> None:
    part = changed("aiohttp", "RequestHandler._loop")
    assert served.connection.event_loop is asyncio.get_running_loop(), part


async def test_a_released_handler_outlives_its_connection(served: Served) -> None:
    host, port = served.runner.addresses[0][:2]
    _, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET /outlive HTTP/1.1\r\nHost: gateway\r\n\r\n")
    await served.begun.wait()
    writer.close()
    async with asyncio.timeout(30):
        await served.ended.wait()


async def test_a_server_counts_its_connections(served: Served) -> None:
    part = changed("aiohttp", "Server._connections")
    assert served.runner.served.connection_count == 1, part


async def test_a_server_makes_connections_with_its_options(served: Served) -> None:
    part = changed("aiohttp", "Server._kwargs or Server._loop")
    assert served.connection.max_line_size == 4321, part


async def test_a_runner_lets_its_server_be_replaced(served: Served) -> None:
    runner = served.runner
    assert runner.server is runner.served, changed("aiohttp", "BaseRunner._make_server")
    assert runner.options["max_line_size"] == 4321, changed("aiohttp", "Server._kwargs")
    assert runner.made.handler_cancellation is True


async def test_a_head_waits_for_its_body(served: Served) -> None:
    part = changed("aiohttp", "StreamResponse._send_headers_immediately")
    assert served.sent_before_the_body == 0, part


async def test_a_body_can_have_chunks_of_its_own(served: Served) -> None:
    assert served.was_chunked, changed("aiohttp", "StreamResponse._payload_writer")


@pytest.mark.parametrize(
    "name",
    [
        *("connection_made", "connection_lost", "data_received", "close", "handle_error"),
        *("pause_writing", "resume_writing"),
    ],
)
def test_a_connection_has_what_is_overridden(name: str) -> None:
    assert callable(getattr(RequestHandler, name, None)), changed("aiohttp", name)


def test_a_line_that_is_too_long_names_its_limit() -> None:
    """By it the gateway tells a long path from a long header."""
    error = LineTooLong(b"GET /aaa...", 4321)

    assert error.args[1:2] == (4321,), changed("aiohttp", "LineTooLong.args")


# kopf


def test_kopf_takes_an_identity() -> None:
    parameters = inspect.signature(kopf.operator).parameters

    assert "identity" in parameters, changed("kopf", "the identity of kopf.operator")
    assert isinstance(IDENTITY, str)


# prometheus_client


def test_many_observations_count_as_each_by_itself() -> None:
    amounts = [0.5, 1.0, 1.5, 2.0, 3.0, 1.0]
    alone, together = CollectorRegistry(), CollectorRegistry()
    each = prometheus_client.Histogram("s", "S.", buckets=(1, 2), registry=alone)
    for amount in amounts:
        each.observe(amount)

    Histogram("s", "S.", buckets=(1, 2), registry=together).observe_all(amounts)

    names = [("s_sum", {}), ("s_count", {}), *(("s_bucket", {"le": f"{n}.0"}) for n in (1, 2))]
    seen = [[registry.get_sample_value(*name) for name in names] for registry in (alone, together)]
    assert seen == [[9.0, 6.0, 3.0, 5.0]] * 2, changed("prometheus_client", "Histogram")


def test_a_registry_lists_its_collectors() -> None:
    registry = CollectorRegistry()
    counter = Counter("example", "An example.", ["model", "outcome"], registry=registry)
    part = changed("prometheus-client", "CollectorRegistry._collector_to_names")

    assert collectors(registry) == [counter], part


class Custom(Collector):
    """A collector of one's own."""

    @override
    def collect(self) -> Iterator[prometheus_client.Metric]:
        yield GaugeMetricFamily("other", "Another.", value=1)


def test_a_metric_knows_its_labels_before_its_first_use() -> None:
    registry = CollectorRegistry()
    counter = Counter("example", "An example.", ["model", "outcome"], registry=registry)
    family = GaugeMetricFamily("other", "Another.", labels=["model"])
    part = changed("prometheus-client", "_labelnames")

    assert has_labels(counter), part
    assert label_names(counter) == ("model", "outcome"), part
    assert has_labels(family), part
    assert label_names(family) == ("model",), part
    assert not has_labels(Custom()), part


def test_a_metric_knows_its_name_and_type() -> None:
    counter = Counter("example", "An example.", registry=None)
    family = GaugeMetricFamily("other", "Another.", labels=["model"])
    part = changed("prometheus-client", "_name or _type")

    assert name_and_type(counter) == ("example", "counter"), part
    assert name_and_type(family) == ("other", "gauge"), part


def test_a_gauge_is_read_as_one_sample() -> None:
    (family,) = BYTES_IN_FLIGHT.collect()

    assert [sample.name for sample in family.samples] == ["tintype_provider_bytes_in_flight"]
