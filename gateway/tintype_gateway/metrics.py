"""Every Prometheus metric of the gateway, in one place.

Labels are bounded: models, providers, regions and outcomes come from the catalog and from this
code, never from what a client sent. The histogram has no `model` label, since a thousand models
would make it tens of thousands of series.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

from tintype_catalog.__about__ import __version__
from tintype_gateway.values import Route, UpstreamFault

disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the series, and no dashboard reads them

REGISTRY = CollectorRegistry()

_SECONDS = (0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 180)

HTTP_REQUESTS = Counter(
    "tintype_http_requests",
    "Answers to clients.",
    ("method", "route", "status"),
    registry=REGISTRY,
)
REQUESTS_IN_FLIGHT = Gauge(
    "tintype_http_requests_in_flight",
    "Requests of clients that are being served now.",
    registry=REGISTRY,
)
PROVIDER_DURATION = Histogram(
    "tintype_provider_request_duration_seconds",
    "Time from sending a call to a provider to the end of its answer.",
    ("provider", "region", "outcome"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
PROVIDER_REQUESTS = Counter(
    "tintype_provider_requests",
    "Calls to providers by outcome: success, or the kind of the fault.",
    ("provider", "model", "outcome"),
    registry=REGISTRY,
)
CREDITS_USED = Counter(
    "tintype_credits_used",
    "Credits charged to accounts.",
    ("provider", "model"),
    registry=REGISTRY,
)
IMAGES_GENERATED = Counter(
    "tintype_images_generated",
    "Pictures delivered to clients.",
    ("provider", "model"),
    registry=REGISTRY,
)
UNSETTLED_CALLS = Counter(
    "tintype_unsettled_upstream_calls",
    "Calls that a provider may charge us for, but that no account paid for.",
    ("provider", "reason"),
    registry=REGISTRY,
)
EXCESS_CREDITS = Counter(
    "tintype_excess_credits",
    "Credits that requests cost above what was held for them: our loss.",
    ("provider", "model"),
    registry=REGISTRY,
)
HOLDS_EXPIRED = Counter(
    "tintype_holds_expired",
    "Holds that were released because their owner was gone.",
    registry=REGISTRY,
)
CATALOG_LOADS = Counter(
    "tintype_catalog_loads",
    "Catalogs that arrived, by channel and by whether they are served.",
    ("source", "result"),
    registry=REGISTRY,
)
CATALOG_SEQUENCE = Gauge(
    "tintype_catalog_sequence",
    "The sequence of the catalog that is served.",
    registry=REGISTRY,
)
BUILD_INFO = Gauge(
    "tintype_build_info",
    "Always 1. The label tells the version.",
    ("version",),
    registry=REGISTRY,
)
BUILD_INFO.labels(__version__).set(1)

_PAID_BY_US = frozenset({"timeout", "outcome_unknown"})
"""Faults after which a provider may charge us for a picture that nobody received."""


@contextmanager
def observed_call(route: Route, model_id: str) -> Iterator[None]:
    """Observe the duration and the outcome of the call to a provider that the block makes."""
    provider, outcome = route.binding.provider, "success"
    started = time.perf_counter()
    try:
        yield
    except UpstreamFault as fault:
        outcome = fault.kind
        if fault.kind in _PAID_BY_US:
            UNSETTLED_CALLS.labels(provider, fault.kind).inc()
        raise
    except asyncio.CancelledError:
        outcome = "cancelled"
        UNSETTLED_CALLS.labels(provider, outcome).inc()
        raise
    finally:
        seconds = time.perf_counter() - started
        PROVIDER_DURATION.labels(provider, route.region, outcome).observe(seconds)
        PROVIDER_REQUESTS.labels(provider, model_id, outcome).inc()
