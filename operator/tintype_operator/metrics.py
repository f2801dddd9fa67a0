"""Every Prometheus metric of the operator, in one place."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # `_created` doubles the series

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

RECONCILES = Counter(
    "tintype_operator_reconcile",
    "Reconciliations of all objects, by result.",
    ("result",),
    registry=REGISTRY,
)
RECONCILE_SECONDS = Histogram(
    "tintype_operator_reconcile_duration_seconds",
    "Duration of a reconciliation of all objects.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)
OBJECTS = Gauge(
    "tintype_operator_cache_objects",
    "Objects in the operator's cache, by kind.",
    ("kind",),
    registry=REGISTRY,
)
READY_OBJECTS = Gauge(
    "tintype_operator_ready_objects",
    "Objects whose condition `Ready` is True, by kind.",
    ("kind",),
    registry=REGISTRY,
)
RELIST_AGE = Gauge(
    "tintype_operator_relist_age_seconds",
    "Time since the last complete list.",
    registry=REGISTRY,
)
STATUS_WRITES = Counter(
    "tintype_operator_status_writes", "Statuses written to objects.", registry=REGISTRY
)
PUBLICATIONS = Counter("tintype_operator_publications", "Catalogs published.", registry=REGISTRY)
REFUSED = Gauge(
    "tintype_operator_publication_refused",
    "1 while the operator refuses to publish a catalog that lost too many models.",
    registry=REGISTRY,
)
GATEWAYS = Gauge(
    "tintype_operator_gateways",
    "Gateways, by state: `acked` (serves the newest catalog), `stale` or `unreachable`.",
    ("state",),
    registry=REGISTRY,
)
LEADER = Gauge("tintype_operator_leader", "1 while this operator is the leader.", registry=REGISTRY)
ACCOUNT_RECONCILES = Counter(
    "tintype_operator_account_reconcile",
    "Reconciliations of one Account, ApiKey or CreditGrant, by kind and result: `success`, "
    "`waiting` or `error`.",
    ("kind", "result"),
    registry=REGISTRY,
)
ACCOUNT_QUEUE = Gauge(
    "tintype_operator_account_queue",
    "Accounts, ApiKeys and CreditGrants that wait to be reconciled.",
    registry=REGISTRY,
)
ADMIN_CALLS = Counter(
    "tintype_operator_admin_calls",
    "Calls of the gateways' admin API, by result: `success`, `unavailable`, `token_refused` or "
    "`refused`.",
    ("result",),
    registry=REGISTRY,
)
LOSS_REFUSED = Gauge(
    "tintype_operator_account_loss_refused",
    "Owned keys and accounts whose objects vanished, while a person has to accept such a loss.",
    registry=REGISTRY,
)
AUDIT_WAITING = Gauge(
    "tintype_operator_audit_changes_waiting",
    "Changes of models and bindings that no gateway has recorded yet.",
    registry=REGISTRY,
)
