"""A call to a provider as metrics and traces see it: how long it took, and how it ended."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tintype_catalog.costs import TokenUsage
from tintype_gateway.observability import spans as telemetry
from tintype_gateway.observability.gen_ai import OPERATION, gen_ai_provider
from tintype_gateway.observability.metrics import (
    GEN_AI_DURATION,
    GEN_AI_TOKENS,
    IMAGES_REFUSED,
    PROVIDER_DURATION,
    PROVIDER_REQUESTS,
    UNSETTLED_CALLS,
)
from tintype_gateway.observability.request_meter import current_meter
from tintype_gateway.values import Plan, Route, UpstreamFault

_PAID_BY_US = frozenset({"timeout", "outcome_unknown", "cancelled"})
"""Ends after which a provider may charge us for a picture that nobody received."""


@contextmanager
def observed_call(plan: Plan, route: Route, asked: int) -> Iterator[None]:
    """Observe the call to a provider that the block makes, which asks for so many pictures."""
    with telemetry.calling(plan, route, asked), current_meter().calling():
        outcome, started = "success", time.perf_counter()
        try:
            yield
        except UpstreamFault as fault:
            outcome = fault.kind
            raise
        except (asyncio.CancelledError, ConnectionError):  # the client left, while we wait or write
            outcome = "cancelled"
            raise
        finally:
            _observe(route, plan.model.id, outcome, time.perf_counter() - started)
            if outcome == "refused":
                IMAGES_REFUSED.labels(route.binding.provider, plan.model.id).inc(asked)


def observe_usage(route: Route, usage: TokenUsage | None) -> None:
    """Observe the tokens of a call, whose block this is in, where its provider counts them."""
    if usage is None:
        return
    telemetry.used(usage)
    provider, trace = gen_ai_provider(route.binding.provider), telemetry.exemplar()
    tokens = GEN_AI_TOKENS.labels
    tokens(OPERATION, provider, "input").observe(usage.text_input + usage.image_input, trace)
    tokens(OPERATION, provider, "output").observe(usage.text_output + usage.image_output, trace)


@contextmanager
def observed_finish(route: Route) -> Iterator[None]:
    """Observe what the block does with the pictures of a call: lost now, they are lost for us."""
    try:
        yield
    except UpstreamFault as fault:
        UNSETTLED_CALLS.labels(route.binding.provider, fault.kind).inc()
        raise
    except asyncio.CancelledError:
        UNSETTLED_CALLS.labels(route.binding.provider, "cancelled").inc()
        raise


def _observe(route: Route, model_id: str, outcome: str, seconds: float) -> None:
    provider, trace = route.binding.provider, telemetry.exemplar()
    PROVIDER_DURATION.labels(provider, route.region, outcome).observe(seconds, trace)
    PROVIDER_REQUESTS.labels(provider, model_id, outcome).inc()
    error_type = "" if outcome == "success" else outcome
    GEN_AI_DURATION.labels(OPERATION, gen_ai_provider(provider), error_type).observe(seconds, trace)
    if outcome in _PAID_BY_US:
        UNSETTLED_CALLS.labels(provider, outcome).inc()
