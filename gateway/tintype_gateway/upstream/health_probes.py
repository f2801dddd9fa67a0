"""Health probes: GET requests to the servers of bindings with `healthProbe`.

Every gateway probes for itself, because a server may be reachable from some nodes only. The results
go to the circuits, so that calls avoid a server that is down before one of them has failed.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from tintype_catalog.catalog import Binding, Catalog
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.observability.metrics import HEALTH_PROBES
from tintype_gateway.upstream.circuit_breaker import Circuits
from tintype_gateway.upstream.connection_faults import connection_fault
from tintype_gateway.upstream.sessions import Sessions
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.routes import Route

log = logging.getLogger(__name__)

CATALOG_SECONDS = 1.0
"""The time until a new catalog takes effect."""


@dataclass
class HealthProbes:
    """Probes the servers of the served catalog."""

    catalogs: CatalogStore
    sessions: Sessions
    circuits: Circuits
    draw: Callable[[], float] = random.random
    """Returns random numbers in [0, 1). Gateways that start together so do not probe together."""

    _served: Catalog | None = None
    running: dict[str, tuple[Binding, asyncio.Task[None]]] = field(default_factory=dict)
    """The probed bindings and their tasks, by name."""

    async def run(self) -> None:
        """Probe until cancelled."""
        try:
            while True:
                if self.catalogs.catalog is not self._served:
                    self._served = self.catalogs.catalog
                    self._follow()
                await asyncio.sleep(CATALOG_SECONDS)
        finally:
            for _, task in self.running.values():
                task.cancel()

    async def probe(self, binding: Binding) -> None:
        """Probe a server once."""
        why = await self._failure(binding)
        HEALTH_PROBES.labels(binding.name, "failure" if why else "success").inc()
        if why:
            log.warning("health probe failed", extra={"binding": binding.name, "error": why})
        for route in Route.all_of(binding):
            self.circuits.note_probe(route, is_healthy=why is None)

    def _follow(self) -> None:
        """Start and stop tasks as the catalog says. An unchanged binding keeps its task."""
        bindings = self._served.bindings if self._served else ()
        probed = {each.name: each for each in bindings if each.active and each.health_probe}
        for name, (binding, task) in list(self.running.items()):
            if probed.get(name) != binding:
                task.cancel()
                del self.running[name]
        for name in probed.keys() - self.running.keys():
            self.running[name] = probed[name], asyncio.create_task(self._watch(probed[name]))

    async def _watch(self, binding: Binding) -> None:
        assert binding.health_probe is not None  # noqa: S101 - only such bindings have a task
        interval = binding.health_probe.interval_seconds
        await asyncio.sleep(interval * self.draw())
        while True:
            await self.probe(binding)
            await asyncio.sleep(interval * (0.9 + 0.2 * self.draw()))

    async def _failure(self, binding: Binding) -> str | None:
        """Return why a probe failed, or None if the server is healthy."""
        probe, endpoint = binding.health_probe, binding.endpoint
        assert probe is not None  # noqa: S101 - as above
        assert endpoint is not None  # noqa: S101 - the catalog requires it
        timeout = aiohttp.ClientTimeout(total=probe.timeout_seconds)
        url = endpoint.rstrip("/") + probe.path
        try:
            async with (
                self.sessions.to(binding) as session,
                session.get(url, timeout=timeout, allow_redirects=False) as response,
            ):
                return None if 200 <= response.status < 300 else f"status {response.status}"
        except TimeoutError:
            return f"no response in {probe.timeout_seconds} seconds"
        except UpstreamFault as fault:
            return fault.cause or fault.message
        except aiohttp.ClientError as error:
            identifies = binding.client_certificate is not None
            found = connection_fault(error, probe.timeout_seconds, presents_certificate=identifies)
            return found.cause or found.message
        except ValueError as error:
            return str(error) or type(error).__name__
