"""The metrics of a gateway that has used a thousand models, each at two providers.

Every metric is filled by its labels, so that a new one counts, too: all models with a success and
a failure at both providers, every provider, region and outcome there is.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, get_args

from prometheus_client import Counter, Gauge, Histogram

from tintype_gateway.catalog.metrics import show
from tintype_gateway.observability.metrics import REGISTRY
from tintype_gateway.values.faults import FaultKind
from tintype_testing.builders import snapshot
from tintype_testing.manifests import image_model
from tintype_testing.private_prometheus import collectors, label_names, name_and_type

MODELS = tuple(f"model-{number}" for number in range(1000))
PROVIDERS = ("openai", "bedrock")
REGIONS = (
    ("openai", "global"),
    ("bedrock", "us-east-1"),
    ("bedrock", "us-west-2"),
    ("bedrock", "eu-west-1"),
    ("gemini", "global"),
    ("gemini", "us-central1"),
)
OUTCOMES = ("success", *get_args(FaultKind), "cancelled")

SLOT_OUTCOMES = ("leased", "full", "timeout", "left")
OPERATIONS = ("image_generation", "image_edit", "image_variation")
ENDS = ("completed", "failed", "cancelled", "outcome_unknown")
"""The statuses with which jobs end."""

LEDGER_OUTCOMES = ("done", "refused", "unavailable")

GUARDRAIL_OUTCOMES = (
    *("allow", "deny", "replace", "timeout", "unreachable"),
    *("forbidden", "refused", "invalid", "misconfigured", "cancelled"),
)

VOCABULARY: Mapping[str, Sequence[str]] = {
    "binding": tuple(f"binding-{number}" for number in range(10)),
    "check": ("prompt", "images"),
    "event": ("partial_image", "completed"),
    "error_type": ("", *OUTCOMES[1:]),
    "gen_ai_operation_name": ("image_generation",),
    "gen_ai_provider_name": ("openai", "aws.bedrock", "gcp.gemini"),
    "gen_ai_token_type": ("input", "output"),
    "method": ("GET", "POST"),
    "mode": ("run", "resume", "abandoned"),
    "operation": ("hold", "settle", "release", "renew", "authenticate", "mark_delivered"),
    "outcome": OUTCOMES,
    "provider": ("openai", "bedrock", "gemini"),
    "reason": OUTCOMES,
    "receiver": ("settings", "jobs"),
    "result": ("loaded", "rejected"),
    "route": tuple(f"/v1/{number}" for number in range(8)),
    "source": ("watch", "mount", "last-good"),
    "state": ("ready", "reconciling", "stalled"),
    "status": ("200", "400", "401", "402", "404", "422", "429", "499", "503"),
    "type": (
        *("budget.threshold_reached", "audit.change", "webhook.test", "image.job.completed"),
        *("image.job.failed", "image.job.cancelled", "image.job.outcome_unknown"),
    ),
    "verdict": ("allow", "deny", "replace", "failed_open", "failed_closed", "exempt"),
    "version": ("0.1.0",),
    "window": ("day", "week", "month"),
}

ONE_OF = {
    "tintype_images_refused": 10,
    "tintype_excess_credits": 100,
    "tintype_jobs_queued": 100,
    "tintype_jobs_oldest_seconds": 100,
}
"""For events that happen to few of the models, and for those whose jobs wait at a time."""


def use_a_thousand_models() -> None:
    """Fill the registry."""
    dates = {"deprecatedOn": "2030-01-01", "retiresOn": "2030-07-01"}
    endings: list[dict[str, Any]] = [
        {"lifecycle": dates} if number % 4 == 0 else {} for number in range(len(MODELS))
    ]
    models = (image_model(name, **spec) for name, spec in zip(MODELS, endings, strict=True))
    show(snapshot(*models), loaded_at=0)
    for collector in collectors(REGISTRY):
        if isinstance(collector, Counter | Gauge | Histogram):
            for labels in _uses(name_and_type(collector)[0], label_names(collector)):
                _touch(collector.labels(**labels) if labels else collector)


def _uses(name: str, labels: Sequence[str]) -> Iterator[dict[str, str]]:
    if "model" in labels:
        few = MODELS[:: -ONE_OF.get(name, 1)]
        outcomes = ("success", "unavailable") if "outcome" in labels else ("success",)
        for model, provider, outcome in product(few, PROVIDERS, outcomes):
            yield _chosen(labels, model=model, provider=provider, outcome=outcome)
    elif {"binding", "outcome"} <= set(labels):
        for binding, outcome in product(VOCABULARY["binding"], SLOT_OUTCOMES):
            yield _chosen(labels, binding=binding, outcome=outcome)
    elif "region" in labels:
        for (provider, region), outcome in product(REGIONS, OUTCOMES):
            yield _chosen(labels, provider=provider, region=region, outcome=outcome)
    elif {"check", "outcome"} <= set(labels):
        for check, outcome in product(VOCABULARY["check"], GUARDRAIL_OUTCOMES):
            yield _chosen(labels, check=check, outcome=outcome)
    elif {"operation", "status"} <= set(labels):
        for operation, status in product(OPERATIONS, ENDS):
            yield _chosen(labels, operation=operation, status=status)
    elif "operation" in labels:
        for operation, outcome in product(VOCABULARY["operation"], LEDGER_OUTCOMES):
            yield _chosen(labels, operation=operation, outcome=outcome)
    else:
        for values in product(*(VOCABULARY[label] for label in labels)):
            yield dict(zip(labels, values, strict=True))


def _chosen(labels: Sequence[str], **values: str) -> dict[str, str]:
    return {label: values[label] for label in labels}


def _touch(metric: Any) -> None:
    if isinstance(metric, Histogram):
        metric.observe(1)
    else:
        metric.inc()
