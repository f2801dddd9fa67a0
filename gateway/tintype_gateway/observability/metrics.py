"""Every Prometheus metric of the gateway, in one place.

Labels are bounded: models, providers, regions and outcomes come from the catalog and from this
code, never from a client. The histogram has no `model` label, since a thousand models
would make it tens of thousands of series.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
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
from tintype_gateway.observability import private_prometheus

disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the series, and no dashboard reads them

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_SECONDS = (0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 180)
_OWN_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
"""Buckets for the gateway's own work, which takes milliseconds."""

_GEN_AI_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96)
"""The buckets that the semantic conventions ask for, as far as `_MORE_GEN_AI_SECONDS`."""

_MORE_GEN_AI_SECONDS = (81.92, 163.84)
"""The last bucket is an addition: the conventions end below the duration of a slow image."""


Exemplar = dict[str, str] | None


class Counter(prometheus_client.Counter):
    """A counter that caches its series, because requests use the same ones."""

    @override
    @cache  # noqa: B019 - metrics and their series live as long as the process
    def labels(self, *values: Any, **named: Any) -> Self:
        """See `prometheus_client`."""
        return super().labels(*values, **named)

    @override
    def inc(self, amount: float = 1, exemplar: Exemplar = None) -> None:
        """See `prometheus_client`."""
        if _batch is None or exemplar is not None:
            super().inc(amount, exemplar)
        else:
            _batch.append((self, amount))

    def take(self, amounts: Sequence[float]) -> None:
        """Count amounts that have waited."""
        super().inc(sum(amounts))


class Histogram(private_prometheus.Histogram):
    """A histogram that caches its series."""

    @override
    @cache  # noqa: B019 - as above
    def labels(self, *values: Any, **named: Any) -> Self:
        """See `prometheus_client`."""
        return super().labels(*values, **named)

    @override
    def observe(self, amount: float, exemplar: Exemplar = None) -> None:
        """See `prometheus_client`."""
        if _batch is None or exemplar is not None:
            super().observe(amount, exemplar)
        else:
            _batch.append((self, amount))

    def take(self, amounts: Sequence[float]) -> None:
        """Observe amounts that have waited."""
        self.observe_all(amounts)


_batch: deque[tuple[Counter | Histogram, float]] | None = None
"""The amounts that wait, each with its series; None while none does. Those with an exemplar, which
has a time, never wait."""


@contextmanager
def batching() -> Iterator[Callable[[], None]]:
    """Let observations wait while the block runs, which gets a function to add them up.

    Each by itself, between the other work of a request, takes several times as long.
    """
    global _batch
    _batch = deque()
    try:
        yield add_up
    finally:
        add_up()
        _batch = None


def add_up() -> None:
    """Add up the observations that wait, those of each series together. Any thread may call it."""
    waiting = _batch
    amounts: defaultdict[Counter | Histogram, list[float]] = defaultdict(list)
    with suppress(IndexError):  # another thread had the last one
        while waiting:
            series, amount = waiting.popleft()
            amounts[series].append(amount)
    for series, taken in amounts.items():
        series.take(taken)


