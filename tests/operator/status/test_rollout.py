"""When the result of a query of the gateways is reported in the statuses."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.kubernetes.serving import serving
from tests.operator.status.test_gateways import endpoint, endpoint_slice
from tintype_operator.settings import Settings
from tintype_operator.status.gateways import Gateways
from tintype_operator.status.rollout import Rollout

LONG = 60.0


class Fleet:
    """The gateways of a Service, and the API server that lists them."""

    def __init__(self) -> None:
        self.sequences: list[int] = []
        self._responses: Iterator[int] = iter(())

    async def respond(self, request: web.Request) -> web.Response:
        if request.path == "/status":
            return web.json_response({"sequence": next(self._responses)})
        self._responses = iter(self.sequences)
        pods = [endpoint("127.0.0.1", uid=str(pod)) for pod in range(len(self.sequences))]
        found = endpoint_slice(*pods) | {"ports": [{"name": "admin", "port": request.url.port}]}
        return web.json_response({"items": [found], "metadata": {"resourceVersion": "1"}})

    @asynccontextmanager
    async def rollout(
        self, service: str | None = "tintype", startup_grace_seconds: float = LONG
    ) -> AsyncIterator[Rollout]:
        async with serving(self.respond) as client:
            gateways = Gateways(client, "ns", Settings(gateway_service=service))
            yield Rollout(gateways, settle_seconds=0, startup_grace_seconds=startup_grace_seconds)


async def test_the_operator_waits_for_gateways_that_start_with_it() -> None:
    fleet = Fleet()
    async with fleet.rollout() as started:
        await started.wait_until_served(7)
        assert not started.is_reportable()

        fleet.sequences = [7, 6]
        assert not await started.has_news()

        fleet.sequences = [7, 7]
        assert await started.has_news()


async def test_without_configured_gateways_the_first_report_is_immediate() -> None:
    async with Fleet().rollout(service=None) as started:
        await started.wait_until_served(7)
        assert started.is_reportable()


async def test_missing_gateways_are_reported_after_the_grace_period() -> None:
    async with Fleet().rollout(startup_grace_seconds=0) as started:
        await started.wait_until_served(7)
        assert await started.has_news()


async def test_after_the_first_report_each_pass_is_reported_immediately() -> None:
    fleet = Fleet()
    fleet.sequences = [7]
    async with fleet.rollout() as started:
        await started.wait_until_served(7)
        started.reported(waiting=False)

        await started.wait_until_served(8)
        assert started.is_reportable()
