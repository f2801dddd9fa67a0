"""When it is worth it to tell every object what the gateways serve."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tests.kubernetes.serving import serving
from tests.operator.test_gateways import endpoint, endpoint_slice
from tintype_operator.settings import Settings
from tintype_operator.status import rollout
from tintype_operator.status.gateways import Gateways
from tintype_operator.status.rollout import Rollout


class Fleet:
    """The gateways of a Service, and the API server that lists them."""

    def __init__(self) -> None:
        self.sequences: list[int] = []
        self._answers: Iterator[int] = iter(())

    async def answer(self, request: web.Request) -> web.Response:
        if request.path == "/status":
            return web.json_response({"sequence": next(self._answers)})
        self._answers = iter(self.sequences)
        pods = [endpoint("127.0.0.1", uid=str(pod)) for pod in range(len(self.sequences))]
        found = endpoint_slice(*pods) | {"ports": [{"name": "admin", "port": request.url.port}]}
        return web.json_response({"items": [found], "metadata": {"resourceVersion": "1"}})

    @asynccontextmanager
    async def polled(self, service: str | None = "tintype") -> AsyncIterator[Rollout]:
        async with serving(self.answer) as client:
            yield Rollout(Gateways(client, "ns", Settings(gateway_service=service)))


@pytest.fixture(autouse=True)
def no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout, "SETTLE_SECONDS", 0)


async def test_gateways_that_start_with_the_operator_are_waited_for() -> None:
    fleet = Fleet()
    async with fleet.polled() as started:
        await started.settle(7)
        assert not started.is_settled()

        fleet.sequences = [7, 6]
        assert not await started.is_news()

        fleet.sequences = [7, 7]
        assert await started.is_news()


async def test_nobody_waits_for_gateways_that_nobody_named() -> None:
    async with Fleet().polled(service=None) as started:
        await started.settle(7)
        assert started.is_settled()


async def test_gateways_that_do_not_come_are_told_of_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rollout, "PATIENCE_SECONDS", 0)
    async with Fleet().polled() as started:
        await started.settle(7)
        assert await started.is_news()


async def test_after_the_first_report_each_pass_is_reported_at_once() -> None:
    fleet = Fleet()
    fleet.sequences = [7]
    async with fleet.polled() as started:
        await started.settle(7)
        started.reported(waiting=False)

        await started.settle(8)
        assert started.is_settled()
