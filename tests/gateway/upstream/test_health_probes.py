"""Health probes of servers, and what they do to circuits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiohttp import web

from tintype_catalog.addresses import Reach
from tintype_catalog.catalog import Binding, Catalog
from tintype_catalog.egress_policy import EgressPolicy
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.upstream.circuit_breaker import FAILED_PROBES, FIRST_OPEN_SECONDS, Circuits
from tintype_gateway.upstream.health_probes import HealthProbes
from tintype_gateway.upstream.sessions import open_sessions
from tintype_gateway.upstream.tls import TlsFiles
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.routes import Route
from tintype_testing.cluster.processes import free_ports
from tintype_testing.gateway import canvas, catalog_of
from tintype_testing.ledgers import Clock
from tintype_testing.metrics import metric
from tintype_testing.waiting import eventually


@dataclass
class Server:
    url: str = ""
    status: int = 200
    probes: int = 0
    headers: tuple[str, ...] = ()

    async def health(self, request: web.Request) -> web.Response:
        self.probes += 1
        self.headers = tuple(request.headers)
        if self.status == 0:
            await asyncio.Event().wait()
        return web.Response(status=self.status, headers={"Location": "/"})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server, app = Server(), web.Application()
    app.add_routes([web.get("/gpu/health", server.health)])
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/gpu"
    yield server
    await runner.cleanup()


@asynccontextmanager
async def probing(
    endpoint: str, reach: Reach = Reach.ANYWHERE, seconds: int = 60
) -> AsyncIterator[tuple[HealthProbes, Binding]]:
    probe = {"path": "/health", "intervalSeconds": seconds, "timeoutSeconds": seconds}
    catalog = catalog_of(canvas(healthProbe=probe, endpoint=endpoint), "unused")
    catalogs = CatalogStore()
    catalogs.offer(catalog, 1, "test")
    async with open_sessions(EgressPolicy(reach), TlsFiles()) as sessions:
        probes = HealthProbes(catalogs, sessions, Circuits(), draw=lambda: 0.0)
        yield probes, catalog.bindings[0]


def is_healthy(probes: HealthProbes, binding: Binding) -> bool:
    return probes.circuits.is_healthy(binding.name, "global")


@pytest.mark.parametrize("status", [404, 503, 302])
async def test_failed_probes_in_a_row_open_the_circuit_and_a_success_closes_it(
    server: Server, status: int
) -> None:
    async with probing(server.url) as (probes, binding):
        server.status = status
        for _ in range(FAILED_PROBES):
            assert is_healthy(probes, binding)
            await probes.probe(binding)
        assert not is_healthy(probes, binding)

        server.status = 204
        await probes.probe(binding)

        assert is_healthy(probes, binding)


async def test_a_server_that_cannot_be_reached_is_not_healthy() -> None:
    (port,) = free_ports(1)
    async with probing(f"http://127.0.0.1:{port}") as (probes, binding):
        for _ in range(FAILED_PROBES):
            await probes.probe(binding)
        assert not is_healthy(probes, binding)


async def test_a_server_that_does_not_respond_is_not_healthy(server: Server) -> None:
    server.status = 0
    async with probing(server.url, seconds=1) as (probes, binding):
        before = metric("tintype_health_probes_total", binding=binding.name, result="failure")
        await probes.probe(binding)
        after = metric("tintype_health_probes_total", binding=binding.name, result="failure")
    assert after == before + 1


async def test_a_probe_goes_only_where_calls_may_go(server: Server) -> None:
    async with probing(server.url, Reach.PUBLIC) as (probes, binding):
        await probes.probe(binding)
    assert server.probes == 0


async def test_a_probe_has_no_credentials(server: Server) -> None:
    async with probing(server.url) as (probes, binding):
        await probes.probe(binding)
    assert "Authorization" not in server.headers


async def test_failed_probes_keep_an_open_circuit_open() -> None:
    clock = Clock()
    circuits = Circuits(clock)
    route = Route(catalog_of(canvas(), "http://127.0.0.1").bindings[0], "global")
    for _ in range(FAILED_PROBES):
        circuits.note_probe(route, is_healthy=False)
    for _ in range(2):
        clock.advance(FIRST_OPEN_SECONDS - 1)
        circuits.note_probe(route, is_healthy=False)
    clock.advance(FIRST_OPEN_SECONDS - 1)
    assert not circuits.is_healthy(route.binding.name, "global")


async def test_a_healthy_server_that_refuses_its_calls_keeps_its_open_circuit() -> None:
    circuits = Circuits()
    route = Route(catalog_of(canvas(), "http://127.0.0.1").bindings[0], "global")
    circuits.note(route, UpstreamFault("unauthorized", "no"))
    circuits.note_probe(route, is_healthy=True)
    assert not circuits.is_healthy(route.binding.name, "global")


async def test_probes_follow_the_catalog(server: Server) -> None:
    async with probing(server.url) as (probes, _):
        task = asyncio.create_task(probes.run())
        try:
            await eventually(lambda: server.probes >= 1)
            probes.catalogs.offer(Catalog(), 2, "test")
            await eventually(lambda: not probes.running)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
