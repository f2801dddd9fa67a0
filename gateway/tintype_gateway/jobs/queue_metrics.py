"""The queue of jobs as metrics: what the ledger counts, of all gateways."""

from collections.abc import Iterable
from typing import Protocol

from tintype_gateway.observability.metrics import JOBS_OLDEST, JOBS_QUEUED


class QueueDepth(Protocol):
    """The queued jobs of a model."""

    @property
    def model(self) -> str:
        """The id of the model in the catalog."""

    @property
    def queued(self) -> int:
        """How many jobs wait to be run."""

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest of them has waited."""


class QueueMetrics:
    """Exports the queue; a model whose last job has left it loses its series."""

    def __init__(self) -> None:
        self._models: frozenset[str] = frozenset()

    def export(self, depths: Iterable[QueueDepth]) -> None:
        """Export the queue as it is now, in the place of what was exported before."""
        waiting = [depth for depth in depths if depth.queued]
        for depth in waiting:
            JOBS_QUEUED.labels(depth.model).set(depth.queued)
            JOBS_OLDEST.labels(depth.model).set(depth.oldest_seconds)
        models = frozenset(depth.model for depth in waiting)
        for model in self._models - models:
            JOBS_QUEUED.remove(model)
            JOBS_OLDEST.remove(model)
        self._models = models
