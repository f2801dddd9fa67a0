"""Observations wait for others, and none is lost or counted twice."""

import asyncio
import threading

import pytest
from prometheus_client import CollectorRegistry

from tintype_gateway.observability import metrics
from tintype_gateway.observability.metrics import REGISTRY, Counter, Histogram
from tintype_gateway.observability.scrape import scraped


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def calls(registry: CollectorRegistry) -> Counter:
    return Counter("calls", "Calls.", ("provider",), registry=registry)


@pytest.fixture
def seconds(registry: CollectorRegistry) -> Histogram:
    return Histogram("seconds", "Seconds.", ("provider",), buckets=(1, 2), registry=registry)


def test_observations_are_added_up_together(
    registry: CollectorRegistry, calls: Counter, seconds: Histogram
) -> None:
    own = {"provider": "openai"}
    with metrics.batching() as add_up:
        calls.labels("openai").inc()
        calls.labels("openai").inc(2)
        seconds.labels("openai").observe(1.5)
        assert registry.get_sample_value("calls_total", own) == 0

        add_up()

        assert registry.get_sample_value("calls_total", own) == 3
        assert registry.get_sample_value("seconds_sum", own) == 1.5
        assert registry.get_sample_value("seconds_bucket", {**own, "le": "1.0"}) == 0
        assert registry.get_sample_value("seconds_bucket", {**own, "le": "2.0"}) == 1


def test_none_is_lost_when_batches_end(registry: CollectorRegistry, calls: Counter) -> None:
    with metrics.batching():
        calls.labels("openai").inc()
    calls.labels("openai").inc()

    assert registry.get_sample_value("calls_total", {"provider": "openai"}) == 2


def test_none_is_lost_or_counted_twice_by_several_threads(
    registry: CollectorRegistry, calls: Counter
) -> None:
    series = calls.labels("openai")

    def work() -> None:
        for _ in range(2000):
            series.inc()
            metrics.add_up()

    with metrics.batching():
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert registry.get_sample_value("calls_total", {"provider": "openai"}) == 8000


async def test_a_scrape_has_what_waits() -> None:
    before = REGISTRY.get_sample_value("tintype_responses_broken_off_total") or 0
    with metrics.batching():
        metrics.RESPONSES_BROKEN_OFF.inc()
        text, _ = await asyncio.wait_for(scraped("text/plain"), 30)

    assert f"tintype_responses_broken_off_total {before + 1}".encode() in text
