"""Metrics of the served catalog: its revision, and the end dates of models."""

import datetime
from collections.abc import Iterable, Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from tintype_catalog.catalog import Model
from tintype_gateway.catalog.snapshot import Snapshot
from tintype_gateway.observability.metrics import CATALOG_LOADED_AT, REGISTRY


class CatalogGauges(Collector):
    """Reads one snapshot at each scrape, so that no series of earlier ones remain."""

    snapshot: Snapshot | None = None

    @override
    def collect(self) -> Iterator[Metric]:
        """Return the metrics of the served catalog."""
        snapshot = self.snapshot
        yield _revision(snapshot)
        models = () if snapshot is None else snapshot.catalog.models
        yield _dates(
            "tintype_model_deprecation_timestamp_seconds",
            "The day from which the provider of a model advises against it.",
            ((model, model.lifecycle.deprecated_on) for model in models),
        )
        yield _dates(
            "tintype_model_retirement_timestamp_seconds",
            "The day from which a model is served no more.",
            ((model, model.lifecycle.retires_on) for model in models),
        )


_GAUGES = CatalogGauges()
REGISTRY.register(_GAUGES)


def show(snapshot: Snapshot, loaded_at: float) -> None:
    """Export the metrics of this snapshot, loaded at this Unix time."""
    _GAUGES.snapshot = snapshot
    CATALOG_LOADED_AT.set(loaded_at)


def _revision(snapshot: Snapshot | None) -> Metric:
    metric = GaugeMetricFamily(
        "tintype_catalog_info",
        "Always 1. The label is the revision of the served catalog.",
        labels=("revision",),
    )
    if snapshot is not None:
        metric.add_metric((snapshot.revision,), 1)
    return metric


def _dates(name: str, text: str, dates: Iterable[tuple[Model, datetime.date | None]]) -> Metric:
    metric = GaugeMetricFamily(name, text, labels=("model",))
    for model, date in dates:
        if date is not None:
            metric.add_metric((model.id,), _unix_seconds(date))
    return metric


def _unix_seconds(date: datetime.date) -> float:
    midnight = datetime.time(tzinfo=datetime.UTC)
    return datetime.datetime.combine(date, midnight).timestamp()