BUDGET_REFUSALS = Counter(
    "tintype_budget_refusals",
    "Requests and quotes with status 402, because they would exceed a budget, by its window.",
    ("window",),
    registry=REGISTRY,
)
BUDGET_ALERTS = Counter(
    "tintype_budget_alerts",
    "Shares of budgets that charges have reached, each counted by one gateway, by window.",
    ("window",),
    registry=REGISTRY,
)
HTTP_REQUESTS = Counter(
    "tintype_http_requests",
    "Responses to clients.",
    ("method", "route", "status"),
    registry=REGISTRY,
)
CONNECTIONS_CUT = Counter(
    "tintype_http_connections_cut",
    "Client connections that the gateway closed, by reason.",
    ("reason",),
    registry=REGISTRY,
)
REQUESTS_IN_FLIGHT = Gauge(
    "tintype_http_requests_in_flight",
    "Client requests in progress.",
    registry=REGISTRY,
)
PROVIDER_DURATION = Histogram(
    "tintype_provider_request_duration_seconds",
    "Time from sending a call to a provider to the end of its response.",
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
PROVIDER_POLLS = Counter(
    "tintype_provider_polls",
    "Polls of tasks at providers, by outcome: waiting, done, ended (without a result) or failed. "
    "The polls of a task belong to one call.",
    ("provider", "outcome"),
    registry=REGISTRY,
)
TASK_CANCELS = Counter(
    "tintype_provider_task_cancels",
    "Calls that cancel tasks at providers which nobody waits for any more, by result: success or "
    "failure.",
    ("provider", "result"),
    registry=REGISTRY,
)
RETRIES = Counter(
    "tintype_retries",
    "Retries of calls on the same route, by the fault of the failed call.",
    ("provider", "reason"),
    registry=REGISTRY,
)
FAILOVERS = Counter(
    "tintype_failovers",
    "Calls that failed over to another route, by the provider and the fault of the failed call.",
    ("provider", "reason"),
    registry=REGISTRY,
)
RETRIES_REFUSED = Counter(
    "tintype_retry_budget_exhausted",
    "Retries and failovers that the retry budget refused.",
    ("provider",),
    registry=REGISTRY,
)
SLOTS_IN_USE = Gauge(
    "tintype_slots_in_use",
    "Calls of this gateway that have a slot of a binding with `maxConcurrentCalls`.",
    ("binding",),
    registry=REGISTRY,
)
SLOTS_WAITING = Gauge(
    "tintype_slots_waiting",
    "Calls of this gateway that wait for a slot of a binding with `maxConcurrentCalls`.",
    ("binding",),
    registry=REGISTRY,
)
SLOT_POSITION = Histogram(
    "tintype_slot_queue_position",
    "Positions that calls without a free slot got in the queue of all gateways; 1 is the next.",
    ("binding",),
    buckets=(1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000),
    registry=REGISTRY,
)
SLOT_WAIT = Histogram(
    "tintype_slot_wait_seconds",
    "Wait for a slot, by outcome: leased, full (the queue), timeout, or left (the client).",
    ("binding", "outcome"),
    buckets=(0.01, 0.05, *_SECONDS),
    registry=REGISTRY,
)
HEALTH_PROBES = Counter(
    "tintype_health_probes",
    "Health probes of bindings with `healthProbe`, by result: success or failure.",
    ("binding", "result"),
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
    "Duration of requests without their calls to providers and the waits of these for a slot.",
    buckets=_OWN_SECONDS,
    registry=REGISTRY,
)
GEN_AI_DURATION = Histogram(
    "gen_ai_client_operation_duration_seconds",
    "Duration of calls to providers, named by OpenTelemetry's conventions for generative AI.",
    ("gen_ai_operation_name", "gen_ai_provider_name", "error_type"),
    buckets=_GEN_AI_SECONDS + _MORE_GEN_AI_SECONDS,
    registry=REGISTRY,
)
GEN_AI_TOKENS = Histogram(
    "gen_ai_client_token_usage",
    "Tokens that providers report for calls, named by the same conventions.",
    ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_token_type"),
    buckets=[4**power for power in range(14)],
    registry=REGISTRY,
)
BYTES_IN_FLIGHT = Gauge(
    "tintype_provider_bytes_in_flight",
    "Bytes of provider responses received for requests in progress.",
    registry=REGISTRY,
)
MEMORY_BUDGET = Gauge(
    "tintype_memory_budget_bytes",
    "Memory that the gateway may use: a share of its container's limit, 0 without a limit.",
    registry=REGISTRY,
)
MEMORY_RESERVED = Gauge(
    "tintype_memory_reserved_bytes",
    "Memory reserved for the requests in progress.",
    registry=REGISTRY,
)
SPOOL_LIMIT = Gauge(
    "tintype_spool_limit_bytes",
    "Disk space that the uploads of all requests may take.",
    registry=REGISTRY,
)
SPOOL_BYTES = Gauge(
    "tintype_spool_bytes",
    "Disk space reserved for the uploads of the requests in progress.",
    registry=REGISTRY,
)
SPOOL_MEMORY_BYTES = Gauge(
    "tintype_spool_memory_bytes",
    "Memory for the uploads of the requests in progress that have more than 1 MiB and no file.",
    registry=REGISTRY,
)
REQUESTS_SHED = Counter(
    "tintype_requests_shed",
    "Requests rejected because memory, or disk space for uploads, was short.",
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
    "Charges that are due and not yet written to the ledger. They are retried.",
    registry=REGISTRY,
)
FOLDER_MANIFESTS = Gauge(
    "tintype_folder_manifests",
    "Accounts, keys and grants in the catalog folder, by state: ready, reconciling or stalled.",
    ("state",),
    registry=REGISTRY,
)
LEDGER_SECONDS = Histogram(
    "tintype_ledger_operation_duration_seconds",
    "Duration of ledger operations, by outcome: done, refused or unavailable.",
    ("operation", "outcome"),
    buckets=_OWN_SECONDS,
    registry=REGISTRY,
)
LOOP_LAG = Histogram(
    "tintype_event_loop_lag_seconds",
    "Delay of the event loop behind its timers, sampled twice a second.",
    buckets=_OWN_SECONDS,
    registry=REGISTRY,
)
UNSETTLED_CALLS = Counter(
    "tintype_unsettled_upstream_calls",
    "Calls that a provider may charge for, but that no account was charged for.",
    ("provider", "reason"),
    registry=REGISTRY,
)
USAGE_UNUSABLE = Counter(
    "tintype_usage_unusable",
    "Calls that returned images without a usable report of their tokens or cost, charged at the "
    "price table's figures.",
    ("provider", "binding"),
    registry=REGISTRY,
)
EXCESS_CREDITS = Counter(
    "tintype_excess_credits",
    "Credits that requests cost above their ceiling, which no account is charged for.",
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
    "Time from the hold to the first event of a stream, by event.",
    ("provider", "event"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
ADMIN_TOKENS_REFUSED = Counter(
    "tintype_admin_tokens_refused",
    "Requests to the admin API with a wrong token, or with none.",
    registry=REGISTRY,
)
WEBHOOK_ATTEMPTS = Counter(
    "tintype_webhook_attempts",
    "Attempts to deliver webhooks, by type of the event and outcome: delivered, refused (by the "
    "status of the response), redirected, timeout, unreachable, forbidden (an address that is not "
    "allowed) or misconfigured.",
    ("type", "outcome"),
    registry=REGISTRY,
)
WEBHOOKS_GIVEN_UP = Counter(
    "tintype_webhooks_given_up",
    "Webhooks whose last attempt failed.",
    ("type",),
    registry=REGISTRY,
)
WEBHOOKS_PENDING = Gauge(
    "tintype_webhooks_pending",
    "Webhooks of all gateways that are not delivered yet, by whose receiver they are for: that of "
    "the settings, or those that accounts name for their jobs.",
    ("receiver",),
    registry=REGISTRY,
)
WEBHOOKS_OLDEST = Gauge(
    "tintype_webhooks_oldest_seconds",
    "Age of the oldest webhook that is not delivered yet, by receiver (settings, jobs); 0 without "
    "one.",
    ("receiver",),
    registry=REGISTRY,
)
GUARDRAIL_SECONDS = Histogram(
    "tintype_guardrail_duration_seconds",
    "Time until the policy service has judged a prompt or images, by outcome: allow, deny, "
    "replace, timeout, unreachable, forbidden (an address that is not allowed), refused (by the "
    "status of the response), invalid, misconfigured or cancelled.",
    ("check", "outcome"),
    buckets=(*_OWN_SECONDS, 5, 10, 30, 60),
    registry=REGISTRY,
)
GUARDRAIL_VERDICTS = Counter(
    "tintype_guardrail_verdicts",
    "Prompts and images by what the policy service decided: allow, deny or replace; failed_open or "
    "failed_closed without a verdict; exempt for accounts that are not checked.",
    ("check", "verdict"),
    registry=REGISTRY,
)
JOB_SUBMISSIONS = Counter(
    "tintype_job_submissions",
    "Requests to run in the background, by result: accepted, repeated (by their idempotency key) "
    "or queue_full.",
    ("result",),
    registry=REGISTRY,
)
JOBS_QUEUED = Gauge(
    "tintype_jobs_queued",
    "Jobs of all gateways that wait to be run.",
    ("model",),
    registry=REGISTRY,
)
JOBS_OLDEST = Gauge(
    "tintype_jobs_oldest_seconds",
    "Age of the oldest job of all gateways that waits to be run.",
    ("model",),
    registry=REGISTRY,
)
JOBS_RUNNING = Gauge(
    "tintype_jobs_running",
    "Jobs that this gateway runs.",
    registry=REGISTRY,
)
JOBS_CONCURRENCY = Gauge(
    "tintype_jobs_concurrency",
    "How many jobs this gateway may run at once; 0 if it runs none, or drains.",
    registry=REGISTRY,
)
JOB_QUEUE_SECONDS = Histogram(
    "tintype_job_queue_seconds",
    "Time from the submission of a job to its first start.",
    buckets=(0.01, 0.05, *_SECONDS, 600, 3600, 14400, 86400),
    registry=REGISTRY,
)
JOBS_ENDED = Counter(
    "tintype_jobs_ended",
    "Jobs that this gateway ended, by operation and status: completed, failed, cancelled or "
    "outcome_unknown.",
    ("operation", "status"),
    registry=REGISTRY,
)
JOBS_RECOVERED = Counter(
    "tintype_jobs_recovered",
    "Jobs claimed again after a gateway ended or handed them back, by mode: run (nothing was "
    "sent), resume (tasks at providers are polled on) or abandoned (a provider may have worked).",
    ("mode",),
    registry=REGISTRY,
)
JOBS_HANDED_BACK = Counter(
    "tintype_jobs_handed_back",
    "Jobs that this gateway handed back, as it drained or lacked memory, disk space or an image "
    "store, by mode: run or resume; or no_key, as it lacked the key of their requests.",
    ("mode",),
    registry=REGISTRY,
)
HOLDS_EXPIRED = Counter(
    "tintype_holds_expired",
    "Holds released because their gateway had ended.",
    registry=REGISTRY,
)
CATALOG_LOADS = Counter(
    "tintype_catalog_loads",
    "Catalogs received, by channel and result: loaded or rejected.",
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
    "Always 1. The label is the channel that delivered the served catalog.",
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
    "Time from the publication of a catalog until the gateway serves it.",
    ("source",),
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 90, 120, 300),
    registry=REGISTRY,
)
BUILD_INFO = Gauge(
    "tintype_build_info",
    "Always 1. The label is the version.",
    ("version",),
    registry=REGISTRY,
)
BUILD_INFO.labels(__version__).set(1)
