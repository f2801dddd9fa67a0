"""The queue of jobs as metrics."""

from dataclasses import dataclass

from tintype_gateway.jobs.queue_metrics import QueueMetrics
from tintype_gateway.observability.metrics import REGISTRY


@dataclass(frozen=True)
class Depth:
    """What the ledger counts of a model."""

    model: str
    queued: int
    oldest_seconds: float


def figures(model: str) -> tuple[float | None, float | None]:
    return (
        REGISTRY.get_sample_value("tintype_jobs_queued", {"model": model}),
        REGISTRY.get_sample_value("tintype_jobs_oldest_seconds", {"model": model}),
    )


def test_each_model_with_queued_jobs_has_its_figures() -> None:
    metrics = QueueMetrics()

    metrics.export([Depth("queued-a", 3, 12.5), Depth("queued-b", 1, 0.5)])

    assert figures("queued-a") == (3, 12.5)
    assert figures("queued-b") == (1, 0.5)
    metrics.export([])


def test_a_model_whose_last_job_has_left_the_queue_loses_its_series() -> None:
    metrics = QueueMetrics()
    metrics.export([Depth("queued-a", 3, 12.5), Depth("queued-b", 1, 0.5)])

    metrics.export([Depth("queued-a", 2, 13.0), Depth("queued-b", 0, 0.0)])

    assert figures("queued-a") == (2, 13.0)
    assert figures("queued-b") == (None, None)
    metrics.export([])
