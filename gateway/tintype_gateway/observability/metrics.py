"""Every Prometheus metric of the gateway, in one place.

Labels are bounded: models, providers, regions and outcomes come from the catalog and from this
code, never from what a client sent. The histogram has no `model` label, since a thousand models
would make it tens of thousands of series.
"""

from functools import cache
from typing import Any, Self

import prometheus_client
from prometheus_client import (
    CollectorRegistry,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
)
from typing_extensions import override

from tintype_catalog.__about__ import __version__

disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the series, and no dashboard reads them

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_SECONDS = (0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 180)
_OWN_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
"""For what we do ourselves, which takes milliseconds."""

_GEN_AI_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96)
"""The buckets that the semantic conventions ask for, as far as `_MORE_GEN_AI_SECONDS`."""

_MORE_GEN_AI_SECONDS = (81.92, 163.84)
"""The last one is ours: the conventions end where a slow image has not begun."""


class Counter(prometheus_client.Counter):
    """A counter that finds each of its series once, since requests ask for the same ones."""

    @override
    @cache  # noqa: B019 - metrics and their series live as long as the process
    def labels(self, *values: Any, **named: Any) -> Self:
        """See `prometheus_client`."""
        return super().labels(*values, **named)


class Histogram(prometheus_client.Histogram):
    """A histogram that finds each of its series once."""

    @override
    @cache  # noqa: B019 - as above
    def labels(self, *values: Any, **named: Any) -> Self:
        """See `prometheus_client`."""
        return super().labels(*values, **named)


HTTP_REQUESTS = Counter(
    "tintype_http_requests",
    "Answers to clients.",
    ("method", "route", "status"),
    registry=REGISTRY,
)
CONNECTIONS_CUT = Counter(
    "tintype_http_connections_cut",
    "Connections closed on clients that are too many, or too slow, or whose head is too large.",
    ("reason",),
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
MISCONFIGURED_CALLS = Counter(
    "tintype_misconfigured_calls",
    "Calls to a model or an endpoint that the provider does not have.",
    ("provider", "binding"),
    registry=REGISTRY,
)
RETRIES = Counter(
    "tintype_retries",
    "Calls made again by the same way, by what they had failed with.",
    ("provider", "reason"),
    registry=REGISTRY,
)
FAILOVERS = Counter(
    "tintype_failovers",
    "Calls made again by another way, by the provider that had failed, and with what.",
    ("provider", "reason"),
    registry=REGISTRY,
)
RETRIES_REFUSED = Counter(
    "tintype_retry_budget_exhausted",
    "Calls that were not made again because too many others were.",
    ("provider",),
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
    "Images delivered to clients.",
    ("provider", "model"),
    registry=REGISTRY,
)
IMAGES_REFUSED = Counter(
    "tintype_images_refused",
    "Images that a provider refused for their content.",
    ("provider", "model"),
    registry=REGISTRY,
)
OVERHEAD_SECONDS = Histogram(
    "tintype_gateway_overhead_seconds",
    "Time that a request took beside its calls to providers.",
    buckets=_OWN_SECONDS,
    registry=REGISTRY,
)
GEN_AI_DURATION = Histogram(
    "gen_ai_client_operation_duration_seconds",
    "The calls to providers by the names of OpenTelemetry's conventions for generative AI.",
    ("gen_ai_operation_name", "gen_ai_provider_name", "error_type"),
    buckets=_GEN_AI_SECONDS + _MORE_GEN_AI_SECONDS,
    registry=REGISTRY,
)
GEN_AI_TOKENS = Histogram(
    "gen_ai_client_token_usage",
    "The tokens of calls to providers that count them, by the names of the same conventions.",
    ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_token_type"),
    buckets=[4**power for power in range(14)],
    registry=REGISTRY,
)
BYTES_IN_FLIGHT = Gauge(
    "tintype_provider_bytes_in_flight",
    "Bytes of providers' answers that have arrived for requests that are being served now.",
    registry=REGISTRY,
)
MEMORY_BUDGET = Gauge(
    "tintype_memory_budget_bytes",
    "What the gateway may use of the memory of its container; 0 where that has no limit.",
    registry=REGISTRY,
)
MEMORY_RESERVED = Gauge(
    "tintype_memory_reserved_bytes",
    "What the requests that are being served now may come to hold in memory.",
    registry=REGISTRY,
)
REQUESTS_SHED = Counter(
    "tintype_requests_shed",
    "Requests that were turned away for want of memory.",
    ("reason",),
    registry=REGISTRY,
)
HOLDS_OUTSTANDING = Gauge(
    "tintype_holds_outstanding",
    "Holds of this gateway that are neither settled nor released.",
    registry=REGISTRY,
)
SETTLEMENTS_OUTSTANDING = Gauge(
    "tintype_settlements_outstanding",
    "Charges that are due and that the ledger could not be told yet. They are retried.",
    registry=REGISTRY,
)
LEDGER_SECONDS = Histogram(
    "tintype_ledger_operation_duration_seconds",
    "Time that operations of the ledger took, by their outcome: done, refused or unavailable.",
    ("operation", "outcome"),
    buckets=_OWN_SECONDS,
    registry=REGISTRY,
)
LOOP_LAG = Histogram(
    "tintype_event_loop_lag_seconds",
    "How late the event loop came to what was due, sampled twice a second.",
    buckets=_OWN_SECONDS,
    registry=REGISTRY,
)
UNSETTLED_CALLS = Counter(
    "tintype_unsettled_upstream_calls",
    "Calls that a provider may charge us for, but that no account paid for.",
    ("provider", "reason"),
    registry=REGISTRY,
)
USAGE_UNUSABLE = Counter(
    "tintype_usage_unusable",
    "Calls that gave images and no usable token counts: charged at the table's figures.",
    ("provider", "binding"),
    registry=REGISTRY,
)
EXCESS_CREDITS = Counter(
    "tintype_excess_credits",
    "Credits that requests cost above what was held for them: our loss.",
    ("provider", "model"),
    registry=REGISTRY,
)
RESPONSES_BROKEN_OFF = Counter(
    "tintype_responses_broken_off",
    "Plain responses that ended in the middle of an image, because the provider's response "
    "was cut off or invalid.",
    registry=REGISTRY,
)
STREAM_FIRST_EVENT = Histogram(
    "tintype_stream_first_event_seconds",
    "Time from the hold to the first event of a stream, by what it was.",
    ("provider", "event"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
ADMIN_TOKENS_REFUSED = Counter(
    "tintype_admin_tokens_refused",
    "Requests to the admin API with a wrong token, or with none.",
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
CATALOG_LOADED_AT = Gauge(
    "tintype_catalog_loaded_timestamp_seconds",
    "When the catalog that is served was loaded.",
    registry=REGISTRY,
)
CATALOG_SOURCE = Gauge(
    "tintype_catalog_source",
    "Always 1. The label tells the channel that brought the catalog that is served.",
    ("source",),
    registry=REGISTRY,
)
CATALOG_PUBLISHED = Gauge(
    "tintype_catalog_published_timestamp_seconds",
    "When the catalog that is served was published, in seconds since 1970.",
    registry=REGISTRY,
)
CATALOG_PROPAGATION = Histogram(
    "tintype_catalog_propagation_seconds",
    "Time from the publication of a catalog to its being served, while the gateway ran.",
    ("source",),
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 90, 120, 300),
    registry=REGISTRY,
)
BUILD_INFO = Gauge(
    "tintype_build_info",
    "Always 1. The label tells the version.",
    ("version",),
    registry=REGISTRY,
)
BUILD_INFO.labels(__version__).set(1)
